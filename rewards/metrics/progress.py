"""How far progress is off, how it falls when work is undone, and how steady it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["paraphrase_spread", "progress_errors", "regress_detection", "rubric_grade"]


def _unit(name: str, values: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(values, np.float64)
    bad = ~((array >= 0.0) & (array <= 1.0))
    if bad.any():
        raise ValueError(f"`{name}` must lie in [0, 1], got {array[bad][0]}.")
    return array


def progress_errors(progress: ArrayLike, oracle: ArrayLike) -> NDArray[np.float64]:
    """Absolute errors |progress - oracle| of one episode; their mean is its progress MAE.

    Args:
        progress: (T,) readings in [0, 1].
        oracle: (T,) true progress in [0, 1].

    Returns:
        (T,) in [0, 1].

    >>> progress_errors([0.5, 1.0], [0.25, 1.0])
    array([0.25, 0.  ])
    """
    return np.abs(_unit("progress", progress) - _unit("oracle", oracle))


def rubric_grade(progress: ArrayLike, success: ArrayLike) -> NDArray[np.int64]:
    """Grade a final state from 1 to 5.

    5 (done) where it is a success; otherwise min(4, 1 + floor(4 progress + 1/2)): 1 nothing done
    (progress < 1/8), 2 a little (< 3/8), 3 half (< 5/8), 4 nearly (the rest). The rule serves the
    oracle and the model alike; a model judges success by its probability of 1/2 or more.

    Args:
        progress: Progress in [0, 1], any shape.
        success: Whether it is judged a success, the same shape.

    Returns:
        Grades in {1, …, 5}.

    Source:
        The 1 to 5 rubric of RoboReward, whose grade s stands for the progress (s - 1) / 4.

    >>> rubric_grade([0.0, 0.5, 0.97, 0.97], [False, False, False, True])
    array([1, 3, 4, 5])
    """
    share = _unit("progress", progress)
    grade = np.minimum(4, 1 + np.floor(4.0 * share + 0.5).astype(np.int64))
    return np.where(np.asarray(success, np.bool_), 5, grade)


def regress_detection(
    progress: ArrayLike, oracle: ArrayLike, *, apart: int = 5, fall: float = 0.1
) -> tuple[int, int]:
    """Count how often the model falls where the truth falls.

    Over all pairs of frames (t, t + apart) in which the oracle falls by ``fall`` or more, those
    count as detected in which the model falls too, by however little.

    Args:
        progress: (T,) readings.
        oracle: (T,) true progress.
        apart: Frames between the two, 1 or more.
        fall: Least fall of the oracle.

    Returns:
        Detected pairs and all pairs; their ratio over all episodes is the regress accuracy.

    >>> regress_detection([0.9, 0.5, 0.6], [0.8, 0.4, 0.1], apart=1)
    (1, 2)
    """
    if apart < 1:
        raise ValueError(f"`apart` must be 1 or more, got {apart}.")
    read, truth = np.asarray(progress, np.float64), np.asarray(oracle, np.float64)
    if read.shape != truth.shape or read.ndim != 1:
        raise ValueError(
            f"`progress` and `oracle` must have one shape (T,), got {read.shape} and "
            f"{truth.shape}."
        )
    falls = truth[:-apart] - truth[apart:] >= fall - 1e-9  # 0.5 - 0.4 is a fall of 0.1
    detected = falls & (read[apart:] < read[:-apart])
    return int(detected.sum()), int(falls.sum())


def paraphrase_spread(progress: ArrayLike) -> float:
    """How much the wording of one goal changes the reading of one video.

    Mean over frames of the largest minus the smallest progress over the phrasings. The paraphrase
    consistency of a model is 1 minus the mean of this over videos: 1 where the wording does not
    matter, which a model that does not listen gets too.

    Args:
        progress: (P, T) readings, one row for each of P phrasings.

    Returns:
        In [0, 1].

    >>> round(paraphrase_spread([[0.1, 0.5], [0.3, 0.5]]), 6)
    0.1
    """
    values = _unit("progress", progress)
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(f"`progress` must have shape (P, T), got {values.shape}.")
    return float(np.ptp(values, axis=0).mean())
