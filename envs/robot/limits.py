"""What a commanded velocity may be: speed, acceleration, and a box that is not left."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.errors import ConfigError

__all__ = ["cut_acceleration", "cut_at_box", "cut_speed"]

Vector = NDArray[np.float64]


def cut_speed(velocity: Vector, *, speed: Vector) -> Vector:
    """Cut each axis of a velocity to its own largest speed.

    Args:
        velocity: (A,) float64, m/s or rad/s; finite.
        speed: (A,) float64, the largest speed of each axis, same units, greater than 0.

    Raises:
        ConfigError: If an entry is not finite: nothing may become of it by silent repair.

    >>> cut_speed(np.array([0.5, -0.1]), speed=np.array([0.2, 0.2]))
    array([ 0.2, -0.1])
    """
    if not np.isfinite(velocity).all():
        raise ConfigError(
            f"`velocity` must be finite, got {velocity.tolist()}; a policy that gives NaN has "
            "diverged."
        )
    return np.clip(velocity, -speed, speed)


def cut_acceleration(velocity: Vector, *, last: Vector, change: Vector) -> Vector:
    """Cut a velocity so that it differs from the last one by no more than so much on each axis.

    Args:
        velocity: (A,) float64, m/s or rad/s.
        last: (A,) float64, the velocity in force until now.
        change: (A,) float64, the largest difference; inf where there is no limit.
    """
    return np.clip(velocity, last - change, last + change)


def cut_at_box(
    velocity: Vector,
    *,
    reach_low: Vector,
    reach_high: Vector,
    low: Vector,
    high: Vector,
    horizon: float,
    acceleration: Vector,
) -> Vector:
    """Cut a velocity so that acting for ``horizon`` seconds it does not leave a box.

    The speed towards a bound that is d away is at most d / horizon, and with a limit a on the
    acceleration also sqrt(2 a d), from which the robot can still brake. Beyond the bound only the
    way back is open.

    Args:
        velocity: (A,) float64, m/s or rad/s.
        reach_low: (A,) float64, m or rad: the lowest place where each axis may be by now.
        reach_high: (A,) float64: the highest.
        low: (A,) float64: the box; -inf where an axis has no bound.
        high: (A,) float64: the same upwards.
        horizon: For how long the velocity will act at most, s, greater than 0.
        acceleration: (A,) float64, m/s² or rad/s², inf where there is no limit.

    Returns:
        (A,) float64 of the same sign on each axis, or zero.
    """
    up = np.maximum(high - reach_high, 0.0)
    down = np.maximum(reach_low - low, 0.0)
    return np.clip(
        velocity, -_speed(down, horizon, acceleration), _speed(up, horizon, acceleration)
    )


def _speed(distance: Vector, horizon: float, acceleration: Vector) -> Vector:
    """Return the largest speed towards a bound that is so far away."""
    bounded = np.isfinite(distance) & np.isfinite(acceleration)
    room = np.where(bounded, distance, 0.0) * np.where(bounded, acceleration, 0.0)
    braking = np.where(bounded, np.sqrt(2.0 * room), np.inf)
    return np.minimum(distance / horizon, braking)
