"""Which domain a node is in and how far it reaches, by ROS's own environment variables."""

from __future__ import annotations

import os
from collections.abc import Mapping

from kibble.rewards.errors import ConfigError

__all__ = ["domain_number", "local_only"]

_LAST_DOMAIN = 232  # beyond it a domain's ports would not be ports


def domain_number(number: int | None, environment: Mapping[str, str] = os.environ) -> int:
    """Return the domain to be in: the given one, or that of ``ROS_DOMAIN_ID``, or 0.

    Raises:
        ConfigError: If it is not a number from 0 to 232.
    """
    name, value = "domain", number
    if value is None:
        name, text = "ROS_DOMAIN_ID", environment.get("ROS_DOMAIN_ID") or "0"
        try:
            value = int(text)
        except ValueError as error:
            raise ConfigError(f"`ROS_DOMAIN_ID` must be a number, got {text!r}.") from error
    if not 0 <= value <= _LAST_DOMAIN:
        raise ConfigError(f"`{name}` must lie between 0 and {_LAST_DOMAIN}, got {value}.")
    return value


def local_only(environment: Mapping[str, str] = os.environ) -> bool:
    """Say whether only this machine is spoken to, as ROS's variables have it.

    Raises:
        ConfigError: If ``ROS_AUTOMATIC_DISCOVERY_RANGE`` is not one that is supported.
    """
    reach = environment.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "")
    if reach not in ("", "SUBNET", "LOCALHOST", "SYSTEM_DEFAULT"):
        raise ConfigError(
            "`ROS_AUTOMATIC_DISCOVERY_RANGE` must be SUBNET, LOCALHOST or SYSTEM_DEFAULT for DDS "
            f"on the wire, got {reach!r}."
        )
    return reach == "LOCALHOST" or environment.get("ROS_LOCALHOST_ONLY") == "1"
