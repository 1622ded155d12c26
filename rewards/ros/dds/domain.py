"""The DDS domain of a process: its number, how far it reaches, its buffers."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping

from cyclonedds.core import DDSException
from cyclonedds.domain import Domain

from kibble.rewards.errors import ConfigError

__all__ = ["acquire_domain", "configuration", "domain_number", "local_only", "release_domain"]

_LAST_DOMAIN = 232
_MAX_PARTICIPANTS = 32
_RECEIVE_BUFFER = "32MB"
_lock = threading.Lock()
_domains: dict[int, tuple[Domain, int]] = {}  # number to the domain and its users


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


def configuration(environment: Mapping[str, str] = os.environ) -> str:
    """Return Cyclone DDS's configuration; ``CYCLONEDDS_URI`` is read after it and wins."""
    general, peers = "", ""
    if local_only(environment):
        general = (
            "<General><AllowMulticast>false</AllowMulticast>"
            '<Interfaces><NetworkInterface address="127.0.0.1"/></Interfaces></General>'
        )
        peers = '<Peers><Peer address="127.0.0.1"/></Peers>'
    ours = (
        f"<CycloneDDS><Domain>{general}"
        "<Discovery><ParticipantIndex>auto</ParticipantIndex>"
        f"<MaxAutoParticipantIndex>{_MAX_PARTICIPANTS}</MaxAutoParticipantIndex>{peers}</Discovery>"
        f'<Internal><SocketReceiveBufferSize min="default" max="{_RECEIVE_BUFFER}"/></Internal>'
        "</Domain></CycloneDDS>"
    )
    uri = environment.get("CYCLONEDDS_URI", "")
    return f"{ours},{uri}" if uri else ours


def acquire_domain(number: int) -> None:
    """Make a domain exist in this process until it is released as often as it was acquired.

    Raises:
        ConfigError: If Cyclone DDS refuses its configuration.
    """
    with _lock:
        if number in _domains:
            domain, users = _domains[number]
        else:
            try:
                domain, users = Domain(number, configuration()), 0
            except DDSException as error:
                raise ConfigError(
                    f"Cyclone DDS refuses to enter domain {number} ({error.msg or error}); check "
                    "`CYCLONEDDS_URI`, and that its sockets may be opened."
                ) from error
        _domains[number] = (domain, users + 1)


def release_domain(number: int) -> None:
    """Undo one :func:`acquire_domain`."""
    with _lock:
        domain, users = _domains[number]
        if users > 1:
            _domains[number] = (domain, users - 1)
        else:
            del _domains[number]
