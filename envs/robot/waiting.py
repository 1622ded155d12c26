"""Waiting for what a robot or a human has to do, with an end to it."""

from __future__ import annotations

from collections.abc import Callable

from kibble.envs.robot.robot_time import RobotTime
from kibble.rewards.errors import RobotError

__all__ = ["StoppedError", "wait_until"]

_LOOK = 0.005  # s between two looks


class StoppedError(Exception):
    """The emergency stop was pressed meanwhile; the reset begins anew."""


def wait_until(
    missing: Callable[[], str],
    *,
    time: RobotTime,
    seconds: float,
    what: str,
    stopped: Callable[[], str] = lambda: "",
    look: float = _LOOK,
) -> None:
    """Wait until nothing is missing.

    Args:
        missing: Returns what is missing, or "".
        time: What is waited by.
        seconds: Time limit; 0 for none.
        what: What is waited for, for the error's text: "`X` must …".
        stopped: Returns why the robot is stopped, or "".
        look: s between two looks.

    Raises:
        RobotError: If the time is over.
        StoppedError: If the robot was stopped.
    """
    begun = time.now()
    while why := missing():
        if stopped():
            raise StoppedError
        if seconds and time.now() - begun >= seconds:
            raise RobotError(f"{what} within {seconds:g} s, got: {why.rstrip('.')}.")
        time.sleep(look)
