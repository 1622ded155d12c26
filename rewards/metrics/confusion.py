"""Does the instruction matter? Instructions crossed with trajectories."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["confusion_matrix", "diagonal_margin"]


def confusion_matrix(
    instructions: ArrayLike, trajectories: ArrayLike, readings: ArrayLike, *, size: int
) -> NDArray[np.float64]:
    """Mean reading of trajectories of task j under instructions of task i.

    Args:
        instructions: (N,) task number i of the instruction of each reading, in [0, size).
        trajectories: (N,) task number j of its trajectory.
        readings: (N,) final progress.
        size: Number of tasks.

    Returns:
        (size, size) float64, M[i, j]; NaN where nothing was read.

    Raises:
        ValueError: If shapes differ or a number is out of range.

    >>> confusion_matrix([0, 0, 1], [0, 1, 1], [0.9, 0.2, 0.8], size=2)
    array([[0.9, 0.2],
           [nan, 0.8]])
    """
    rows, columns = np.asarray(instructions, np.int64), np.asarray(trajectories, np.int64)
    values = np.asarray(readings, np.float64)
    if not rows.shape == columns.shape == values.shape or values.ndim != 1:
        raise ValueError(
            "`instructions`, `trajectories` and `readings` must have one shape (N,), got "
            f"{rows.shape}, {columns.shape} and {values.shape}."
        )
    for numbers in (rows, columns):
        if len(numbers) and not 0 <= numbers.min() <= numbers.max() < size:
            raise ValueError(f"Task numbers must lie in [0, {size}), got {numbers}.")
    cells = rows * size + columns
    counts = np.bincount(cells, minlength=size * size)
    sums = np.bincount(cells, values, minlength=size * size)
    mean = np.divide(sums, counts, out=np.full(size * size, np.nan), where=counts > 0)
    matrix: NDArray[np.float64] = mean.reshape(size, size)
    return matrix


def diagonal_margin(matrix: ArrayLike) -> float:
    """Mean of the diagonal minus mean of the rest; cells that are NaN do not count.

    1 is ideal: full progress under the right instruction, none under any other. A model that does
    not listen has 0. Where the instruction of one task is partly met by the trajectories of
    another, because the same kinds of object recur, no model that reads rightly can reach 1.

    Args:
        matrix: (K, K) from :func:`confusion_matrix`.

    Returns:
        The margin in [-1, 1]; NaN where the diagonal or the rest is empty.

    Source:
        The instruction by trajectory confusion of RynnValue.

    >>> round(diagonal_margin([[0.9, 0.2], [0.0, 0.8]]), 6)
    0.75
    """
    values = np.asarray(matrix, np.float64)
    if values.ndim != 2 or values.shape[0] != values.shape[1]:
        raise ValueError(f"`matrix` must be square, got shape {values.shape}.")
    diagonal = np.eye(len(values), dtype=np.bool_)
    same, other = values[diagonal], values[~diagonal]
    same, other = same[~np.isnan(same)], other[~np.isnan(other)]
    if not len(same) or not len(other):
        return float("nan")
    return float(same.mean() - other.mean())
