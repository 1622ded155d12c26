"""Three times to score events: at once, when many wait, or in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol, TypeAlias, final

import torch

from kibble.agents.scoring.events import Event, frames_of
from kibble.agents.scoring.source import Rescored, Scored

__all__ = ["DeferredQueue", "ImmediateQueue", "Results", "ScoringQueue", "ThreadedQueue"]

Results: TypeAlias = "list[Scored | Rescored]"
Score: TypeAlias = Callable[[list[Event]], Results]


class ScoringQueue(Protocol):
    """Takes events in order and gives back what scoring them brought, in the same order."""

    def put(self, event: Event) -> Results:
        """Take an event; return what has been scored by now and was not returned before."""
        ...

    def settle(self) -> Results:
        """Score all that waits and return the rest."""
        ...

    def close(self) -> None:
        """Score nothing more."""
        ...


@final
class ImmediateQueue:
    """Scores each event as it comes.

    Args:
        score: Scores events in their order.
    """

    def __init__(self, score: Score) -> None:
        self._score = score

    def put(self, event: Event) -> Results:
        """Score the event."""
        return self._score([event])

    def settle(self) -> Results:
        """Return nothing: nothing ever waits."""
        return []

    def close(self) -> None:
        """Do nothing."""


@final
class DeferredQueue:
    """Lets events wait until their frames fill a batch, or until somebody needs their scores.

    Args:
        score: Scores events in their order.
        batch: Frames that may wait.
    """

    def __init__(self, score: Score, *, batch: int) -> None:
        self._score = score
        self._batch = batch
        self._waiting: list[Event] = []
        self._frames = 0

    def put(self, event: Event) -> Results:
        """Let the event wait; score all that waits if that is enough for a batch."""
        self._waiting.append(event)
        self._frames += len(frames_of(event))
        return self.settle() if self._frames >= self._batch else []

    def settle(self) -> Results:
        """Score all that waits."""
        events, self._waiting, self._frames = self._waiting, [], 0
        return self._score(events) if events else []

    def close(self) -> None:
        """Forget what waits."""
        self._waiting, self._frames = [], 0


@final
class ThreadedQueue:
    """Scores in a thread, always all that waits, while the caller goes on.

    What goes wrong in the thread is raised in the caller's next call.

    Args:
        score: Scores events in their order; called in the thread alone.
        batch: Frames that may wait; with more, the caller does.
    """

    def __init__(self, score: Score, *, batch: int) -> None:
        self._score = score
        self._batch = batch
        self._waiting: list[Event] = []
        self._frames = 0
        self._busy = False
        self._closed = False
        self._results: Results = []
        self._problem: BaseException | None = None
        self._changed = threading.Condition()
        self._threads = torch.get_num_threads()
        self._thread = threading.Thread(target=self._work, name="scoring", daemon=True)
        self._thread.start()

    def put(self, event: Event) -> Results:
        """Hand the event over, as soon as there is room for its frames."""
        frames = len(frames_of(event))
        with self._changed:
            while self._problem is None and self._frames >= self._batch:
                self._changed.wait()
            self._waiting.append(event)
            self._frames += frames
            self._changed.notify_all()
            return self._take()

    def settle(self) -> Results:
        """Wait until all is scored."""
        with self._changed:
            while self._problem is None and not self._closed and (self._waiting or self._busy):
                self._changed.wait()
            return self._take()

    def close(self) -> None:
        """End the thread once it is through with what it is at."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _take(self) -> Results:
        if self._problem is not None:
            raise self._problem
        results, self._results = self._results, []
        return results

    def _work(self) -> None:
        torch.set_num_threads(self._threads)  # a new thread may otherwise take every core
        while True:
            with self._changed:
                while not self._waiting and not self._closed:
                    self._changed.wait()
                if self._closed:
                    return
                events, self._waiting = self._waiting, []
                self._frames, self._busy = 0, True
                self._changed.notify_all()
            problem: BaseException | None = None
            results: Results = []
            try:
                results = self._score(events)
            except BaseException as error:  # raised anew where somebody can act on it
                problem = error
            with self._changed:
                self._busy = False
                self._problem = problem
                self._results.extend(results)
                self._changed.notify_all()
                if problem is not None:
                    return
