"""What can go wrong between this process and a server."""

from __future__ import annotations

from kibble.rewards.errors import ModelError, ServiceAwayError

__all__ = ["UnreachableError", "UnusableError"]


class UnreachableError(ServiceAwayError):
    """The server took no connection or broke it."""


class UnusableError(ModelError):
    """The server refuses a request, or what it answers is of no use; asking again is neither."""
