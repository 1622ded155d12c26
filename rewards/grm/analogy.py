"""Find a sentence that the network knows and whose progress tells that of a new task.

Closing a drawer has never been seen; opening one has, and "open the red drawer" reads as less and
less while the red drawer is being closed. Where a known sentence about the same things runs along
a demonstration, up or down, its reading is a measure of what the new task changes, and one that
was learned on many scenes: it does not mistake the place of the hand for that of the drawer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.calibration import MonotoneMap, fit_monotone
from kibble.rewards.grm.instructions import Tokenizer
from kibble.rewards.grm.recolouring import COLOURS, colour_words, swap_words

__all__ = ["Analogy", "Pattern", "choose_analogy", "related_patterns"]

_LEAST_CORRELATION = 0.8
_LEAST_RANGE = 0.3
_EMPTY_WORDS = frozenset(
    (
        *("a", "an", "and", "at", "back", "belongs", "by", "down", "for", "from", "get", "go"),
        *("in", "into", "is", "it", "its", "make", "of", "off", "on", "one", "onto", "out"),
        *("over", "put", "so", "that", "the", "there", "this", "to", "up", "use", "with"),
    )
)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A sentence with places for colours.

    Args:
        text: The sentence, its colours replaced by ``{0}``, ``{1}`` … in their order.
        colours: How many colours there are.

    >>> Pattern.of("put the red cube on the blue one").fill(("green", "yellow"))
    'put the green cube on the yellow one'
    """

    text: str
    colours: int

    @classmethod
    def of(cls, sentence: str) -> Pattern:
        """Take the colours out of a sentence."""
        sentence = sentence.replace("{", "(").replace("}", ")")  # braces mark the places
        named = colour_words(sentence)
        places = {colour: f"{{{number}}}" for number, colour in enumerate(named)}
        return cls(swap_words(sentence, places), len(named))

    def fill(self, colours: Sequence[str]) -> str:
        """Put colours in."""
        return self.text.format(*colours)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Analogy:
    """A known sentence that tells how far a new task has come.

    Args:
        pattern: The known sentence.
        correlation: Of its reading with the demonstration's progress, in [-1, 1].
        progress: From its reading to the new task's progress.
        success: From its reading to the new task's probability of success.
    """

    pattern: Pattern
    correlation: float
    progress: MonotoneMap
    success: MonotoneMap

    @classmethod
    def fit(
        cls,
        pattern: Pattern,
        *,
        readings: NDArray[np.float64],
        progress: NDArray[np.float64],
        success: NDArray[np.float64],
    ) -> Analogy:
        """Fit both maps on (N,) readings of demonstrations with their labels."""
        correlation = float(np.corrcoef(readings, progress)[0, 1])
        falling, known = correlation < 0.0, np.isfinite(success)
        return cls(
            pattern=pattern,
            correlation=correlation,
            progress=fit_monotone(readings, progress, falling=falling),
            success=fit_monotone(readings[known], success[known], falling=falling),
        )


def related_patterns(instruction: str, sentences: Sequence[str]) -> tuple[Pattern, ...]:
    """Return the patterns of known sentences that speak of the same things, in order.

    They share a word that carries meaning and name as many colours.

    >>> [p.text for p in related_patterns("close the red drawer", ["open the blue drawer"])]
    ['open the {0} drawer']
    """
    own, words = Pattern.of(instruction), _meaning(instruction)
    patterns = {Pattern.of(sentence): None for sentence in sentences if _meaning(sentence) & words}
    return tuple(pattern for pattern in patterns if pattern.colours == own.colours)


def choose_analogy(
    readings: Mapping[Pattern, NDArray[np.float32]], progress: NDArray[np.float64]
) -> Pattern | None:
    """Choose the pattern whose reading runs along a demonstration most, or ``None``.

    It has to correlate by 0.8 or more, up or down, and to change by 0.3 or more; among those the
    product of the two decides.

    Args:
        readings: Pattern to its (T,) reading of the demonstration, in [0, 1].
        progress: (T,) the demonstration's progress.
    """
    best, best_score = None, 0.0
    for pattern, values in readings.items():
        extent = float(np.ptp(values))
        if extent < _LEAST_RANGE:
            continue
        correlation = abs(float(np.corrcoef(values, progress)[0, 1]))
        if correlation >= _LEAST_CORRELATION and correlation * extent > best_score:
            best, best_score = pattern, correlation * extent
    return best


def _meaning(sentence: str) -> set[str]:
    return set(Tokenizer.words(sentence)) - _EMPTY_WORDS - set(COLOURS)
