"""What answers questions: a model in this process, or a server that speaks OpenAI's protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from kibble.rewards.remote.outages import Availability
from kibble.rewards.vlm.questions import Answer, Question

__all__ = ["Backend", "BackendSpec", "DistantBackend"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendSpec:
    """What a back end is.

    Args:
        name: Name of the model for logs and tables.
        version: Fingerprint of the weights; equal fingerprints give equal answers.
        device: Where it runs, for people: "cpu", "cuda:0" or the server's address.
        rates: Whether it answers :class:`kibble.rewards.vlm.questions.Rate`.
        probes: Whether it answers :class:`kibble.rewards.vlm.questions.Probe`.
    """

    name: str
    version: str
    device: str
    rates: bool = True
    probes: bool = False


@runtime_checkable
class Backend(Protocol):
    """Answers batches of questions; caches of its own never change what it answers."""

    @property
    def spec(self) -> BackendSpec:
        """What it is and which questions it answers."""
        ...

    def answer(self, questions: Sequence[Question]) -> list[Answer]:
        """Answer Q questions, batched as it sees fit, each by an answer of its kind.

        A question that fails for itself (time out, NaN logits, a constraint that cannot be met)
        is answered by a :class:`kibble.rewards.vlm.questions.Failure` and does not spoil others.

        Raises:
            ModelError: If a kind of question is not one that this back end answers.
            ServiceAwayError: If a server cannot be reached at all.
        """
        ...


@runtime_checkable
class DistantBackend(Backend, Protocol):
    """A back end that may be away for a while."""

    @property
    def availability(self) -> Availability:
        """Notes by whoever asks when it was away, and refuses what would be in vain."""
        ...
