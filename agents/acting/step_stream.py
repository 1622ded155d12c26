"""Steps on their way from the thread that acts to the one that learns."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Halted", "Opening", "StepStream", "StreamedStep"]

Info = dict[str, object]


class Halted(KeyboardInterrupt):
    """Ctrl-C was pressed: the robot is at rest, and no step is half stored."""


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Opening:
    """How an episode began.

    Args:
        observation: What was seen, as the agent sees it.
        info: What came with it.
        generator: State of the environment's random generator then.
    """

    observation: NDArray[np.generic]
    info: Info
    generator: dict[str, object]


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StreamedStep:
    """One step that was taken.

    Args:
        observation: What was seen after it.
        reward: What the environment paid.
        terminated: Whether it ended the task.
        truncated: Whether it ended the episode otherwise.
        info: What came with it.
        following: How the next episode began, where this one ended.
    """

    observation: NDArray[np.generic]
    reward: float
    terminated: bool
    truncated: bool
    info: Info
    following: Opening | None


@final
class StepStream:
    """Hands over steps in their order; whoever puts one in never waits.

    What goes wrong where steps are made is raised where they are taken, after the steps before it.

    Args:
        passed_on: Whether steps that are taken are still on their way until :meth:`arrived`.
    """

    def __init__(self, *, passed_on: bool = False) -> None:
        self._passed_on = passed_on
        self._away = 0  # steps that were taken and have not arrived
        self._steps: deque[StreamedStep] = deque()
        self._changed = threading.Condition()
        self._problem: BaseException | None = None
        self._halted = False

    def __len__(self) -> int:
        return len(self._steps)

    def put(self, step: StreamedStep) -> None:
        """Add a step."""
        with self._changed:
            self._steps.append(step)
            self._changed.notify_all()

    def fail(self, problem: BaseException) -> None:
        """Have this raised once the steps before it have been taken."""
        with self._changed:
            self._problem = problem
            self._changed.notify_all()

    def halt(self) -> None:
        """Have :class:`Halted` raised at the next :meth:`take`; a signal handler may call it."""
        with self._changed:
            self._halted = True
            self._changed.notify_all()

    def is_why(self, error: BaseException) -> bool:
        """Return whether :meth:`take` raised this: between two steps, with none half done."""
        return isinstance(error, Halted) or error is self._problem

    def take(self) -> StreamedStep:
        """Return the oldest step; wait for it where there is none.

        Raises:
            Halted: After :meth:`halt`; steps that wait are lost then.
        """
        with self._changed:
            while not self._steps and self._problem is None and not self._halted:
                self._changed.wait()
            if self._halted:
                raise Halted
            if self._steps:
                step = self._steps.popleft()
                self._away += self._passed_on
                self._changed.notify_all()
                return step
            assert self._problem is not None
            raise self._problem

    def arrived(self) -> None:
        """A step that was passed on has arrived."""
        with self._changed:
            self._away -= 1
            self._changed.notify_all()

    def wait_until_at_most(self, count: int) -> bool:
        """Wait until no more steps than this are on their way; return whether it had to wait."""
        waited = False
        with self._changed:
            while len(self._steps) + self._away > count and not self._halted:
                waited = True
                self._changed.wait()
        return waited
