"""How sure a model was of what it said: of a word, or of a number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from kibble.rewards.vlm.questions import Token
from kibble.rewards.vlm.readouts.errors import AnswerError

__all__ = ["number_confidence", "said_probability"]


def said_probability(tokens: Sequence[Token], value: str) -> float:
    """Return the probability of the tokens that spell the last ``value`` in a reply.

    ``Π p(token | all before it)`` over the tokens that overlap it. Where decoding was constrained
    it is the probability without the constraint: how much the model itself would have said it.

    Args:
        tokens: The reply's tokens.
        value: The part of the reply that matters, such as "yes".

    Returns:
        The probability in [0, 1]; 1 where the back end does not tell or the tokens do not spell
        the value.

    >>> said_probability([Token(text="yes", logprob=-0.5), Token(text=".", logprob=-3.0)], "yes")
    0.6065306597126334
    """
    total = sum(place.token.logprob for place in _places(tokens, value))
    return 1.0 if np.isnan(total) else float(np.exp(min(total, 0.0)))


def number_confidence(
    tokens: Sequence[Token],
    value: str,
    read: Callable[[str], float],
    *,
    low: float,
    high: float,
) -> float:
    """Return how near to a number that was said those are that might have been said instead.

    ``1 - 2 √E[(v' - v)²] / (high - low)``, clipped to [0, 1], where v was said and v' is what is
    read if the first token that differs is another of those weighed at its place, all else kept.
    Probability that no number takes, or that was not reported, counts as half the range away, the
    most that samples can spread. A model that wavers between 32 and 34 so is sure, although it
    gives neither half of its probability.

    Args:
        tokens: The reply's tokens, with ``top`` of 10 or so.
        value: The number as it stands in the reply, such as "+33%".
        read: From such a text to a number in [low, high]; raises ``AnswerError`` for others.
        low: Least number.
        high: Greatest number, above ``low``.

    Returns:
        The confidence in [0, 1]; 1 where the back end gives no log-probabilities or the tokens do
        not spell the value. Where decoding was constrained it is that without the constraint.

    >>> wavering = {"32": np.log(0.5), "34": np.log(0.5)}
    >>> token = Token(text="32", logprob=np.log(0.5), top=wavering)
    >>> round(number_confidence([token], "32", float, low=-100, high=100), 3)
    0.986
    """
    said, before, squared = read(value), 1.0, 0.0
    furthest = (high - low) / 2.0
    for place in _places(tokens, value):
        token = place.token
        known = {**token.top, token.text: token.logprob}
        if np.isnan(list(known.values())).any():
            return 1.0
        covered = 0.0
        for text, logprob in known.items():
            number = said if text == token.text else place.number(text, read)
            if number is not None:
                probability = float(np.exp(min(logprob, 0.0)))
                covered += probability
                squared += before * probability * (number - said) ** 2
        squared += before * max(0.0, 1.0 - covered) * furthest**2
        before *= float(np.exp(min(token.logprob, 0.0)))
    return float(np.clip(1.0 - np.sqrt(squared) / furthest, 0.0, 1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A token that spells part of a value: what stands before and after its part."""

    token: Token
    outer_left: str
    outer_right: str
    head: str
    tail: str

    def number(self, other: str, read: Callable[[str], float]) -> float | None:
        """Read the value with another token here; the value may also end with it."""
        if not other.startswith(self.outer_left) or not other.endswith(self.outer_right):
            return None
        part = other[len(self.outer_left) : len(other) - len(self.outer_right)]
        for text in (self.head + part + self.tail, self.head + part):
            try:
                return read(text)
            except (AnswerError, ValueError):
                continue
        return None


def _places(tokens: Sequence[Token], value: str) -> Iterator[_Place]:
    """Return the tokens that overlap the last ``value`` of the text that they spell."""
    begin = "".join(token.text for token in tokens).rfind(value)
    if begin < 0 or not value:
        return
    end, at = begin + len(value), 0
    for token in tokens:
        after = at + len(token.text)
        if at < end and after > begin:
            yield _Place(
                token=token,
                outer_left=token.text[: max(begin - at, 0)],
                outer_right=token.text[len(token.text) - max(after - end, 0) :],
                head=value[: max(at - begin, 0)],
                tail=value[max(after - begin, 0) :],
            )
        at = after
