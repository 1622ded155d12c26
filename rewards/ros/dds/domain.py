"""The DDS domain of a process: how far it reaches, its buffers."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping

from cyclonedds.core import DDSException
from cyclonedds.domain import Domain

from kibble.rewards.errors import ConfigError
from kibble.rewards.ros.reach import local_only

__all__ = ["acquire_domain", "configuration", "release_domain"]

_MAX_PARTICIPANTS = 32
_RECEIVE_BUFFER = "32MB"
_lock = threading.Lock()
_domains: dict[int, tuple[Domain, int]] = {}  # number to the domain and its users


def configuration(environment: Mapping[str, str] = os.environ) -> str:
    """Return Cyclone DDS's configuration; ``CYCLONEDDS_URI`` is read after it and wins."""
    general, peers = "", ""
    if local_only(environment):
        general = (
            "<General><AllowMulticast>false</AllowMulticast>"
            '<Interfaces><NetworkInterface address="127.0.0.1"/></Interfaces>'
            # The loopback takes large packets: a quarter less work for an image, and no losses.
            "<MaxMessageSize>65500B</MaxMessageSize><FragmentSize>16000B</FragmentSize></General>"
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
