"""One episode with its compressed frames: all that is needed to score it again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

from kibble.agents.scoring.events import Stepped
from kibble.agents.scoring.frame_codec import FrameDecoder, FrameEncoder
from kibble.rewards.signals import Signals
from kibble.rewards.types import Frames, Task

__all__ = ["StoredEpisode", "StoredStep"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class StoredStep:
    """One step: its number, what the environment said, and the weight of the potential after it.

    Args:
        number: Steps of the vector environment before this one.
        reward: Primary reward.
        terminated: Whether it ended the task.
        truncated: Whether it ended the episode otherwise.
        penalty: Product of soft penalties, in [0, 1].
        infraction: Whether it was a hard infraction.
        weight: Weight of the potential from this step on.
        frames: Compressed frames, or ``None`` where none were due.
    """

    number: int
    reward: float
    terminated: bool
    truncated: bool
    penalty: float
    infraction: bool
    weight: float
    frames: dict[str, bytes] | None


@final
@dataclass(slots=True, kw_only=True, eq=False)
class StoredEpisode:
    """An episode of one slot as far as it has come.

    Args:
        slot: Its slot.
        task: Its task.
        start: Compressed start frames.
        weight: Weight of the potential at its start.
        steps: Its steps.
        ended: Whether it is over.
    """

    slot: int
    task: Task
    start: dict[str, bytes]
    weight: float = 1.0
    steps: list[StoredStep] = field(default_factory=list)
    ended: bool = False
    _encoder: FrameEncoder = field(default_factory=FrameEncoder, repr=False)

    @staticmethod
    def begin(slot: int, task: Task, frames: Frames) -> StoredEpisode:
        """Open an episode with its start frames."""
        encoder = FrameEncoder()
        return StoredEpisode(slot=slot, task=task, start=encoder.encode(frames), _encoder=encoder)

    @property
    def size(self) -> int:
        """Bytes of compressed frames; the numbers beside them are not counted."""
        return sum(map(_size, [self.start, *(step.frames or {} for step in self.steps)]))

    def add(self, event: Stepped, signals: Signals) -> int:
        """Add a step that was scored, and return the bytes that its frames take."""
        slot = self.slot
        if not self.steps:
            self.weight = float(signals.weight[slot])
        frames = event.frames.get(slot)
        packed = None if frames is None else self._encoder.encode(frames)
        self.steps.append(
            StoredStep(
                number=event.number,
                reward=float(event.rewards[slot]),
                terminated=bool(event.terminated[slot]),
                truncated=bool(event.truncated[slot]),
                penalty=float(event.penalty[slot]),
                infraction=bool(event.infraction[slot]),
                weight=float(signals.next_weight[slot]),
                frames=packed,
            )
        )
        self.ended = bool(event.terminated[slot] or event.truncated[slot])
        return 0 if packed is None else _size(packed)

    def follow(self) -> None:
        """Prepare to go on after the last frames, where the episode was loaded."""
        decoder = FrameDecoder()
        last = decoder.decode(self.start)
        for step in self.steps:
            if step.frames is not None:
                last = {**last, **decoder.decode(step.frames)}
        self._encoder.follow(last)

    def numbers(self) -> list[int]:
        """The steps' numbers."""
        return [step.number for step in self.steps]


def _size(packed: dict[str, bytes]) -> int:
    return sum(map(len, packed.values()))
