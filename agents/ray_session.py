"""Ray for the time of one command: a cluster that is there, or one of this machine's own."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections.abc import Iterator
from typing import Any

from kibble.rewards.errors import ConfigError

__all__ = ["ray_session"]

_STORE = 256 * 2**20  # bytes of shared memory: what is passed around is small
_CONNECT = 5.0  # s


@contextlib.contextmanager
def ray_session(address: str | None, *, cores: int | None = None) -> Iterator[None]:
    """Use the Ray that runs in this process, or a cluster, or start one on this machine.

    One that is started listens to this machine alone, has no dashboard, tells nobody of its use,
    and is stopped again. Ray must not have been imported before.

    Args:
        address: Of a cluster, or "auto"; ``None`` for this machine.
        cores: Cores that a Ray which is started may give away; ``None`` for all.

    Raises:
        ConfigError: If no cluster is there.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if address is None:
        # the only switch by which Ray binds to loopback; elsewhere than on Linux it is the default
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        # a slow machine takes more than the default 5 s
        os.environ.setdefault("RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S", "60")
    import ray

    if ray.is_initialized():
        yield
        return
    options: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    if address is not None:
        options["address"] = address
    else:
        options |= {
            "num_cpus": cores,
            "include_dashboard": False,
            "object_store_memory": _STORE,
        }
    if address is not None:
        _check_there(address)
    try:
        ray.init(**options)
    except ConnectionError as error:
        raise _nobody(address, error) from error
    try:
        yield
    finally:
        ray.shutdown()


def _check_there(address: str) -> None:
    """Refuse an address that nothing answers at: Ray would try for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdigit():
        return  # such as auto
    try:
        socket.create_connection((host, int(port)), timeout=_CONNECT).close()
    except (OSError, OverflowError) as error:
        raise _nobody(address, error) from error


def _nobody(address: str | None, error: Exception) -> ConfigError:
    why = f" ({str(error).splitlines()[0]})" if str(error) else ""
    return ConfigError(
        f"`ray` must be the address of a Ray cluster, or auto on one of its nodes, got {address} "
        f"where none answers{why}; start one with `ray start --head`, set RAY_AUTH_MODE=token on "
        "both ends where it wants one, or leave ray= out."
    )
