"""The commands about robots on ROS 2: `kibble ros …`."""

from __future__ import annotations

from kibble.agents.command_line.command import Command

__all__ = ["ROS_COMMANDS"]

ROS_COMMANDS: tuple[Command, ...] = ()
