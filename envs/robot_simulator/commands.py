"""What the simulated robot was told last, and whether that still holds."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from kibble.envs.robot_simulator.messages import BASE_FRAME

__all__ = ["Commands", "Told"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Told:
    """What the robot is to do now.

    Args:
        velocity: (3,) float64 m/s in the base frame; zero where no command holds.
        closing: What the fingers are to do, -1 open to 1 closed, or None where nobody said.
        stopped: Whether the emergency stop is pressed.
    """

    velocity: NDArray[np.float64]
    closing: float | None
    stopped: bool


@final
class Commands:
    """The newest command, until it is too old.

    What cannot be followed (a number that is not finite, another frame than the base's) counts as
    a command to stand still, and is said once.

    Args:
        timeout: s for which a velocity holds.
        now: Tells s of a clock that never jumps.
    """

    def __init__(self, *, timeout: float, now: Callable[[], float] = time.monotonic) -> None:
        self._timeout, self._now = timeout, now
        self._lock = threading.Lock()
        self._velocity = np.zeros(3)
        self._since = -math.inf
        self._closing: float | None = None
        self._stopped = False
        self._received = 0
        self._refusal = ""

    def take_twist(self, message: object) -> None:
        """Take a ``geometry_msgs/msg/TwistStamped``."""
        linear = message.twist.linear  # type: ignore[attr-defined]  # a TwistStamped
        velocity = np.array([linear.x, linear.y, linear.z], np.float64)
        frame = str(message.header.frame_id)  # type: ignore[attr-defined]  # has a header
        refusal = ""
        if frame not in ("", BASE_FRAME):
            refusal = f"velocities must be in the frame {BASE_FRAME!r} or '', got {frame!r}"
        elif not np.isfinite(velocity).all():
            refusal = f"velocities must be finite, got {velocity.tolist()}"
        with self._lock:
            self._received += 1
            self._velocity = np.zeros(3) if refusal else velocity
            self._since = self._now()
        self._refuse(refusal)

    def take_gripper(self, message: object) -> None:
        """Take a ``std_msgs/msg/Float64``, -1 open to 1 closed."""
        closing = float(message.data)  # type: ignore[attr-defined]  # a Float64
        if not math.isfinite(closing):
            self._refuse(f"a command to the gripper must be finite, got {closing}")
            return
        with self._lock:
            self._closing = closing

    def take_stop(self, message: object) -> None:
        """Take a ``std_msgs/msg/Bool``: whether the emergency stop is pressed."""
        with self._lock:
            self._stopped = bool(message.data)  # type: ignore[attr-defined]  # a Bool
            self._forget()  # what was said before a stop does not hold after it

    def clear(self) -> None:
        """Forget what was told, but for the emergency stop."""
        with self._lock:
            self._forget()

    @property
    def told(self) -> Told:
        """What holds now."""
        with self._lock:
            holds = not self._stopped and self._now() - self._since <= self._timeout
            velocity = self._velocity.copy() if holds else np.zeros(3)
            return Told(velocity=velocity, closing=self._closing, stopped=self._stopped)

    @property
    def received(self) -> int:
        """How many velocities came so far."""
        return self._received

    @property
    def refusal(self) -> str:
        """Why the last command that was not followed was not, or ""."""
        return self._refusal

    def _forget(self) -> None:
        self._since, self._closing = -math.inf, None

    def _refuse(self, refusal: str) -> None:
        if refusal and refusal != self._refusal:
            logger.warning("A command is not followed: %s.", refusal)
        self._refusal = refusal or self._refusal
