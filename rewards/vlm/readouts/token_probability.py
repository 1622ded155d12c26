"""Read the probability of words from the likeliest tokens at one place of a reply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.vlm.questions import Token
from kibble.rewards.vlm.readouts.errors import AnswerError

__all__ = ["spelling_logprobs", "weighed"]


def weighed(token: Token) -> Mapping[str, float]:
    """Return all tokens that are known for one place and their log-probabilities.

    Raises:
        AnswerError: If none is known or one is NaN or above 0.

    >>> weighed(Token(text="yes", logprob=-0.1, top={"no": -3.0}))
    {'no': -3.0, 'yes': -0.1}
    """
    known = dict(token.top)
    if not np.isnan(token.logprob):
        known.setdefault(token.text, token.logprob)
    if not known or not all(logprob <= 1e-6 for logprob in known.values()):  # NaN: false
        raise AnswerError(
            f"A token must come with log-probabilities <= 0, got {token!r}; ask with `top`, of a "
            "back end that gives them."
        )
    return known


def spelling_logprobs(token: Token, spellings: Sequence[tuple[str, ...]]) -> NDArray[np.float64]:
    """Return the log-probability that a token is one of a word's spellings, for each word.

    A spelling that is not among the likeliest tokens counts as impossible: with the 20 likeliest
    known, what is missing is less probable than any of them.

    Args:
        token: One place of a reply, asked with ``top`` above 0.
        spellings: For each of C words the tokens that mean it, such as ("Yes", " yes", "yes").

    Returns:
        (C,) float64 <= 0; ``-inf`` where none is known.

    Raises:
        AnswerError: If the back end gave no log-probabilities, or one of them is no such number.

    >>> token = Token(text="Yes", logprob=-0.7, top={"Yes": -0.7, " yes": -1.6})
    >>> spelling_logprobs(token, [("Yes", " yes"), ("No",)]).round(2)
    array([-0.36,  -inf])
    """
    known = weighed(token)
    masses = [sum(np.exp(known[text]) for text in word if text in known) for word in spellings]
    with np.errstate(divide="ignore"):
        return np.minimum(np.log(np.asarray(masses, np.float64)), 0.0)
