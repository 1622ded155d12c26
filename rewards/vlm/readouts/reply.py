"""Take an answer as the kind that was asked for, whole."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.vlm.questions import Answer, HiddenStates, Ratings, Reply
from kibble.rewards.vlm.readouts.errors import AnswerError

__all__ = ["finished_reply", "finished_text", "hidden_states", "rated"]


def finished_reply(answer: Answer) -> Reply:
    """Return a reply that ended by itself.

    One that was cut off at ``max_tokens`` may look whole and mean something else: "+1" may have
    been going to be "+12".

    Raises:
        AnswerError: If the answer is no reply or was cut off.

    >>> finished_reply(Reply(text="yes")).text
    'yes'
    """
    if not isinstance(answer, Reply):
        raise AnswerError(f"An answer must be a Reply, got {type(answer).__name__}; ask by Say.")
    if not answer.finished:
        raise AnswerError(
            f"An answer must end by itself, got {answer.text!r} cut off; ask with more "
            "`max_tokens`."
        )
    return answer


def finished_text(answer: Answer) -> str:
    """Return the text of a reply that ended by itself; see :func:`finished_reply`."""
    return finished_reply(answer).text


def rated(answer: Answer, count: int) -> NDArray[np.float64]:
    """Return the (count,) float64 log-probabilities <= 0 of rated answers.

    Raises:
        AnswerError: If the answer is no such ratings or one of them is NaN or above 0.

    >>> rated(Ratings(logprobs=np.array([-1.0, -2.0])), 2)
    array([-1., -2.])
    """
    if not isinstance(answer, Ratings):
        raise AnswerError(f"An answer must be Ratings, got {type(answer).__name__}; ask by Rate.")
    logprobs = np.asarray(answer.logprobs, np.float64)
    if logprobs.shape != (count,):
        raise AnswerError(f"Ratings must have shape ({count},), got {logprobs.shape}.")
    if not (logprobs <= 1e-6).all():  # NaN compares false
        raise AnswerError(f"Ratings must be log-probabilities <= 0, got {logprobs.tolist()}.")
    return np.minimum(logprobs, 0.0)


def hidden_states(answer: Answer, token: str, count: int) -> NDArray[np.float32]:
    """Return the (count, D) float32 hidden states at the places of a token.

    Raises:
        AnswerError: If the answer has no such states, another number of them, or one that is not
            finite.

    >>> states = HiddenStates(states={"<s>": np.zeros((2, 3), np.float32)})
    >>> hidden_states(states, "<s>", 2).shape
    (2, 3)
    """
    if not isinstance(answer, HiddenStates):
        raise AnswerError(
            f"An answer must be HiddenStates, got {type(answer).__name__}; ask by Probe."
        )
    states = answer.states.get(token)
    if states is None or states.ndim != 2 or len(states) != count:
        raise AnswerError(
            f"There must be {count} hidden states of {token!r}, got "
            f"{None if states is None else states.shape}."
        )
    if not np.isfinite(states).all():
        raise AnswerError(f"The hidden states of {token!r} must be finite, got NaN or infinity.")
    return states
