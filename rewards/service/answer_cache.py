"""Answers and states by what led to them, so that nothing is read twice."""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import final

from kibble.rewards.service.answers import Outcome
from kibble.rewards.service.memory_copy import copied_memory, memory_bytes
from kibble.rewards.service.pictures import EncodedPicture
from kibble.rewards.types import Episode, Task

__all__ = ["AnswerCache", "Remembered", "digest_of", "remembered"]

_LOGGER = logging.getLogger(__name__)
_ENTRY = 512  # bytes of an entry besides what the model remembers


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Remembered:
    """What a model said, and what it remembered after that.

    Args:
        outcome: The answer; that of start frames has progress alone.
        steps: ``Episode.steps`` after it.
        memory: ``Episode.memory`` after it. Nobody writes to it.
        task: What opened the episode, for the answer to start frames; else ``None``.
    """

    outcome: Outcome
    steps: int
    memory: Mapping[str, object]
    task: Task | None = None


def remembered(outcome: Outcome, episode: Episode, *, opened: bool = False) -> Remembered | None:
    """Copy what a model remembers after an answer; None if it cannot be copied.

    Args:
        outcome: The answer.
        episode: The model's episode after it.
        opened: Whether the answer is that to the start frames.
    """
    try:
        memory = copied_memory(episode.memory)
    # Whatever a model keeps there: the answer is good, it is only not kept.
    except Exception:
        _LOGGER.exception("an episode's memory cannot be copied; answers are not kept")
        return None
    task = episode.task if opened else None
    return Remembered(outcome=outcome, steps=episode.steps, memory=memory, task=task)


@final
class AnswerCache:
    """Least recently used answers, bounded by bytes.

    A causal model's answer follows from its weights, the task, the start frames and all frames
    since: so the key is a digest of all of them, chained frame by frame (:func:`digest_of`). Two
    clients that show the same recording are read once; a client that departs from the recording
    goes on from the state that is remembered at that point.

    Args:
        size: Bytes that may be held; 0 holds nothing.

    Attributes:
        held: Bytes that are held.
    """

    def __init__(self, size: int) -> None:
        self.held = 0
        self._size = size
        self._entries: OrderedDict[bytes, tuple[Remembered, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def off(self) -> bool:
        """Whether nothing is ever held."""
        return self._size == 0

    def switch_off(self) -> None:
        """Hold nothing, from now on."""
        self._size = self.held = 0
        self._entries.clear()

    def find(self, key: bytes) -> Remembered | None:
        """Return what is known of that history."""
        found = self._entries.get(key)
        if found is None:
            return None
        self._entries.move_to_end(key)
        return found[0]

    def keep(self, key: bytes, remembered: Remembered) -> None:
        """Hold an answer; the least recently used ones go."""
        size = _ENTRY + memory_bytes(remembered.memory) + _task_bytes(remembered.task)
        if size > self._size or key in self._entries:
            return
        self._entries[key] = remembered, size
        self.held += size
        while self.held > self._size:
            _, (_, freed) = self._entries.popitem(last=False)
            self.held -= freed


def digest_of(before: bytes, texts: Iterable[str], *columns: Mapping[str, object]) -> bytes:
    """Chain a digest: what was before, texts, and encoded pictures by view.

    Args:
        before: Digest of the history so far.
        texts: What else decides the answer.
        columns: View to a picture or to a tuple of pictures; the order of views does not matter.

    Returns:
        16 bytes.
    """
    content = hashlib.blake2b(before, digest_size=16)
    for text in texts:
        content.update(f"{len(text)}:{text}".encode())
    for column in columns:
        content.update(b"|")
        for view in sorted(column):
            pictures = column[view]
            for picture in pictures if isinstance(pictures, tuple) else (pictures,):
                assert isinstance(picture, EncodedPicture)
                form = f"{view}/{picture.format}/{picture.height}/{picture.width}/"
                content.update(f"{form}{len(picture.data)}:".encode())
                content.update(picture.data)
    return content.digest()


def _task_bytes(task: Task | None) -> int:
    if task is None:
        return 0
    parts = (task.goal_frames, task.start_frames, task.demonstration)
    return sum(memory_bytes(part) for part in parts if part is not None)
