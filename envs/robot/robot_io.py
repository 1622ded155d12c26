"""All that connects an environment to its robot, opened and closed together."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

from kibble.envs.robot.camera_inputs import CameraInputs
from kibble.envs.robot.command_gate import CommandGate
from kibble.envs.robot.command_publisher import CommandPublisher
from kibble.envs.robot.description import RobotDescription
from kibble.envs.robot.emergency_stop import EmergencyStop
from kibble.envs.robot.human_voice import EPISODE_COMMAND, HumanVoice
from kibble.envs.robot.motion_limits import CHECK_PERIOD
from kibble.envs.robot.observer import Observer
from kibble.envs.robot.robot_time import RobotTime
from kibble.envs.robot.success import SuccessJudge
from kibble.envs.robot.teleoperation import Teleoperation
from kibble.envs.robot.topic_values import TopicValues
from kibble.rewards.ros.clock import Clock, stamp_fields
from kibble.rewards.ros.qos import LATCHED, STATE
from kibble.rewards.ros.transport import Handle, Publisher, Transport

__all__ = ["RobotIo"]


@final
class RobotIo:
    """Topics of a robot: what it says, the one gate to it, and the watchdog at the gate.

    Args:
        transport: The node; closing it is the caller's.
        robot: The robot's file.
        views: Cameras that are looked at.
        image_size: (height, width) of frames, or ``None`` for as they come.
        time: The time.
        clock: For stamps.
    """

    def __init__(
        self,
        transport: Transport,
        robot: RobotDescription,
        *,
        views: tuple[str, ...],
        image_size: tuple[int, int] | None,
        time: RobotTime,
        clock: Clock,
    ) -> None:
        self._robot, self._time, self._clock = robot, time, clock
        action, now = robot.action, time.now
        self._bounded = np.array([bool(axis.path) for axis in action.axes])
        self._places: TopicValues | None = None
        self._stops: list[EmergencyStop] = []
        self.observer = Observer(transport, robot.sources, now=now)
        self.cameras = CameraInputs(
            transport,
            [camera for view in views for camera in robot.cameras if camera.view == view],
            image_size=image_size,
            tolerance=robot.camera_tolerance,
            staleness=robot.camera_staleness,
            now=now,
        )
        publisher = CommandPublisher(transport, action, clock=clock, place=self.place)
        self.gate = CommandGate(
            action.limits,
            send=publisher.send,
            send_closing=publisher.send_closing,
            now=now,
            halts=self._unsafe,
            lost=lambda now: self.observer.lost(now) or self.cameras.lost(now),
        )
        for described in robot.stops:
            stop = EmergencyStop(
                transport, described, press=self.gate.stop, release=self.gate.release, now=now
            )
            self._stops.append(stop)
        if self._bounded.any():
            self._places = TopicValues(
                transport,
                action.place_topic,
                type_name=action.place_type,
                paths=[axis.path for axis in action.axes if axis.path],
                now=now,
                changed=lambda values: self.gate.place(self._on_axes(values)),
            )
        self.human = HumanVoice(transport, robot.human, now=now)
        self.success = SuccessJudge(
            transport, robot.success, now=now, announced=bool(robot.announce)
        )
        self._instruction = robot.instruction
        self._announcer: Publisher | None = None
        handles: list[Handle] = [publisher, self.observer, self.cameras, self.human, *self._stops]
        handles.append(self.success)
        if self._places is not None:
            handles.append(self._places)
        if robot.instruction_topic:
            handles += [
                transport.subscribe(
                    robot.instruction_topic, "std_msgs/msg/String", self._told, qos=qos
                )
                for qos in (LATCHED, STATE)  # said before, and by those who keep nothing
            ]
        if robot.announce:
            self._announcer = transport.advertise(robot.announce, EPISODE_COMMAND, qos=STATE)
            handles.append(self._announcer)
        if robot.teleop is not None:
            handles.append(Teleoperation(transport, robot.teleop, action, self.gate))
        self._handles = handles
        self._watchdog = time.every(CHECK_PERIOD, self.gate.check)

    @property
    def instruction(self) -> str:
        """The task in one sentence; "" while it has not been said."""
        return self._instruction

    def place(self) -> NDArray[np.float64]:
        """Return where the axes are, (A,), NaN where that is not known."""
        if self._places is None:
            return np.full(len(self._bounded), np.nan)
        return self._on_axes(self._places.read()[0])

    def fault(self, now: float) -> str:
        """Return why an episode cannot go on, or ""."""
        oldest = now - self._robot.action.limits.staleness
        return (
            self.gate.stopped
            or self._unsafe(now)
            or ("" if self._places is None else self._places.silence(oldest))
            or self._silence(now)
            or self.cameras.parted(now)
        )

    def missing(self, since: float) -> str:
        """Return what an episode cannot begin without and has not come since a time, s, or ""."""
        now = self._time.now()
        self.cameras.take()
        unreadable = self.cameras.unreadable()
        return (
            next((stop.unheard for stop in self._stops if stop.unheard), "")
            or self._unsafe(now)
            or ("" if self._places is None else self._places.silence(since))
            or self._silence(now, since=since)
            or unreadable
            or self.cameras.parted(now, since=since)
            or ("" if self._instruction else f"nothing came on {self._robot.instruction_topic}")
        )

    def announce(self, command: int, *, outcome: int = 0) -> None:
        """Tell whoever listens that an episode begins or ends."""
        if self._announcer is not None:
            self._announcer.publish(
                {
                    "stamp": stamp_fields(self._clock.now()),
                    "command": command,
                    "instruction": self._instruction,
                    "outcome": outcome,
                    "by": "the robot's environment",
                }
            )

    def close(self) -> None:
        """Publish a zero command, the last, and close all."""
        self.gate.close()
        self._watchdog.close()
        for handle in self._handles:
            handle.close()

    def _unsafe(self, now: float) -> str:
        """Return why nobody may move the robot though no emergency stop is pressed, or ""."""
        return next((why for stop in self._stops if (why := stop.silence(now))), "")

    def _silence(self, now: float, *, since: float = float("-inf")) -> str:
        """Return why observation or frames are not what they should be, or ""."""
        return self.observer.silence(now, since=since) or self.cameras.silence(now, since=since)

    def _on_axes(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        place = np.full(len(self._bounded), np.nan)
        place[self._bounded] = values
        return place

    def _told(self, message: object) -> None:
        self._instruction = str(message.data).strip() or self._instruction  # type: ignore[attr-defined]  # std_msgs/msg/String
