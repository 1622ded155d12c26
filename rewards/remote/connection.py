"""Requests to a service, repeated where that helps, and what they may come to."""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Callable
from typing import final

import httpx

from kibble.rewards.adapters.remote import Options
from kibble.rewards.errors import ConfigError
from kibble.rewards.remote.address import Address
from kibble.rewards.remote.outages import Availability
from kibble.rewards.service.answers import decode_error
from kibble.rewards.service.failures import Code, ServiceError
from kibble.rewards.service.wire import CONTENT_TYPE, SESSION_HEADER

__all__ = ["Connection", "NoServiceError", "NotReadyError"]

_CONNECT = 2.0  # s
_GRACE = 1.0  # s that a service has to say that it is late
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0  # s between two attempts within one call


class NoServiceError(Exception):
    """There is no service that is ready; the text says what was met instead."""


class NotReadyError(NoServiceError):
    """There is a service, and it is loading or stopping."""


@final
class Connection:
    """A kept-alive connection to one service; threads may share it.

    Args:
        address: Where the service is.
        options: How it is asked.

    Attributes:
        availability: Whether it is away, and how often it was.

    Raises:
        ConfigError: If the file of certificates or the token is not usable.
    """

    def __init__(self, address: Address, options: Options) -> None:
        self.availability = Availability(str(address), max_outage=options.max_outage)
        self._timeout = options.timeout
        self._wait = options.wait
        self._client = httpx.Client(
            base_url=address.url,
            headers=_authorisation(options.token_env),
            verify=_certificates(options.ca),
            trust_env=not address.loopback,  # no proxy stands between a machine and itself
            limits=httpx.Limits(max_connections=options.sessions + 16),
        )

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def ask(
        self,
        method: str,
        path: str,
        body: Callable[[float], bytes] | None = None,
        *,
        session: str = "",
        frames: int = 0,
    ) -> bytes:
        """Send a request until it is answered, in time.

        A service that has gone is tried again for ``wait`` seconds, a busy one for ``timeout``.

        Args:
            method: Of HTTP.
            path: From the service's address.
            body: From the seconds that are left to the body.
            session: Which replica is to answer; see :mod:`kibble.rewards.service.wire`.
            frames: How many frames it is about, for the record of outages.

        Returns:
            The body of the answer.

        Raises:
            ServiceAwayError: If the service is away.
            OutageError: If it has been so for too long.
            TimeoutError: If it did not answer in time.
            ConfigError: If its certificate is not trusted.
            ServiceError: If it refuses the request.
        """
        self.availability.check(frames)
        began = time.monotonic()
        patience = 0.0 if self.availability.away else self._wait
        try:
            answer = self._until_answered(method, path, body, session, patience)
        except NoServiceError as error:
            raise self.availability.lost(str(error), frames, since=began) from error
        except (ServiceError, TimeoutError):  # it is there, and says so
            self.availability.found()
            raise
        self.availability.found()
        return answer

    def greet(self, path: str) -> bytes:
        """Ask for what a service says of itself; no outage is recorded.

        Raises:
            NoServiceError: If none is there, or none is ready, after ``wait`` seconds.
            TimeoutError: If it did not answer in time.
            ServiceError: If it refuses the request.
        """
        return self._until_answered("GET", path, None, "", self._wait)

    def mention(self, method: str, path: str, *, session: str = "") -> None:
        """Send a request whose answer does not matter, unless the service is away."""
        if self.availability.away:
            return
        try:
            self._once(method, path, None, session, _CONNECT)
        except (NoServiceError, ServiceError, TimeoutError):
            return

    def healthy(self) -> bool:
        """Whether the service says that it is ready."""
        try:
            return self._client.get("/health", timeout=_CONNECT).status_code == 200
        except httpx.TransportError:
            return False

    def _until_answered(
        self,
        method: str,
        path: str,
        body: Callable[[float], bytes] | None,
        session: str,
        patience: float,
    ) -> bytes:
        began, pause = time.monotonic(), _FIRST_PAUSE
        while True:
            left = self._timeout - (time.monotonic() - began)
            try:
                return self._once(method, path, body, session, max(left, 0.001))
            except NoServiceError:
                if time.monotonic() + pause > began + patience:
                    raise
            except ServiceError as error:
                if not error.code.passes:
                    raise
                pause = max(pause, error.retry_after or 0.0)
                over = time.monotonic() + pause > began + self._timeout
                if error.code is Code.LATE or over:
                    raise TimeoutError(
                        f"The service did not answer within {self._timeout:g} s: {error}"
                    ) from error
            time.sleep(pause)
            pause = min(2.0 * pause, _LONGEST_PAUSE)

    def _once(
        self,
        method: str,
        path: str,
        body: Callable[[float], bytes] | None,
        session: str,
        left: float,
    ) -> bytes:
        headers = {SESSION_HEADER: session} if session else {}
        if body is not None:
            headers["Content-Type"] = CONTENT_TYPE
        try:
            response = self._client.request(
                method,
                path,
                content=None if body is None else body(left),
                headers=headers,
                timeout=httpx.Timeout(left + _GRACE, connect=min(left, _CONNECT)),
            )
        except (httpx.ReadTimeout, httpx.WriteTimeout) as error:
            if not self.healthy():
                raise NoServiceError(
                    f"no answer within {left:.1f} s, nor about its health"
                ) from error
            raise TimeoutError(f"The service did not answer within {left:.1f} s.") from error
        except httpx.TransportError as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise ConfigError(
                    f"The certificate at {self._client.base_url} must be one that this machine "
                    f"trusts, got {error}; give the service's own, or its authority's, with "
                    "ca=cert.pem."
                ) from error
            raise NoServiceError(f"{type(error).__name__}: {error}") from error
        if response.status_code == 200:
            return response.content
        refusal = decode_error(response.content, retry_after=response.headers.get("Retry-After"))
        if refusal is None:
            raise NoServiceError(
                f"HTTP {response.status_code} of something that is not the service"
            )
        if refusal.code is Code.NOT_READY:
            raise NotReadyError(str(refusal))
        raise refusal


def _authorisation(variable: str) -> dict[str, str]:
    token = os.environ.get(variable, "")
    if not token.isascii() or any(map(str.isspace, token)):
        raise ConfigError(
            f"The token in {variable} must be printable ASCII without spaces, got one that is "
            "not; copy it again."
        )
    return {"Authorization": f"Bearer {token}"} if token else {}


def _certificates(file: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"`ca` must be a file of certificates (PEM), got {file!r}: {error}; give the "
            "certificate that the service was started with."
        ) from error
