"""Stages of a demonstration that nobody labelled, and the progress that they stand for.

A stage is a stretch of a demonstration in which what is seen moves along one straight line: the
features of its frames are close to a linear function of time. The cut into stages that leaves the
least squared distance from those lines is found exactly, by dynamic programming.

Source: unsupervised perceptual rewards (segments of least variance in feature space), VLA-RL
(pseudo progress from extracted segments), Robo-Dopamine (step-wise discretisation of progress).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "boundary_score",
    "keyframes",
    "normalise",
    "segment",
    "settled_from",
    "stage_labels",
    "stage_progress",
]

_EPS = 1e-12


def normalise(features: ArrayLike) -> NDArray[np.float64]:
    """Centre features and scale them together to a mean squared length of 1.

    Directions keep their relative size: what moves more counts for more.

    Args:
        features: (T, D), finite.

    Returns:
        (T, D) float64; zeros where nothing moves.

    Raises:
        ValueError: If the array has another shape, no frame, or a value that is not finite.

    >>> normalise([[0.0], [2.0]]).ravel().tolist()
    [-1.0, 1.0]
    """
    array = _checked(features)
    centred = array - array.mean(axis=0)
    scale = np.sqrt((centred**2).sum(axis=1).mean())
    return np.zeros_like(centred) if scale < _EPS else centred / scale


def segment(
    features: ArrayLike,
    *,
    stages: int | None = None,
    most: int = 6,
    shortest: int = 2,
    unexplained: float = 0.05,
    candidates: Sequence[int] | None = None,
) -> tuple[int, ...]:
    """Cut T frames into stages so that the features of each are as linear in time as can be.

    Minimises the sum over stages [b, e) of min_{a, v} sum_t |x_t - a - v t|^2, exactly.

    Args:
        features: (T, D), such as embeddings of the frames; see :func:`normalise`.
        stages: Number of stages, or ``None`` for the fewest whose lines leave at most the share
            ``unexplained`` of what one constant leaves.
        most: Largest number of stages when ``stages`` is ``None``.
        shortest: Fewest frames in a stage.
        unexplained: Share in (0, 1) of the features' variance that stages may leave.
        candidates: First frames that a stage may have, such as :func:`keyframes`, or ``None`` for
            all.

    Returns:
        The first frame of each stage, 0 first, increasing.

    Raises:
        ValueError: If the features are not finite (T, D), or an argument is out of range.

    >>> up, flat = [[t, 0.0] for t in range(6)], [[6.0, t] for t in range(6)]
    >>> segment(up + flat, stages=2)
    (0, 6)
    >>> segment([[1.0]] * 5)
    (0,)
    """
    array = normalise(features)
    length = len(array)
    if shortest < 1 or most < 1:
        raise ValueError(f"`shortest` and `most` must be 1 or more, got {shortest} and {most}.")
    if not 0.0 < unexplained < 1.0:
        raise ValueError(f"`unexplained` must lie in (0, 1), got {unexplained}.")
    possible = max(1, length // shortest)
    if stages is not None and not 1 <= stages <= possible:
        raise ValueError(
            f"`stages` must lie in [1, {possible}] for {length} frames of which each stage has "
            f"{shortest} or more, got {stages}."
        )
    allowed = _allowed(length, candidates)
    cost = _line_costs(array, shortest)
    if stages is not None:
        best = _cuts(cost, stages, allowed)[stages - 1]
        if best is None:
            raise ValueError(
                f"`candidates` must allow {stages} stages of {shortest} or more frames, got "
                f"{sorted(np.flatnonzero(allowed).tolist())}; give more candidates."
            )
        return best[1]
    found = [cut for cut in _cuts(cost, min(most, possible), allowed) if cut is not None]
    enough = [cut for cut in found if cut[0] <= unexplained * length]  # variance is 1 per frame
    return (enough or found[-1:])[0][1]


def stage_labels(starts: Sequence[int], length: int) -> NDArray[np.int64]:
    """Number of the stage that each frame belongs to.

    Args:
        starts: First frame of each stage, 0 first, increasing.
        length: Number of frames T.

    Returns:
        (T,) int64 from 0.

    Raises:
        ValueError: If the starts do not begin with 0, increase, and lie below ``length``.

    >>> stage_labels((0, 2), 5).tolist()
    [0, 0, 1, 1, 1]
    """
    checked = _checked_starts(starts, length)
    return np.searchsorted(checked, np.arange(length), side="right").astype(np.int64) - 1


def stage_progress(starts: Sequence[int], length: int) -> NDArray[np.float64]:
    """Turn stages into progress: an equal share for each stage, linear in time inside.

    For frame t of stage s of S that begins at b_s, b_S = T - 1:

        progress_t = (s + (t - b_s) / (b_{s+1} - b_s)) / S

    The first frame has progress 0 and the last 1, whatever the stages take in time.

    Args:
        starts: First frame of each stage, 0 first, increasing; the last below ``length - 1``.
        length: Number of frames T, 2 or more.

    Returns:
        (T,) float64 in [0, 1], increasing strictly.

    Raises:
        ValueError: If the starts or the length are out of range.

    Source: Robo-Dopamine, step-wise discretisation.

    >>> stage_progress((0, 1), 4).tolist()
    [0.0, 0.5, 0.75, 1.0]
    """
    checked = _checked_starts(starts, length)
    if length < 2 or checked[-1] >= length - 1:
        raise ValueError(
            f"`length` must leave the last stage two frames or more, got {length} frames and "
            f"stages from {tuple(starts)}."
        )
    knots = np.append(checked, length - 1)
    shares = np.linspace(0.0, 1.0, len(knots))
    return np.interp(np.arange(length), knots, shares)


def settled_from(features: ArrayLike, *, share: float = 0.1) -> int:
    """First frame from which on the features stay close to those of the last frame.

    Args:
        features: (T, D), such as embeddings of the frames.
        share: Distance from the last frame that counts as close, as a share of the largest.

    Returns:
        A frame in [0, T - 1]; 0 where nothing moves.

    Raises:
        ValueError: If the features are not finite (T, D) or ``share`` is not in [0, 1].

    >>> settled_from([[0.0], [5.0], [9.9], [10.0], [10.0]])
    2
    """
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"`share` must lie in [0, 1], got {share}.")
    array = _checked(features)
    away = np.linalg.norm(array - array[-1], axis=1)
    moved = np.flatnonzero(away > share * away.max(initial=0.0))
    return int(moved[-1] + 1) if len(moved) else 0


def keyframes(
    closing: ArrayLike | None, speed: ArrayLike | None, *, still: float = 0.25
) -> tuple[int, ...]:
    """Frames at which a stage may begin because of what the robot does.

    Where the gripper turns from opening to closing or back, and where the hand's speed has a local
    minimum below ``still`` times its median.

    Args:
        closing: (T,) gripper command, its sign telling the direction, or ``None``.
        speed: (T,) speed of the hand in any unit, or ``None``.
        still: Share of the median speed, 0 or more.

    Returns:
        Increasing frame numbers, without 0.

    Raises:
        ValueError: If ``still`` is negative or an array is not (T,).

    >>> keyframes([-1, -1, 1, 1], [4.0, 4.0, 4.0, 4.0])
    (2,)
    >>> keyframes(None, [5.0, 5.0, 0.1, 5.0, 5.0])
    (2,)
    """
    if still < 0.0:
        raise ValueError(f"`still` must be 0 or more, got {still}.")
    found: set[int] = set()
    if closing is not None:
        sign = np.sign(_one_row("closing", closing))
        found.update(int(t) for t in np.flatnonzero(sign[1:] != sign[:-1]) + 1)
    if speed is not None:
        values = _one_row("speed", speed)
        low = values[1:-1] < still * np.median(values)
        lowest = (values[1:-1] <= values[:-2]) & (values[1:-1] < values[2:])
        found.update(int(t) for t in np.flatnonzero(low & lowest) + 1)
    return tuple(sorted(found - {0}))


def boundary_score(
    found: Sequence[int], true: Sequence[int], *, tolerance: int = 3
) -> tuple[float, float, float]:
    """Precision, recall and F1 of stage boundaries, each matched once within a tolerance.

    Args:
        found: Boundaries to judge, without the first frame.
        true: Boundaries to find, without the first frame.
        tolerance: Frames by which a match may be off.

    Returns:
        Precision, recall, F1 in [0, 1]; 1, 1, 1 where both are empty.

    >>> boundary_score([5, 20], [7])
    (0.5, 1.0, 0.6666666666666666)
    """
    if not found and not true:
        return 1.0, 1.0, 1.0
    pairs = sorted((abs(f - t), i, j) for i, f in enumerate(found) for j, t in enumerate(true))
    used_found: set[int] = set()
    used_true: set[int] = set()
    for distance, i, j in pairs:
        if distance <= tolerance and i not in used_found and j not in used_true:
            used_found.add(i)
            used_true.add(j)
    precision = len(used_found) / len(found) if found else 0.0
    recall = len(used_true) / len(true) if true else 0.0
    total = precision + recall
    return precision, recall, 2.0 * precision * recall / total if total else 0.0


def _checked(features: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(features, dtype=np.float64)
    if array.ndim != 2 or not len(array) or not np.isfinite(array).all():
        raise ValueError(
            f"`features` must be finite and of shape (T, D) with a frame or more, got shape "
            f"{array.shape}."
        )
    return array


def _one_row(name: str, values: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"`{name}` must have shape (T,), got {array.shape}.")
    return array


def _checked_starts(starts: Sequence[int], length: int) -> NDArray[np.int64]:
    array = np.asarray(starts, dtype=np.int64)
    if (
        array.ndim != 1
        or not len(array)
        or array[0] != 0
        or (np.diff(array) <= 0).any()
        or array[-1] >= length
    ):
        raise ValueError(
            f"`starts` must begin with 0, increase and lie below {length}, got {tuple(starts)}."
        )
    return array


def _allowed(length: int, candidates: Sequence[int] | None) -> NDArray[np.bool_]:
    allowed = np.full(length + 1, candidates is None)
    if candidates is not None:
        outside = [frame for frame in candidates if not 0 <= frame < length]
        if outside:
            raise ValueError(f"`candidates` must lie in [0, {length - 1}], got {outside[0]}.")
        allowed[list(candidates)] = True
    allowed[[0, length]] = True
    return allowed


def _line_costs(array: NDArray[np.float64], shortest: int) -> NDArray[np.float64]:
    """Squared distance (T, T + 1) of frames [b, e) from their best line; inf where too short."""
    length = len(array)
    costs = np.full((length, length + 1), np.inf)
    for begin in range(length):
        rest = array[begin:]
        n = np.arange(1, len(rest) + 1, dtype=np.float64)
        time = n - 1.0
        total = np.cumsum(rest, axis=0)  # (n, D)
        weighted = np.cumsum(rest * time[:, None], axis=0)
        square = np.cumsum((rest**2).sum(axis=1)) - (total**2).sum(axis=1) / n
        mean_time = time / 2.0
        spread = n * (n**2 - 1.0) / 12.0
        slope = weighted - mean_time[:, None] * total
        explained = np.divide(
            (slope**2).sum(axis=1), spread, out=np.zeros_like(n), where=spread > 0.0
        )
        ends = np.arange(begin + 1, length + 1)
        fits = n >= shortest
        costs[begin, ends[fits]] = np.maximum(square - explained, 0.0)[fits]
    return costs


def _cuts(
    costs: NDArray[np.float64], stages: int, allowed: NDArray[np.bool_]
) -> list[tuple[float, tuple[int, ...]] | None]:
    """Cheapest cut into 1 … ``stages`` stages: its cost and the first frames of its stages."""
    length = len(costs)
    open_costs = np.where(allowed[:length, None] & allowed[None, :], costs, np.inf)
    best = open_costs[0]  # (T + 1,) cost of the frames before each end
    came: list[NDArray[np.int64]] = []
    results: list[tuple[float, tuple[int, ...]] | None] = []
    for count in range(1, stages + 1):
        if count > 1:
            total = best[:length, None] + open_costs
            came.append(total.argmin(axis=0))
            best = total.min(axis=0)
        if not np.isfinite(best[length]):
            results.append(None)
            continue
        starts, end = [], length
        for back in reversed(came):
            end = int(back[end])
            starts.append(end)
        results.append((float(best[length]), (0, *reversed(starts))))
    return results
