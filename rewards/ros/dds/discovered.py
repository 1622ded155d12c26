"""What Cyclone DDS has found in a domain, each change of it read once."""

from __future__ import annotations

from typing import Any, final

from cyclonedds.builtin import BuiltinDataReader
from cyclonedds.core import InstanceState
from cyclonedds.domain import DomainParticipant

__all__ = ["Discovered"]

_AT_ONCE = 10_000


@final
class Discovered:
    """The participants, or the readers or writers, that are there now.

    The package loses some hundred bytes of each sample of a built-in topic that it converts, so
    samples are taken once, when something changes, and not read again at each look: a node looks
    as often as it publishes while a camera is away.

    Args:
        participant: Who looks.
        topic: One of the package's built-in topics.
    """

    def __init__(self, participant: DomainParticipant, topic: Any) -> None:
        self._reader = BuiltinDataReader(participant, topic)
        self._alive: dict[Any, Any] = {}  # key to sample

    def alive(self) -> list[Any]:
        """Return what is there, as samples of the topic; not for several threads at once."""
        for sample in self._reader.take(_AT_ONCE):
            if sample.sample_info.instance_state == InstanceState.Alive:
                self._alive[sample.key] = sample
            else:
                self._alive.pop(sample.key, None)
        return list(self._alive.values())
