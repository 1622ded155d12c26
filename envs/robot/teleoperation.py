"""A human who drives: their commands go straight to the gate."""

from __future__ import annotations

import logging
from typing import final

import numpy as np

from kibble.envs.robot.command_gate import CommandGate
from kibble.envs.robot.command_publisher import velocity_paths
from kibble.envs.robot.description import ActionDescription, Gripper, TeleopDescription
from kibble.envs.robot.message_path import MessagePath
from kibble.rewards.errors import ConfigError
from kibble.rewards.ros.qos import COMMAND
from kibble.rewards.ros.transport import Subscription, Transport

__all__ = ["Teleoperation"]

_LOG = logging.getLogger(__name__)


@final
class Teleoperation:
    """Hands a human's commands to the gate, which lets them go first and limits them as others.

    Args:
        transport: The node.
        described: The topics.
        action: What commands are.
        gate: Where they go.
    """

    def __init__(
        self,
        transport: Transport,
        described: TeleopDescription,
        action: ActionDescription,
        gate: CommandGate,
    ) -> None:
        self._topic, self._gate = described.topic, gate
        self._paths = [MessagePath(p) for p in velocity_paths(action, described.type_name)]
        self._subscriptions: list[Subscription] = [
            transport.subscribe(described.topic, described.type_name, self._drive, qos=COMMAND)
        ]
        if described.gripper and action.gripper is not None:
            self._ends: Gripper = action.gripper
            self._subscriptions.append(
                transport.subscribe(
                    described.gripper, "std_msgs/msg/Float64", self._grip, qos=COMMAND
                )
            )

    def close(self) -> None:
        """Listen no longer."""
        for subscription in self._subscriptions:
            subscription.close()

    def _drive(self, message: object) -> None:
        values = [path.read(message) for path in self._paths]
        try:
            self._gate.drive(np.array([np.nan if v is None else v for v in values]))
        except ConfigError as error:
            _LOG.warning("%s: %s", self._topic, error)

    def _grip(self, message: object) -> None:
        command = float(message.data)  # type: ignore[attr-defined]  # std_msgs/msg/Float64
        share = (command - self._ends.opened) / (self._ends.closed - self._ends.opened)
        try:
            self._gate.grip(2.0 * share - 1.0, human=True)
        except ConfigError as error:
            _LOG.warning("%s", error)
