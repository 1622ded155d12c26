"""Which sequences are read together, and what happens when memory runs out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar, final

import torch

from kibble.rewards.types import Status
from kibble.rewards.vlm.local.blocks import Row
from kibble.rewards.vlm.local.out_of_memory import is_out_of_memory
from kibble.rewards.vlm.local.passes import Pass, Reader
from kibble.rewards.vlm.local.prefix_tree import PrefixTree, common_length
from kibble.rewards.vlm.local.sight_cache import SightCache
from kibble.rewards.vlm.questions import Failure

__all__ = ["Schedule"]

Result = TypeVar("Result")
SHARED = 64
"""Tokens not yet known that two sequences must begin with for one to wait for the other."""

_LOG = logging.getLogger(__name__)


@final
class Schedule:
    """Reads any number of sequences in batches.

    A sequence that begins with many new tokens of another is read after it, from its states. What
    does not fit into memory is read in halves; what does not fit alone is a failure.

    Args:
        reader: Reads a batch.
        tree: Where states of prefixes are kept.
        sights: Where features are kept.
        batch: Most sequences read at once.
    """

    def __init__(
        self, reader: Reader, tree: PrefixTree, sights: SightCache, *, batch: int
    ) -> None:
        self._reader = reader
        self._tree = tree
        self._sights = sights
        self._batch = batch

    def run(
        self,
        rows: Sequence[Row],
        finish: Callable[[Pass, list[int]], Sequence[Result | Failure]],
        *,
        scope: str,
        vision_scope: str,
    ) -> list[Result | Failure]:
        """Read rows and finish each batch while its states are there.

        Args:
            rows: The sequences.
            finish: Called with a batch that has been read and the numbers of its rows; returns a
                result for each.
            scope: As for :meth:`kibble.rewards.vlm.local.passes.Reader.read`.
            vision_scope: Likewise.

        Returns:
            The result of each row.
        """
        results: dict[int, Result | Failure] = {}

        def read(part: list[int], retried: bool = False) -> None:
            chosen = [rows[i] for i in part]
            try:
                batch = self._reader.read(chosen, scope=scope, vision_scope=vision_scope)
                results.update(zip(part, finish(batch, part), strict=True))
                return
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                reason = str(error).partition("\n")[0]
            # outside the handler, which holds on to the failed pass
            self._forget()
            if len(part) > 1 or not retried:
                _LOG.warning("%d sequences did not fit into memory; forgot caches", len(part))
                half = len(part) // 2
                for smaller in (part[:half], part[half:]):
                    if smaller:
                        read(smaller, retried=len(part) == 1)
                return
            results[part[0]] = Failure(
                status=Status.MODEL_ERROR,
                reason=f"{len(chosen[0].text)} tokens do not fit into memory: {reason}",
            )

        pending = list(range(len(rows)))
        while pending:
            now = self._wave(rows, pending, scope)
            pending = [i for i in pending if i not in set(now)]
            # those with as much to read side by side, so that little is padded
            now.sort(key=lambda i: len(rows[i].text) - rows[i].reusable(self._tree, scope))
            for begin in range(0, len(now), self._batch):
                read(now[begin : begin + self._batch])
        return [results[i] for i in range(len(rows))]

    def _forget(self) -> None:
        self._tree.clear()
        self._sights.clear()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _wave(self, rows: Sequence[Row], pending: list[int], scope: str) -> list[int]:
        """Rows that need not wait for another pending one."""
        if not self._tree.enabled:
            return list(pending)
        now: list[int] = []
        for i in pending:
            known = rows[i].reusable(self._tree, scope)
            units = rows[i].text.units
            waits = any(common_length(units, rows[j].text.units) - known > SHARED for j in now)
            if not waits:
                now.append(i)
        return now
