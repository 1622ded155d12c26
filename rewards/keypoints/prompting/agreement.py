"""What several answers to one question agree on, and how much."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from kibble.rewards.errors import ConfigError
from kibble.rewards.keypoints.prompting.step import Step
from kibble.rewards.keypoints.prompting.tiles import Tiles

__all__ = ["Agreed", "agree", "choice_distance", "plan_distance"]

Answer = TypeVar("Answer")
_HEIGHT = 0.10  # m that make two heights another plan
_TILES = 2.0  # tiles that make two places another plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed(Generic[Answer]):
    """The answer that the others are nearest to.

    Args:
        answer: One of those given.
        confidence: In [0, 1]: 1 if all say the same, 0 if no two do.
    """

    answer: Answer
    confidence: float


def agree(
    answers: Sequence[Answer], distance: Callable[[Answer, Answer], float], *, asked: int
) -> Agreed[Answer]:
    """Choose the medoid of n answers; answers that could not be read lie furthest from all.

    ``confidence = 1 - Σ d(medoid, other) / (asked - 1)``, over the others; of one answer 1.

    Args:
        answers: Those that could be read, at least one.
        distance: Of two answers, in [0, 1], 0 for equal ones.
        asked: How many were asked for, at least ``len(answers)``.

    Returns:
        The medoid, the first of several, and its confidence.

    Raises:
        ConfigError: If there is no answer, or more than were asked for.

    >>> agree(["a", "b", "a"], lambda one, other: float(one != other), asked=3)
    Agreed(answer='a', confidence=0.5)
    """
    if not 1 <= len(answers) <= asked:
        raise ConfigError(f"There must be 1 to {asked} answers, got {len(answers)}.")
    sums = [sum(distance(one, other) for other in answers) for one in answers]
    best = min(range(len(answers)), key=lambda i: sums[i])
    apart = sums[best] + (asked - len(answers))
    confidence = 1.0 - apart / (asked - 1) if asked > 1 else 1.0
    return Agreed(answer=answers[best], confidence=min(max(confidence, 0.0), 1.0))


def choice_distance(
    one: tuple[float, float] | None, other: tuple[float, float] | None, *, reach: float
) -> float:
    """Return how far two chosen points lie apart, in [0, 1]; 1 for a point and none.

    Args:
        one: (u, v) pixels, or ``None`` for none.
        other: The same.
        reach: Pixels at which they say different things.

    >>> choice_distance((0.0, 0.0), (3.0, 4.0), reach=10.0), choice_distance(None, None, reach=1.0)
    (0.5, 0.0)
    """
    if one is None or other is None:
        return float(one is not other)
    return min(math.dist(one, other) / reach, 1.0)


def plan_distance(one: Sequence[Step], other: Sequence[Step], *, tiles: Tiles) -> float:
    """Return how different two ways are, in [0, 1].

    The mean over their waypoints of the largest of: heights (1 at 10 cm), tiles (1 at two), and a
    half for the fingers; 1 where the number of waypoints, a mover or an anchor differs.

    Args:
        one: A way.
        other: Another.
        tiles: The grid that their tiles are of.
    """
    if [(s.mover, s.anchor) for s in one] != [(s.mover, s.anchor) for s in other]:
        return 1.0
    return sum(_step_distance(a, b, tiles) for a, b in zip(one, other, strict=True)) / len(one)


def _step_distance(one: Step, other: Step, tiles: Tiles) -> float:
    far = min(abs(one.height - other.height) / _HEIGHT, 1.0)
    if one.anchor is None:
        unit = (tiles.rows, tiles.columns)  # pixels are tiles
        gap = math.dist(tiles.centre(one.to, unit), tiles.centre(other.to, unit))
        far = max(far, min(gap / _TILES, 1.0))
    return max(far, 0.5 * (one.fingers != other.fingers))
