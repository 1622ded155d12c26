"""Where the service listens, and the uvicorn server that it runs under."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import final

import uvicorn
from fastapi import FastAPI

from kibble.rewards.errors import ConfigError

__all__ = ["Server", "TlsFiles", "open_listener"]

_KEEP_ALIVE = 75.0  # s that an idle connection stays open
_CONNECTIONS = 1024  # at once; more are answered 503


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """What https needs.

    Args:
        certificate: File with the certificate chain, PEM.
        key: File with its private key, PEM.

    Raises:
        ConfigError: If a file is not there.
    """

    certificate: Path
    key: Path

    def __post_init__(self) -> None:
        for name in ("certificate", "key"):
            path: Path = getattr(self, name)
            if not path.is_file():
                raise ConfigError(
                    f"`{name}` must be a PEM file, got {str(path)!r}, which is none."
                )


def open_listener(host: str, port: int, *, token: str | None) -> socket.socket:
    """Listen on an address; beyond this machine only where a token is asked for.

    Args:
        host: Name or address, such as 127.0.0.1, or 0.0.0.0 for all of this machine's.
        port: 0 takes a free one.
        token: What clients must bring, if anything.

    Raises:
        ConfigError: If the address is not loopback and there is no token, is not known, or is
            taken.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError, OverflowError) as error:
        raise ConfigError(
            f"`host` must be an address of this machine, got {host!r} ({error}); write 127.0.0.1 "
            "for this machine alone, or 0.0.0.0 for all its addresses."
        ) from error
    if token is None and not ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback:
        raise ConfigError(
            f"`host` must be this machine's own (127.0.0.1 or ::1) without a token, got {host!r}; "
            "set a token, so that not everybody on the network can use the service."
        )
    try:
        return socket.create_server(address, family=family, backlog=_CONNECTIONS)
    except OSError as error:
        raise ConfigError(
            f"`port` must be free at {host}, got {port} ({error.strerror}); stop what listens "
            "there, or take another; 0 finds a free one."
        ) from error


@final
class Server:
    """A uvicorn server of one application, in the calling thread.

    Args:
        application: What :func:`kibble.rewards.service.application.create_application` built.
        listener: What :func:`open_listener` opened.
        tls: Files for https, or ``None`` for http.
        grace: Seconds that requests which are under way when it stops may still take.
    """

    def __init__(
        self,
        application: FastAPI,
        listener: socket.socket,
        *,
        tls: TlsFiles | None = None,
        grace: float = 30.0,
    ) -> None:
        self._listener = listener
        host, port = listener.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http{'s' if tls else ''}://{shown}:{port}"
        self._server = uvicorn.Server(
            uvicorn.Config(
                application,
                access_log=False,
                log_config=None,
                lifespan="on",
                ws="none",
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=int(_KEEP_ALIVE),
                timeout_graceful_shutdown=max(1, round(grace)),
                limit_concurrency=_CONNECTIONS,
                ssl_certfile=None if tls is None else tls.certificate,
                ssl_keyfile=None if tls is None else tls.key,
            )
        )

    def run(self) -> None:
        """Serve until :meth:`stop`, SIGINT or SIGTERM; then answer what is under way, and return.

        Afterwards uvicorn raises the signal again for those who want to know of it.
        """
        self._server.run(sockets=[self._listener])

    def stop(self) -> None:
        """Ask it to stop; any thread may."""
        self._server.should_exit = True
