"""The one way to the robot: every command passes it, and it alone publishes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import final

import numpy as np
from numpy.typing import NDArray

from kibble.envs.robot.limits import cut_acceleration, cut_at_box, cut_speed
from kibble.envs.robot.motion_limits import CHECK_PERIOD, MotionLimits
from kibble.envs.robot.motion_log import MotionLog
from kibble.rewards.errors import ConfigError

__all__ = ["CommandGate"]

_LOG = logging.getLogger(__name__)
_KEEP = 10.0  # s of commands that can be looked back at
_SAME = 1e-6  # of the largest speed: a rise that is less is not worth a message

Vector = NDArray[np.float64]


@final
class CommandGate:
    """Decides under one lock what the robot is told, and tells it.

    A velocity is asked for by a policy (:meth:`ask`) or by a human (:meth:`drive`, who goes
    first). What is published is that velocity within the limits, or zero: always zero

    - while an emergency stop is pressed, and after it until the next :meth:`allow`;
    - while nobody may move the robot (before :meth:`allow`, after :meth:`hold`), humans excepted;
    - when the last command has become older than the watchdog allows;
    - when the robot's place, where it is needed for the box, has become too old;
    - when ``halts`` says so, or ``lost`` does and neither a human drives nor somebody blind.

    :meth:`check` decides anew; the watchdog calls it every ``CHECK_PERIOD``. A zero command is
    published once. After :meth:`close`, whose zero command is the last, nothing is published.

    The box holds for every robot that follows its commands within ``limits.lag``, in full, in
    part or not at all, as long as the watchdog comes within ``limits.horizon``: whatever was
    commanded since the place was measured is added to the place, in each direction by itself.

    Args:
        limits: What holds for every command.
        send: Publishes a velocity, (A,); must not call back.
        send_closing: Publishes a command for the gripper, -1 open to 1 closed.
        now: The time, s; never goes back.
        halts: Says why nobody may move the robot at a time, or ""; quick, as ``lost`` is: both
            are asked under the lock that the emergency stop takes.
        lost: Says why no policy may move the robot at a time, or "".
    """

    def __init__(
        self,
        limits: MotionLimits,
        *,
        send: Callable[[Vector], None],
        send_closing: Callable[[float], None] = lambda closing: None,
        now: Callable[[], float],
        halts: Callable[[float], str] = lambda now: "",
        lost: Callable[[float], str] = lambda now: "",
    ) -> None:
        self.limits = limits
        self._send, self._send_closing = send, send_closing
        self._now, self._halts, self._lost = now, halts, lost
        self._lock = threading.RLock()
        self._log = MotionLog(limits.axes, now=now(), keep=_KEEP)
        self._changed = self._looked = now()
        self._place: Vector | None = None
        self._placed = 0.0
        self._asked: tuple[Vector, float] | None = None
        self._driven: tuple[Vector, float] | None = None
        self._driven_until = self._gripped_until = float("-inf")
        self._closing: float | None = None
        self._allowed = self._blind = self._closed = False
        self._pressed: set[str] = set()  # the emergency stops that are pressed now
        self._tripped = ""  # the last one that was, until the next allow()
        self._why = ""
        self.holds = 0

    # -- who may move ----------------------------------------------------------------------

    @property
    def stopped(self) -> str:
        """Why the emergency stop holds the robot until the next :meth:`allow`, or ""."""
        with self._lock:
            return self._tripped

    @property
    def pressed(self) -> bool:
        """Whether an emergency stop is pressed now."""
        with self._lock:
            return bool(self._pressed)

    def allow(self, *, blind: bool = False) -> bool:
        """Let commands of a policy through from now on; return False while stopped.

        Nothing moves by this alone: a command that was asked for before is forgotten.

        Args:
            blind: Whether they come of something that needs no more than the robot's place.
        """
        with self._lock:
            self._asked = None
            if self._pressed or self._closed:
                return False
            self._tripped = ""
            self._allowed, self._blind = True, blind
            return True

    def hold(self) -> None:
        """Hold the robot at once, and let no policy through until :meth:`allow`."""
        with self._lock:
            self._allowed = False
            self._asked = None
            self.check()

    def stop(self, why: str) -> None:
        """Press an emergency stop, told apart by ``why``: hold at once, whoever drives."""
        with self._lock:
            if why not in self._pressed:
                _LOG.warning("The robot is stopped: %s.", why)
            self._pressed.add(why)
            self._tripped = why
            self._allowed = False
            self._driven_until = min(self._driven_until, self._now())
            self._asked = self._driven = None
            if not self._closed:
                self._put(self._now(), np.zeros(self.limits.axes), always=True)

    def release(self, why: str) -> None:
        """Release an emergency stop; nothing moves before :meth:`allow`, humans excepted."""
        with self._lock:
            if why in self._pressed:
                _LOG.warning("Released: %s. The next reset lets go.", why)
            self._pressed.discard(why)

    def close(self) -> None:
        """Publish one zero command and never anything again."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._tripped = self._tripped or "it is closed"
                self._put(self._now(), np.zeros(self.limits.axes), always=True)

    # -- what is asked for -----------------------------------------------------------------

    def ask(self, velocity: Vector) -> None:
        """Ask for a velocity, (A,), on behalf of a policy.

        Raises:
            ConfigError: If it is not (A,) or not finite; the robot is held then.
        """
        with self._lock:
            if mistake := self._mistake(velocity):
                self.hold()
                raise ConfigError(mistake)
            self._asked = (np.array(velocity, np.float64), self._now())
            self.check(repeat=True)

    def drive(self, velocity: Vector) -> None:
        """Ask for a velocity, (A,), on behalf of a human, who has the say while this goes on.

        Raises:
            ConfigError: If it is not (A,) or not finite; it counts as zero then.
        """
        with self._lock:
            if self._pressed or self._closed:
                return
            mistake = self._mistake(velocity)
            asked = np.zeros(self.limits.axes) if mistake else np.array(velocity, np.float64)
            self._driven = (asked, self._now())
            self._driven_until = self._driven[1] + self.limits.driving
            self.check(repeat=True)
            if mistake:
                raise ConfigError(mistake)

    def place(self, place: Vector) -> None:
        """Say where the robot is, (A,) m or rad; NaN where it is not known."""
        with self._lock:
            known = np.isfinite(place[self.limits.bounded]).all()
            if known:
                self._place, self._placed = np.array(place, np.float64), self._now()
            if self._now() - self._looked >= CHECK_PERIOD:  # the watchdog is late
                self.check()

    def grip(self, closing: float, *, human: bool = False) -> None:
        """Ask for a command of the gripper, -1 open to 1 closed.

        A human has the say for as long as they drive the robot or the gripper. There is no zero
        command: held, a gripper keeps what it has.

        Raises:
            ConfigError: If it is not finite.
        """
        if not np.isfinite(closing):
            raise ConfigError(f"`closing` must be finite, got {closing}.")
        with self._lock:
            now = self._now()
            if self._pressed or self._closed or self._halts(now):
                return
            theirs = self._is_driven(now) or now < self._gripped_until
            if human:
                self._gripped_until = now + self.limits.driving
                self._driven_until = max(self._driven_until, self._gripped_until)
            elif theirs or not self._allowed:
                return
            self._closing = min(max(float(closing), -1.0), 1.0)
            self._send_closing(self._closing)

    # -- what was done ---------------------------------------------------------------------

    @property
    def velocity(self) -> Vector:
        """The velocity in force, (A,)."""
        with self._lock:
            return self._log.velocity.copy()

    @property
    def closing(self) -> float | None:
        """The last command of the gripper, -1 open to 1 closed; ``None`` before the first."""
        with self._lock:
            return self._closing

    @property
    def why(self) -> str:
        """Why the robot is held though somebody may move it, or ""."""
        with self._lock:
            return self._why

    def mean(self, since: float) -> Vector:
        """Return the mean velocity in force, (A,), since a time, s; 10 s back at most."""
        with self._lock:
            return self._log.mean(since, self._now())

    def driven(self, since: float) -> bool:
        """Return whether a human had the say at any time since a time, s."""
        with self._lock:
            return self._driven_until > since

    # -- the decision ----------------------------------------------------------------------

    def check(self, *, repeat: bool = False) -> None:
        """Decide anew what the robot is told; publish it if it differs from what is in force.

        Args:
            repeat: Whether a velocity that did not change is published again.
        """
        with self._lock:
            if self._closed:
                return
            now = self._looked = self._now()
            wanted, why = self._wanted(now)
            velocity = np.zeros(self.limits.axes) if wanted is None else self._cut(wanted, now)
            if why and why != self._why:
                self.holds += 1
                _LOG.warning("The robot is held: %s.", why)
            self._why = why
            self._put(now, velocity, always=repeat and wanted is not None)

    def _wanted(self, now: float) -> tuple[Vector | None, str]:
        """Return what is asked for, or why nothing is to be done."""
        if self._pressed:
            return None, ""  # was said when it was pressed
        human = self._is_driven(now)
        if not human and not self._allowed:
            return None, ""
        newest = self._driven if human else self._asked
        if newest is None:
            return None, ""
        velocity, asked = newest
        if not human and now - asked > self.limits.watchdog:
            # The text is the same as long as it lasts: said once.
            return None, f"no command came for {self.limits.watchdog:g} s"
        needs_sight = not (human or self._blind)
        why = self._halts(now) or self._unplaced(now) or (self._lost(now) if needs_sight else "")
        return (None, why) if why else (velocity, "")

    def _is_driven(self, now: float) -> bool:
        return self._driven is not None and now - self._driven[1] < self.limits.driving

    def _unplaced(self, now: float) -> str:
        if not self.limits.bounded.any():
            return ""
        if self._place is None:
            return "where it is has not been said yet"
        if now - self._placed > self.limits.staleness:
            return f"where it is has not been said for {self.limits.staleness:g} s"
        return ""

    def _cut(self, velocity: Vector, now: float) -> Vector:
        limits = self.limits
        velocity = cut_speed(velocity, speed=limits.speed)
        seconds = max(min(now - self._changed, limits.horizon), 1e-6)  # inf times 0 is no number
        velocity = cut_acceleration(
            velocity, last=self._log.velocity, change=limits.acceleration * seconds
        )
        if self._place is None:
            return velocity  # no axis has a bound, or this would not have been reached
        down, up = self._log.extents(self._placed - limits.lag, now)
        return cut_at_box(
            velocity,
            reach_low=self._place + down,
            reach_high=self._place + up,
            low=limits.low,
            high=limits.high,
            horizon=limits.horizon,
            acceleration=limits.acceleration,
        )

    def _put(self, now: float, velocity: Vector, *, always: bool) -> None:
        """Publish a velocity if it has to be; a slower one always has."""
        last = self._log.velocity
        same = np.abs(velocity - last) <= _SAME * self.limits.speed
        slower = (np.abs(velocity) < np.abs(last)) | (velocity * last < 0.0)
        if not always and (same & ~slower).all():
            return
        self._log.add(now, velocity)
        self._changed = now
        self._send(velocity)

    def _mistake(self, velocity: Vector) -> str:
        """Return what is wrong with a velocity that was asked for, or ""."""
        if np.shape(velocity) == (self.limits.axes,) and np.isfinite(velocity).all():
            return ""
        return (
            f"`velocity` must be {self.limits.axes} finite numbers, got "
            f"{np.asarray(velocity).tolist()}; the robot is held. A policy that gives NaN has "
            "diverged."
        )
