"""Where a remote model is: the address of a service and the name of a model there."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from kibble.rewards.errors import ConfigError

__all__ = ["Address", "parse_address"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A model behind a service.

    Args:
        url: Address of the service, without a slash at its end.
        model: Name of the model there; "" where the service is to have but one.
        loopback: Whether it is on this machine.
    """

    url: str
    model: str
    loopback: bool

    def __str__(self) -> str:
        return f"{self.url}/{self.model}"


def parse_address(text: str | None) -> Address:
    """Parse what stands after ``remote@``.

    Args:
        text: ``URL/MODEL``; the last part of the path is the model.

    Raises:
        ConfigError: If it is none.

    >>> parse_address("http://127.0.0.1:8000/grm_tiny")
    Address(url='http://127.0.0.1:8000', model='grm_tiny', loopback=True)
    >>> str(parse_address("https://rewards.lab/team/topreward"))
    'https://rewards.lab/team/topreward'
    """
    try:
        parts = urlsplit(text or "")
        host, _ = parts.hostname, parts.port  # a port that is no number raises
    except ValueError as error:
        raise _mistake(text) from error
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.username:
        raise _mistake(text)
    path, _, model = parts.path.rpartition("/")
    return Address(
        url=f"{parts.scheme}://{parts.netloc}{path}", model=model, loopback=_is_loopback(host)
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _mistake(text: str | None) -> ConfigError:
    return ConfigError(
        "A remote reward model must be named as remote@URL/MODEL with http:// or https://, got "
        f"{text or 'no address'!r}; write for example remote@http://127.0.0.1:8000/grm_tiny "
        "(a token goes into the environment variable KIBBLE_TOKEN, never into an address)."
    )
