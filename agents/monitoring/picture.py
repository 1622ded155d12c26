"""What a monitor saw, in one picture: the model's word against the truth, and every detector."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from kibble.agents.monitoring.journal import JournalRows
from kibble.agents.monitoring.levels import detector_levels
from kibble.rewards.monitor import DETECTORS, Thresholds

__all__ = ["draw_monitor"]

_TRUE, _MODEL = "#3c8d40", "#d1495b"
_COLOURS = ("#edf2ee", "#f6dc9a", "#d1495b")
_MEANINGS = ("quiet", "half way to a finding", "found")
_COLUMNS = 120
_WINDOW = 25
_LINE = 118
_TITLES = {
    "oscillating_progress": "progress oscillates",
    "frozen_progress": "progress frozen",
    "disagreement": "readings disagree",
    "reward_collapse": "reward collapsed",
    "false_success": "failures judged successes",
    "paid_failure": "failures paid",
    "divergence": "model up, truth down",
}


def draw_monitor(rows: JournalRows, thresholds: Thresholds, path: Path) -> bool:
    """Draw a journal.

    Above: how often episodes succeed by the model's judgement and in truth, with the gap between
    them filled where the model claims more. Below: one strip for each detector.

    Args:
        rows: The journal.
        thresholds: What a finding is.
        path: The picture; folders are made.

    Returns:
        Whether anything was drawn: without finished episodes there is nothing to draw.
    """
    if not rows.episodes:
        return False
    figure = Figure(figsize=(8.6, 6.2), layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 4))
    steps = np.array([cast("int", row["step"]) for row in rows.episodes], np.float64)
    _draw_success(above, steps, rows)
    _draw_strips(below, steps, rows, thresholds)
    figure.suptitle(_verdict(rows), fontsize=10, x=0.01, ha="left")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    return True


def _draw_success(axes: Axes, steps: NDArray[np.float64], rows: JournalRows) -> None:
    true = _share([row["succeeded"] for row in rows.episodes])
    model = _share(
        [None if row["judged"] is None else _number(row["judged"]) >= 0.5 for row in rows.episodes]
    )
    axes.fill_between(
        steps,
        100 * true,
        100 * model,
        where=(model > true).tolist(),
        color=_MODEL,
        alpha=0.18,
        linewidth=0,
    )
    axes.plot(steps, 100 * model, color=_MODEL, linewidth=1.8, label="the reward model says so")
    axes.plot(steps, 100 * true, color=_TRUE, linewidth=1.8, label="it is so")
    axes.set_ylim(-3, 103)
    axes.set_ylabel(f"success, %,\nlast {_WINDOW} episodes")
    axes.legend(frameon=False, loc="upper left", ncols=2, bbox_to_anchor=(0.0, 1.16), fontsize=9)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_strips(
    axes: Axes, steps: NDArray[np.float64], rows: JournalRows, thresholds: Thresholds
) -> None:
    levels = detector_levels(rows, thresholds)  # name to (E,)
    edges = np.linspace(0.0, steps[-1], min(_COLUMNS, len(steps)) + 1)
    place = np.clip(np.searchsorted(edges, steps, side="left") - 1, 0, len(edges) - 2)
    grid = np.full((len(DETECTORS), len(edges) - 1), np.nan)  # (detectors, columns)
    for i, name in enumerate(DETECTORS):
        for column, level in zip(place.tolist(), levels[name].tolist(), strict=True):
            grid[i, column] = np.fmax(grid[i, column], level)
        for column in range(1, grid.shape[1]):  # where no episode ended, what was known before
            if np.isnan(grid[i, column]):
                grid[i, column] = grid[i, column - 1]
    norm = BoundaryNorm([0.0, 0.5, 1.0, np.inf], 3)
    axes.pcolormesh(
        edges, np.arange(len(DETECTORS) + 1), grid, cmap=ListedColormap(_COLOURS), norm=norm
    )
    counts = {name: sum(row["detector"] == name for row in rows.findings) for name in DETECTORS}
    axes.set_yticks(
        np.arange(len(DETECTORS)) + 0.5,
        [
            f"{_TITLES[name]}" + (f"  ({counts[name]})" if counts[name] else "")
            for name in DETECTORS
        ],
        fontsize=9,
    )
    axes.hlines(np.arange(1, len(DETECTORS)), 0, steps[-1], color="white", linewidth=3)
    for row in rows.findings:
        if row["severity"] == "alarm":
            height = DETECTORS.index(str(row["detector"])) + 0.5
            axes.plot(_number(row["step"]), height, marker="v", color="black", markersize=6)
    axes.invert_yaxis()
    axes.set_xlim(0, steps[-1])
    axes.set_xlabel("environment steps; a black mark is where an alarm began")
    axes.spines[:].set_visible(False)
    axes.tick_params(left=False)
    patches: list[Patch] = [
        Patch(color=c, label=m) for c, m in zip(_COLOURS, _MEANINGS, strict=True)
    ]
    patches.append(Patch(facecolor="white", edgecolor="#b0b0b0", label="not known"))
    axes.legend(
        handles=patches,
        frameon=False,
        ncols=4,
        fontsize=9,
        loc="upper left",
        bbox_to_anchor=(0.0, -0.17),
    )


def _verdict(rows: JournalRows) -> str:
    """Say what was found, and the most telling alarm in its own words."""
    count = f"{len(rows.episodes):,} episodes"
    alarms = [row for row in rows.findings if row["severity"] == "alarm"]
    odd = len(rows.findings) - len(alarms)
    if not rows.findings:
        return f"Nothing found in {count}."
    if not alarms:
        return f"No alarm in {count}; {odd} findings in single episodes."
    first: dict[str, dict[str, object]] = {}
    for row in alarms:
        first.setdefault(str(row["detector"]), row)
    began = ", ".join(f"{_TITLES[name]} ({row['step']:,})" for name, row in first.items())
    telling = first[max(first, key=DETECTORS.index)]
    return "\n".join(
        [
            *textwrap.wrap(f"Alarms in {count}, with the step: {began}.", _LINE),
            *textwrap.wrap(f"{telling['sentence']}", _LINE),
        ]
    )


def _share(values: Sequence[object]) -> NDArray[np.float64]:
    """Share of true values among the newest known ones at each, (E,); NaN where none is known."""
    shares = np.full(len(values), np.nan)
    for i in range(len(values)):
        known = [v for v in values[max(0, i + 1 - _WINDOW) : i + 1] if v is not None]
        if known:
            shares[i] = np.mean([bool(v) for v in known])
    return shares


def _number(value: object) -> float:
    return float(cast("float", value))
