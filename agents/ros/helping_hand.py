"""Somebody who drives the first episodes of a robot by teleoperation, as a human would."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.ros.qos import COMMAND, LATCHED, SENSOR
from kibble.rewards.ros.transport import Transport

__all__ = ["HelpingHand"]

_PERIOD = 0.05  # s
_GAIN = 6.0  # 1/s
_FASTEST = 0.4  # m/s along each axis


@final
class HelpingHand:
    """Moves the hand to the target in the first episodes that begin, then leaves it alone.

    It sees what a person would: where the hand is and where the named thing is.

    Args:
        transport: A node of the graph.
        episodes: Episodes to drive; one begins where the robot says that it is ready again.
        topic: Where teleoperation is listened for.
    """

    def __init__(
        self, transport: Transport, *, episodes: int, topic: str = "/teleop/twist"
    ) -> None:
        self._episodes = episodes
        self._lock = threading.Lock()
        self._begun = 0
        self._was_ready = True
        self._hand: NDArray[np.float64] | None = None
        self._target: NDArray[np.float64] | None = None
        self._twist = transport.advertise(topic, "geometry_msgs/msg/TwistStamped", qos=COMMAND)
        listen = transport.subscribe
        listen("/hand_pose", "geometry_msgs/msg/PoseStamped", self._see_hand, qos=SENSOR)
        listen("/objects/target", "geometry_msgs/msg/PointStamped", self._see_target, qos=SENSOR)
        listen("/robot/ready", "std_msgs/msg/Bool", self._see_ready, qos=LATCHED)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._drive, name="helping hand", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let go; doing so twice does nothing."""
        self._stopped.set()
        self._thread.join()

    def __enter__(self) -> HelpingHand:
        """Return it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go."""
        self.close()

    def _drive(self) -> None:
        while not self._stopped.wait(_PERIOD):
            with self._lock:
                begun, hand, target = self._begun, self._hand, self._target
            if begun > self._episodes:
                return
            if begun and hand is not None and target is not None:
                x, y, z = np.clip(_GAIN * (target - hand), -_FASTEST, _FASTEST).tolist()
                self._twist.publish({"twist": {"linear": {"x": x, "y": y, "z": z}}})

    def _see_hand(self, message: object) -> None:
        place = _place(message.pose.position)  # type: ignore[attr-defined]  # a PoseStamped
        with self._lock:
            self._hand = place

    def _see_target(self, message: object) -> None:
        place = _place(message.point)  # type: ignore[attr-defined]  # a PointStamped
        with self._lock:
            self._target = place

    def _see_ready(self, message: object) -> None:
        ready = bool(message.data)  # type: ignore[attr-defined]  # a Bool
        with self._lock:
            if ready and not self._was_ready:
                self._begun += 1
            self._was_ready = ready


def _place(point: object) -> NDArray[np.float64]:
    return np.array([point.x, point.y, point.z])  # type: ignore[attr-defined]  # a Point
