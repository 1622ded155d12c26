"""What a reward model may offer besides the protocol: to be told that episodes are over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from kibble.rewards.types import Episode

__all__ = ["EndsEpisodes"]


@runtime_checkable
class EndsEpisodes(Protocol):
    """A reward model that holds something for each open episode elsewhere, such as on a server."""

    def end(self, episodes: Sequence[Episode]) -> None:
        """Let go of what is held for these episodes; they are not estimated again.

        It never raises for a service that is away: what is held there expires by itself.
        """
        ...
