"""How likely what was said was to be said."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kibble.rewards.vlm.questions import Token

__all__ = ["said_probability"]


def said_probability(tokens: Sequence[Token], value: str) -> float:
    """Return the probability of the tokens that spell the last ``value`` in a reply.

    ``Π p(token | all before it)`` over the tokens that overlap it. Where decoding was constrained
    it is the probability without the constraint: how much the model itself would have said it.

    Args:
        tokens: The reply's tokens.
        value: The part of the reply that matters, such as "+33" or "yes".

    Returns:
        The probability in [0, 1]; 1 where the back end does not tell or the tokens do not spell
        the value.

    >>> said_probability([Token(text="yes", logprob=-0.5), Token(text=".", logprob=-3.0)], "yes")
    0.6065306597126334
    """
    text = "".join(token.text for token in tokens)
    begin = text.rfind(value)
    if begin < 0 or not value:
        return 1.0
    total, place = 0.0, 0
    for token in tokens:
        if place < begin + len(value) and place + len(token.text) > begin:
            total += token.logprob
        place += len(token.text)
    return 1.0 if np.isnan(total) else float(np.exp(min(total, 0.0)))
