"""Read a number as the mean over the digit tokens that a model weighed at each place."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from kibble.rewards.vlm.questions import Token
from kibble.rewards.vlm.readouts.errors import AnswerError
from kibble.rewards.vlm.readouts.expectation import Expectation, probabilities_within
from kibble.rewards.vlm.readouts.token_probability import weighed
from kibble.rewards.vlm.readouts.uncertainty import entropy_confidence

__all__ = ["expected_number"]

_SIGNED = re.compile(r"\s*([+-]?)([0-9]+)\s*")
_DIGITS = re.compile(r"[0-9]{1,9}")


def expected_number(
    tokens: Sequence[Token], *, low: float, high: float, ratio: float = 0.1
) -> Expectation:
    """Read a bare signed whole number as its mean over digit tokens.

    At every place whose token is digits, the mean is taken over those of its likeliest tokens
    that are digits and have at least ``ratio`` times the probability of the likeliest there:
    ``E = Σ p v / Σ p``. Where a number is spelt by several tokens, each is weighed given those
    that were said before it, among tokens of as many digits, and takes the power of ten of its
    place. The sign is the one that was said.

    Args:
        tokens: The reply's tokens with ``top`` of 10 or more; special tokens at the end are
            passed over.
        low: Least number that means something.
        high: Greatest.
        ratio: Share of the likeliest token's probability below which a digit token is left out.

    Returns:
        The mean in [low, high]; the least confidence of all places; and the greatest share that
        lies outside digit tokens at any place (an upper bound: tokens that were not reported count
        as outside).

    Raises:
        AnswerError: If the reply is no such number, a place lacks log-probabilities, or the mean
            is out of range.

    Source:
        VLAC's "rich" mode, github.com/InternRobotics/VLAC, evo_vlac/utils/model_utils.py
        (``results_format``): ratio 0.1, rounded there to one decimal, and written as one mean per
        token, which is no number where a number takes two tokens; this is.

    >>> token = Token(text="4", logprob=-0.69, top={"4": np.log(0.5), "6": np.log(0.5)})
    >>> round(expected_number([token], low=-100, high=100).value, 6)
    5.0
    """
    if not tokens:
        raise AnswerError(
            "A number must come with the tokens that spell it, got none; ask a back end that "
            "gives log-probabilities."
        )
    spoken = _without_special(tokens)
    text = "".join(token.text for token in spoken)
    match = _SIGNED.fullmatch(text)
    if match is None:
        raise AnswerError(f"An answer must be one number such as +12, got {text[:200]!r}.")
    places = [token for token in spoken if _bare(token.text)]
    value, outside, confidence = 0.0, 0.0, 1.0
    for token in places:
        length = len(_bare(token.text)) if len(places) > 1 else None
        mean, place_confidence, place_outside = _mean_of_place(token, length, ratio)
        value = value * 10.0 ** len(_bare(token.text)) + mean
        confidence = min(confidence, place_confidence)
        outside = max(outside, place_outside)
    value = -value + 0.0 if match[1] == "-" else value
    if not low <= value <= high:
        raise AnswerError(f"A number must lie in [{low:g}, {high:g}], got {value:g}.")
    return Expectation(value=value, confidence=confidence, outside=outside)


def _without_special(tokens: Sequence[Token]) -> list[Token]:
    spoken = list(tokens)
    while spoken and re.fullmatch(r"<[^<>]*>", spoken[-1].text):
        spoken.pop()
    return spoken


def _bare(text: str) -> str:
    return text.strip().lstrip("+-")


def _mean_of_place(token: Token, length: int | None, ratio: float) -> tuple[float, float, float]:
    """Return the mean of one token's digits, the confidence, and the share outside digits."""
    known = weighed(token)
    said = token.text.strip()
    sign = said.removesuffix(_bare(said))
    alike: dict[str, list[float]] = {}
    for text, logprob in known.items():
        digits = text.strip().removeprefix(sign)
        if _DIGITS.fullmatch(digits):
            alike.setdefault(digits, []).append(logprob)
    merged = {text: float(np.logaddexp.reduce(logprobs)) for text, logprobs in alike.items()}
    _, outside = probabilities_within(np.minimum(list(merged.values()), 0.0))
    least = max(known.values()) + np.log(ratio)
    kept = {
        text: min(logprob, 0.0)
        for text, logprob in merged.items()
        if length in (None, len(text)) and logprob >= least
    }
    if not kept:
        raise AnswerError(f"A place of a number must be digits, likely ones, got {token!r}.")
    within, _ = probabilities_within(np.asarray(list(kept.values())))
    return (
        float(within @ np.asarray([float(text) for text in kept])),
        entropy_confidence(within),
        outside,
    )
