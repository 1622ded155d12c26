"""Put questions to a back end, and take note of a server that is away or back."""

from __future__ import annotations

from collections.abc import Sequence

from kibble.rewards.errors import ServiceAwayError
from kibble.rewards.vlm.backend import Backend, DistantBackend
from kibble.rewards.vlm.questions import Answer, Question

__all__ = ["answers_from"]


def answers_from(
    backend: Backend, questions: Sequence[Question], *, frames: int
) -> Sequence[Answer]:
    """Ask a back end, unless it is known to be away.

    Args:
        backend: What answers.
        questions: Q questions; without any, nothing is asked.
        frames: How many frames they are about, for the count of what an outage cost.

    Returns:
        Q answers.

    Raises:
        ServiceAwayError: If the back end is a server that cannot be reached.
        OutageError: If it has been away for longer than it may.
    """
    if not questions:
        return []
    if not isinstance(backend, DistantBackend):
        return backend.answer(questions)
    availability = backend.availability
    availability.check(frames)
    try:
        answers = backend.answer(questions)
    except ServiceAwayError as error:
        raise availability.lost(str(error), frames) from error
    availability.found()
    return answers
