"""Looks at every message of a reward node: what must hold of each, and how late it was."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from kibble.rewards.node.episodes import EpisodeState, Outcome
from kibble.rewards.ros.clock import stamp_ns
from kibble.rewards.types import Status

__all__ = ["RewardWatch"]

_ROUNDING = 2e-6  # of potentials and rewards near 1 as float32
_JUMP = 1_000_000_000  # ns; a stamp further back is of a clock that was set back
_KEPT = 20  # texts of what did not hold


class RewardWatch:
    """Takes every ``kibble_msgs/msg/Reward`` in order; see :meth:`take` for what must hold.

    Args:
        deadline: s, the node's.
        gamma: The node's, whose shaping is ``potential``.
        ended: Called when an episode ended, once for each.
    """

    def __init__(self, *, deadline: float, gamma: float, ended: Callable[[], None]) -> None:
        self._deadline = deadline
        self._gamma = gamma
        self._ended = ended
        self._lock = threading.Lock()
        self._told = ""
        self._last: Any = None
        self._stamps: set[int] = set()  # ns, of what was OK
        self._counting = False
        self.began = time.monotonic()
        self._paid = self._weight = 0.0  # discounted sum of an episode, and gamma ** step
        self._first_phi = float("nan")
        self.ready = False  # whether a message was OK
        self.messages = 0
        self.unheard = 0
        self.statuses: Counter[str] = Counter()
        self.texts: Counter[str] = Counter()
        self.broken: list[str] = []
        self.episodes = 0
        self.rows: list[
            tuple[float, float, float, float]
        ] = []  # s: at, published, received, model

    def take(self, message: Any) -> None:
        """Check a message; to be called as it comes.

        - a message that is OK has a frame no older than the deadline that none before it had, and
          that is newer unless the clock was set back; a finite potential, and no text;
        - one that is not says why, and holds potential, progress and stamp;
        - steps of an episode follow one another; those that were not heard here are counted;
        - within an episode reward = gamma * Phi' - Phi, and the discounted sum telescopes.
        """
        now, wall = time.monotonic(), time.time_ns()
        with self._lock:
            self._check(message, now - self.began, wall)
            self._last = message
        if message.episode_state == EpisodeState.ENDED and message.episode != self._told:
            self._told = message.episode
            self._ended()

    def count(self, counting: bool) -> None:
        """Count and note messages from now on, or no more; they are checked all the time."""
        with self._lock:
            self._counting = counting
            if counting:
                self.began = time.monotonic()

    def _check(self, message: Any, at: float, wall: int) -> None:
        last, status = self._last, Status(message.status)
        if self._counting:
            self._note(message, status, at, wall)
        same = last is not None and last.episode == message.episode
        if same and message.step > last.step + 1:
            self.unheard += message.step - last.step - 1
            self._last = last = None
            same = False
        if status is Status.OK:
            self.ready = True
            self._hold(message.latency <= self._deadline, "OK and past its deadline", message)
            self._hold(np.isfinite(message.potential), "OK without a potential", message)
            self._hold(not message.status_text, "OK with a text", message)
            stamp = stamp_ns(message)
            self._hold(stamp not in self._stamps, "OK with a frame that was read before", message)
            back = 0 if last is None else stamp_ns(last) - stamp
            self._hold(not 0 < back < _JUMP, "OK with a frame older than the last", message)
            self._stamps.add(stamp)
        else:
            self._hold(bool(message.status_text), "not OK and silent", message)
            if same:
                held = _same(message.potential, last.potential)
                held = held and _same(message.progress, last.progress)
                self._hold(held, "not OK and not held", message)
                self._hold(stamp_ns(message) == stamp_ns(last), "not OK, another stamp", message)
        if message.episode_state == EpisodeState.RUNNING or (
            same and last.episode_state == EpisodeState.RUNNING
        ):
            self._telescope(message, last if same else None)
        else:
            self._hold(message.reward == 0.0, "paid outside an episode", message)

    def _note(self, message: Any, status: Status, at: float, wall: int) -> None:
        self.messages += 1
        self.statuses[status.name] += 1
        if status is Status.OK:
            received = (wall - stamp_ns(message)) / 1e9
            self.rows.append((at, message.latency, received, message.model_time))
        else:
            self.texts[_without_figures(message.status_text)] += 1

    def _telescope(self, message: Any, last: Any) -> None:
        if last is None:
            self.episodes += self._counting and message.step == 0
            self._paid, self._weight, self._first_phi = 0.0, 1.0, float("nan")
        else:
            self._hold(message.step == last.step + 1, "a step comes twice", message)
        if last is None or np.isnan(last.potential):
            unpaid = message.reward == 0.0 or (message.step > 0 and last is None)
            self._hold(unpaid, "paid before there was a potential", message)
            self._first_phi = message.potential
            return
        terminal = message.outcome in (Outcome.SUCCESS, Outcome.FAILURE)
        phi = 0.0 if terminal else message.potential
        right = abs(message.reward - (self._gamma * phi - last.potential)) < _ROUNDING
        self._hold(right, "reward is not gamma * Phi' - Phi", message)
        self._paid += self._weight * message.reward
        self._weight *= self._gamma
        total = self._weight * phi - self._first_phi
        self._hold(abs(self._paid - total) < 1e-4, "rewards do not telescope", message)

    def _hold(self, holds: Any, rule: str, message: Any) -> None:
        if not holds and len(self.broken) < _KEPT:
            self.broken.append(f"{rule}: {message}"[:600])


def _same(one: float, other: float) -> bool:
    return one == other or (np.isnan(one) and np.isnan(other))


def _without_figures(text: str) -> str:
    return "".join("#" if letter.isdigit() else letter for letter in text)
