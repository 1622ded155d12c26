"""The back end in this process: a vision-language model of transformers, asked in batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, final

from kibble.rewards.vlm.backend import Backend, BackendSpec
from kibble.rewards.vlm.questions import Answer, Question

if TYPE_CHECKING:
    import torch

    from kibble.rewards.vlm.opening import BackendOptions

__all__ = ["LocalBackend", "open_local"]


@final
class LocalBackend:
    """A vision-language model in this process."""

    @property
    def spec(self) -> BackendSpec:
        """What it is; it answers every kind of question."""
        raise NotImplementedError

    def answer(self, questions: Sequence[Question]) -> list[Answer]:
        """Answer Q questions; see :meth:`kibble.rewards.vlm.backend.Backend.answer`."""
        raise NotImplementedError


def open_local(
    weights: str,
    options: BackendOptions,
    *,
    device: torch.device | None = None,
    adapters: Mapping[str, str] | None = None,
) -> Backend:
    """Open a vision-language model in this process.

    Args:
        weights: Directory, or hub id whose files are in the local hub cache.
        options: Its ``dtype``, ``batch``, ``cache_mb`` and ``trust_remote_code`` count.
        device: Where it runs; the CPU by default.
        adapters: Name to directory or hub id of low-rank adapters over the model.

    Returns:
        The back end.

    Raises:
        WeightsError: If weights are missing, damaged, of an architecture that is not supported,
            or an adapter has no effect.
    """
    raise NotImplementedError
