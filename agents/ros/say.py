"""``kibble ros say``: a human's word to a robot's environment, or the emergency stop."""

from __future__ import annotations

import contextlib
import time

from kibble.agents.ros.say_config import SayConfig
from kibble.envs.robot.human_voice import CONFIRM, EPISODE_COMMAND, FAILURE, READY, SUCCESS
from kibble.rewards.errors import RobotError
from kibble.rewards.ros.clock import SystemClock, stamp_fields
from kibble.rewards.ros.opening import open_transport
from kibble.rewards.ros.qos import LATCHED, STATE
from kibble.rewards.ros.transport import Fields, Publisher, Transport

__all__ = ["say"]

_COMMANDS = {"ready": (READY, 0), "success": (CONFIRM, SUCCESS), "failure": (CONFIRM, FAILURE)}
_LOOK = 0.02  # s between two looks for who listens
_SETTLED = 0.5  # s without anybody new after which all who listen have been found


def say(config: SayConfig) -> None:
    """Say it once somebody listens: the command ``kibble ros say``.

    Raises:
        ConfigError: If a setting is not usable.
        MissingDependencyError: If what the transport needs is not installed.
        RobotError: If nobody listens.
    """
    transport = open_transport(config.transport, "kibble_say", domain=config.domain)
    with contextlib.closing(transport):
        topic, heard = _say(transport, config)
    if not config.quiet:
        print(f"Said {config.word} on {topic}; {heard} subscriptions heard it.")


def _say(transport: Transport, config: SayConfig) -> tuple[str, int]:
    """Return the topic, and how many heard it."""
    if config.word in _COMMANDS:
        topic = config.topic or "/kibble/human"
        command, outcome = _COMMANDS[config.word]
        fields: Fields = {
            "stamp": stamp_fields(SystemClock().now()),
            "command": command,
            "outcome": outcome,
            "by": config.by,
        }
        publisher = transport.advertise(topic, EPISODE_COMMAND, qos=STATE)
        # Readers tell by the stamp that it was said once, however often it comes.
    else:
        topic = config.topic or "/emergency_stop"
        fields = {"data": config.word == "stop"}
        publisher = transport.advertise(topic, "std_msgs/msg/Bool", qos=LATCHED)
    heard = _tell_everybody(publisher, fields, seconds=config.seconds)
    if not heard:
        raise RobotError(
            f"Somebody must listen on {topic} within {config.seconds:g} s, got nobody in "
            f"{transport.surroundings}; start the robot's environment, or name its `domain` or "
            "`topic`."
        )
    return topic, heard


def _tell_everybody(publisher: Publisher, fields: Fields, *, seconds: float) -> int:
    """Publish at once to whoever is found, and again whenever somebody new is."""
    begun = found_at = time.monotonic()
    heard = 0
    while True:
        found = publisher.subscribers
        now = time.monotonic()
        if found > heard:
            publisher.publish(fields)
            heard, found_at = found, now
        if now - begun >= seconds or (heard and now - found_at >= _SETTLED):
            return heard
        time.sleep(_LOOK)
