"""Confusion of instructions, and reliability of the probability of success."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kibble.agents.benchmark.pictures.style import GREY, INK, colours_of, new_figure, save, tidy
from kibble.rewards.metrics.confusion import diagonal_margin
from kibble.rewards.metrics.success import reliability

__all__ = ["plot_confusion", "plot_reliability"]

_COLUMNS = 2
_LONGEST = 22  # letters of a task's name on an axis


def plot_confusion(
    matrices: Mapping[str, NDArray[np.float64]], tasks: Sequence[str], path: Path
) -> bool:
    """Draw mean progress of every task's finished trajectories under every task's instructions.

    Args:
        matrices: Model to (K, K), rows the instruction, columns the trajectory.
        tasks: Names of the K tasks.
        path: The picture.

    Returns:
        Whether there was anything to draw: two tasks or more.
    """
    known = {name: m for name, m in matrices.items() if not math.isnan(diagonal_margin(m))}
    if len(tasks) < 2 or not known:
        return False
    size = 0.55 * len(tasks) + 1.7
    columns = min(_COLUMNS, len(known))
    rows = math.ceil(len(known) / columns)
    figure = new_figure(columns * size + 0.8, rows * size + 0.2)
    names = [task[:_LONGEST] for task in tasks]
    image = None
    for place, (name, matrix) in enumerate(known.items()):
        axes = figure.add_subplot(rows, columns, place + 1)
        image = axes.imshow(matrix, vmin=0.0, vmax=1.0, cmap="Blues")
        for i, j in np.ndindex(matrix.shape):
            if not math.isnan(matrix[i, j]):
                ink = "white" if matrix[i, j] > 0.6 else INK
                text = f"{matrix[i, j]:.2f}".replace("0.", ".")
                axes.text(j, i, text, ha="center", va="center", fontsize=7, color=ink)
        axes.set_xticks(range(len(tasks)), names, rotation=40, ha="right", fontsize=7)
        axes.set_yticks(range(len(tasks)), names, fontsize=7)
        axes.set_title(f"{name}, margin {diagonal_margin(matrix):.2f}", fontsize=9, loc="left")
        if place % columns == 0:
            axes.set_ylabel("instruction of", fontsize=8)
        if place // columns == rows - 1:
            axes.set_xlabel("finished trajectory of", fontsize=8)
    assert image is not None
    bar = figure.colorbar(image, ax=figure.axes, shrink=0.6, label="mean progress read")
    bar.ax.tick_params(labelsize=7)
    save(figure, path)
    return True


def plot_reliability(
    samples: Mapping[str, tuple[NDArray[np.bool_], NDArray[np.float32]]],
    baselines: Sequence[str],
    path: Path,
) -> bool:
    """Draw the share of true successes against the probability of success, bin by bin.

    Args:
        samples: Model to labels and probabilities.
        baselines: Which of the models are baselines.
        path: The picture.

    Returns:
        Whether there was anything to draw.
    """
    known = {name: pair for name, pair in samples.items() if len(pair[0])}
    if not known:
        return False
    colours = colours_of(list(samples), baselines)
    figure = new_figure(4.6, 5.2)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    upper.plot([0, 1], [0, 1], color=GREY, linewidth=1.0, linestyle=(0, (4, 3)), label="honest")
    for name, (labels, scores) in known.items():
        table = reliability(labels, scores)
        upper.plot(
            table.probability,
            table.frequency,
            marker="o",
            markersize=4,
            linewidth=1.5,
            color=colours[name],
            label=name,
        )
        lower.plot(
            table.probability,
            table.count,
            marker="o",
            markersize=3,
            linewidth=1.2,
            color=colours[name],
        )
    upper.set_ylabel("share that is a success")
    lower.set_ylabel("frames in the bin", fontsize=8)
    lower.set_yscale("log")
    lower.set_xlabel("probability of success, mean of the bin")
    upper.set_xlim(-0.02, 1.02)
    upper.set_ylim(-0.02, 1.02)
    upper.legend(frameon=False, fontsize=8)
    tidy(upper)
    tidy(lower)
    save(figure, path)
    return True
