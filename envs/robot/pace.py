"""The schedule of steps: one action per ``control_dt``, late ones counted, none made up for."""

from __future__ import annotations

from typing import final

__all__ = ["Pace"]


@final
class Pace:
    """Says when the next action is due and how late this one is.

    Actions are due every ``control_dt``. One that is later than ``late_after`` is late: the
    schedule goes on from it, so that every action acts for its time and lateness is not made up
    for by a burst. The first of an episode is on time whenever it comes, the robot stands till
    then.

    Args:
        control_dt: s between two actions.
        late_after: s.
    """

    def __init__(self, *, control_dt: float, late_after: float) -> None:
        self._control_dt, self._late_after = control_dt, late_after
        self._due: float | None = None
        self.steps = 0
        self.late_steps = 0

    @property
    def on_time(self) -> float:
        """Share of all steps so far that were on time; 1 before the first."""
        return 1.0 - self.late_steps / self.steps if self.steps else 1.0

    def begin_episode(self) -> None:
        """Let the next action begin the schedule anew."""
        self._due = None

    def act(self, now: float) -> tuple[float, float]:
        """Say that an action is given now.

        Returns:
            How late it is, s, and when the next one is due, s.
        """
        lateness = 0.0 if self._due is None else max(0.0, now - self._due)
        late = lateness > self._late_after
        self.steps += 1
        self.late_steps += late
        begun = now if late or self._due is None else self._due
        self._due = begun + self._control_dt
        return lateness, self._due

    def is_late(self, lateness: float) -> bool:
        """Return whether so much, s, is late."""
        return lateness > self._late_after
