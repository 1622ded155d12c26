"""Commands as messages: twists, joint velocities, trajectories, the gripper."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import numpy as np
from numpy.typing import NDArray

from kibble.envs.robot.description import ActionDescription
from kibble.rewards.ros.clock import Clock, stamp_fields
from kibble.rewards.ros.qos import COMMAND
from kibble.rewards.ros.transport import Fields, Publisher, Transport

__all__ = ["CommandPublisher", "velocity_paths"]

Vector = NDArray[np.float64]


def velocity_paths(action: ActionDescription, type_name: str) -> tuple[str, ...]:
    """Return where each axis's velocity is in a message of a type that holds velocities."""
    if action.kind != "twist":
        return tuple(f"data[{index}]" for index in range(len(action.axes)))
    prefix = "twist." if type_name.endswith("Stamped") else ""
    return tuple(f"{prefix}{axis.name}" for axis in action.axes)


@final
class CommandPublisher:
    """Publishes velocities as the action's topic wants them.

    Args:
        transport: The node.
        action: What commands are.
        clock: For stamps.
        place: Returns where the axes are, (A,), NaN where it is not known; for trajectories.
    """

    def __init__(
        self,
        transport: Transport,
        action: ActionDescription,
        *,
        clock: Clock,
        place: Callable[[], Vector],
    ) -> None:
        self._action, self._clock, self._place = action, clock, place
        self._publisher = transport.advertise(action.topic, action.type_name, qos=COMMAND)
        self._gripper: Publisher | None = None
        if action.gripper is not None:
            self._gripper = transport.advertise(
                action.gripper.topic, "std_msgs/msg/Float64", qos=COMMAND
            )

    def send(self, velocity: Vector) -> None:
        """Publish a velocity, (A,) m/s or rad/s."""
        if self._action.kind == "twist":
            self._publisher.publish(self._twist(velocity))
        elif self._action.kind == "joint_velocity":
            self._publisher.publish({"data": velocity})
        else:
            place = self._place()
            if np.isfinite(place).all():  # otherwise nothing but zero was ever let through
                self._publisher.publish(self._trajectory(velocity, place))

    def send_closing(self, closing: float) -> None:
        """Publish a command for the gripper, -1 open to 1 closed."""
        if self._gripper is not None and self._action.gripper is not None:
            ends = self._action.gripper
            share = (closing + 1.0) / 2.0
            self._gripper.publish({"data": ends.opened + share * (ends.closed - ends.opened)})

    def close(self) -> None:
        """Publish no longer."""
        self._publisher.close()
        if self._gripper is not None:
            self._gripper.close()

    def _twist(self, velocity: Vector) -> Fields:
        twist: dict[str, dict[str, float]] = {"linear": {}, "angular": {}}
        for axis, value in zip(self._action.axes, velocity, strict=True):
            part, _, letter = axis.name.partition(".")
            twist[part][letter] = float(value)
        stamped = self._action.type_name.endswith("Stamped")
        return {"header": self._header(), "twist": twist} if stamped else twist

    def _trajectory(self, velocity: Vector, place: Vector) -> Fields:
        limits, ahead = self._action.limits, self._action.ahead
        target = np.clip(place + velocity * ahead, limits.low, limits.high)
        seconds, nanoseconds = divmod(round(ahead * 1e9), 1_000_000_000)
        point = {
            "positions": np.where(velocity == 0.0, place, target),
            "time_from_start": {"sec": seconds, "nanosec": nanoseconds},
        }
        names = [axis.name for axis in self._action.axes]
        return {"header": self._header(), "joint_names": names, "points": [point]}

    def _header(self) -> Fields:
        return {"stamp": stamp_fields(self._clock.now()), "frame_id": self._action.frame}
