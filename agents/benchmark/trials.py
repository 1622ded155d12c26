"""One episode that models are measured on, with what is known of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.types import Frames, Task

__all__ = ["HOLD", "Trial", "trial_task"]

HOLD = 5  # frames: half a second at 10 Hz, as long as success must hold in the suite


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trial:
    """An episode of T frames in which G goals can be asked for, one of which it is about.

    Args:
        name: Unique name.
        task: What it is compared with: its simulated task, or its instruction.
        kind: Kind of behaviour, or ``"recorded"``.
        load: Reads the frames, (T, H, W, 3) uint8 RGB per view.
        steps: T.
        sentences: The phrasings of each goal, the plainest first.
        goal: Its own goal, in [0, G).
        progress: (T, G) true progress in [0, 1], or ``None`` where nobody knows.
        success: (T, G) whether each goal is met at that instant, or ``None``.
        outcome: Whether it ended in success, or ``None`` where nobody knows.
        state: (T, S) the simulator's or the robot's state, or ``None``.
        goal_frames: For each goal frames of it finished, or ``None``.
        frame_rate: Frames per second, or ``None`` where nobody knows.
    """

    name: str
    task: str
    kind: str
    load: Callable[[], Frames]
    steps: int
    sentences: tuple[tuple[str, ...], ...]
    goal: int = 0
    progress: NDArray[np.float32] | None = None
    success: NDArray[np.bool_] | None = None
    outcome: bool | None = None
    state: NDArray[np.float32] | None = None
    goal_frames: tuple[Frames | None, ...] = ()
    frame_rate: float | None = None

    @property
    def own_progress(self) -> NDArray[np.float32] | None:
        """(T,) true progress towards its own goal."""
        return None if self.progress is None else self.progress[:, self.goal]

    @property
    def own_success(self) -> NDArray[np.bool_] | None:
        """(T,) whether its own goal is met."""
        return None if self.success is None else self.success[:, self.goal]

    @property
    def reached(self) -> int | None:
        """The first frame in which its own goal is met, or ``None``.

        Where only the outcome is known it is the last frame; where nothing is known too: then it
        is a demonstration, which is taken to end in success.
        """
        if self.own_success is not None:
            met = np.flatnonzero(self.own_success)
            return int(met[0]) if len(met) else None
        return None if self.outcome is False else self.steps - 1

    @property
    def finished(self) -> int | None:
        """The frame in which its own goal has been met for half a second at most, or ``None``."""
        if self.reached is None or self.own_success is None:
            return self.reached
        lost = np.flatnonzero(~self.own_success[self.reached :])
        held = int(lost[0]) if len(lost) else self.steps - self.reached
        return self.reached + min(HOLD, held - 1)

    @property
    def is_success(self) -> bool:
        """Whether it shows the way to success: the episodes that order in time is asked of."""
        if self.success is None:
            return self.outcome is not False
        return self.kind in ("success", "recorded") and self.reached is not None


def trial_task(
    trials: Sequence[Trial], trial: int, goal: int, *, phrasing: int = 0, with_goal: bool = False
) -> Task | None:
    """What a model is told to do: a goal of a trial, in words and, if asked for, in frames.

    Args:
        trials: All trials.
        trial: The one whose goal it is; the frames that are read may be another's.
        goal: Which of its goals.
        phrasing: Which of its sentences.
        with_goal: Whether frames of the finished task are needed.

    Returns:
        The task, or ``None`` where frames are needed and there are none.
    """
    sentence = trials[trial].sentences[goal][phrasing]
    if not with_goal:
        return Task(instruction=sentence)
    known = trials[trial].goal_frames
    frames = known[goal] if known else None
    return None if frames is None else Task(instruction=sentence, goal_frames=frames)
