"""One picture of all traps: where agents go, what they achieve, what the model pays them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from kibble.agents.benchmark.pictures.style import GREY, INK, new_figure, save, tidy
from kibble.agents.traps.results import TrapResult, failing
from kibble.envs.traps.drawing import draw

__all__ = ["draw_traps"]

COLOURS = {
    "none": "#9aa5b1",
    "absolute": "#d1495b",
    "held_absolute": "#8c2f39",
    "difference": "#edae49",
    "potential": "#3c8d40",
}
_LABELS = {"none": "none (sparse)", "held_absolute": "held absolute"}
_CELL = 40  # pixels
_SHOWN = ("absolute", "difference", "potential")  # held_absolute goes where absolute does


def draw_traps(results: Sequence[TrapResult], path: Path) -> None:
    """Draw a column for each trap: the world with ways, success, and the model's reward.

    Args:
        results: What was measured.
        path: The picture.
    """
    modes = list(results[0].learned)
    width = 2.15 * len(results) + 0.9  # inches
    figure = new_figure(width, 6.6)
    grid = figure.subplots(
        3, len(results), squeeze=False, sharey="row", height_ratios=[1.25, 1.0, 1.0]
    )
    for column, result in enumerate(results):
        world, success, paid = grid[:, column]
        _draw_world(world, result, modes)
        _draw_success(success, result, modes)
        _draw_model_reward(paid, result, modes)
    grid[0][0].set_axis_off()
    grid[1][0].set_ylabel("true success, %", fontsize=9)
    grid[2][0].set_ylabel("paid by the reward model,\n% of the most it can pay", fontsize=9)
    handles: list[Artist] = [
        Patch(color=COLOURS[mode], label=_LABELS.get(mode, mode)) for mode in modes
    ]
    handles += [
        Line2D([], [], color=INK, linestyle=(0, (4, 3)), linewidth=1.0, label="best possible"),
        Line2D([], [], color=INK, marker="_", linestyle="", markersize=9, label="each seed"),
        Line2D(
            [],
            [],
            color=INK,
            marker="D",
            markerfacecolor="white",
            linestyle="",
            markersize=5,
            label="what the reward asks for, exactly",
        ),
    ]
    columns = min(len(handles), max(1, int(width / 1.6)))
    figure.legend(
        handles=handles, loc="outside lower center", ncols=columns, frameon=False, fontsize=8
    )
    title = textwrap.fill(_message(results, modes), int(10 * width))
    figure.suptitle(title, fontsize=11.5, fontweight="bold")
    save(figure, path)


def _message(results: Sequence[TrapResult], modes: Sequence[str]) -> str:
    """Say what the picture shows, and no more than it does."""
    believed = [mode for mode in ("absolute", "held_absolute", "difference") if mode in modes]
    shaped_well = "potential" in modes and not failing(results, "potential")
    if shaped_well and any(failing(results, mode) for mode in believed):
        return (
            "Each reward model is wrong in one way. Paid for what it reads, agents farm the "
            "mistake; paid by potential shaping, they do the task"
        )
    return "Where agents go whose reward model is wrong in one way, and what comes of it"


def _draw_world(axes: Axes, result: TrapResult, modes: Sequence[str]) -> None:
    layout = result.trap.layout
    height, width = layout.size
    starts = [cell for cell in layout.cells if layout.sign(cell) == "S"]
    axes.imshow(draw(layout, starts[0], cell=_CELL), extent=(0, width, height, 0))
    shown = [mode for mode in _SHOWN if mode in modes]
    for place, mode in enumerate(shown):
        aside = 0.16 * (place - (len(shown) - 1) / 2)  # so that ways on top of each other show
        for way in result.ways[mode]:
            points = np.array([layout.cells[state] for state in way], np.float64) + 0.5 + aside
            axes.plot(points[:, 1], points[:, 0], color=COLOURS[mode], linewidth=2.2)
            axes.plot(
                *points[-1, ::-1],
                marker="o",
                markersize=6,
                color=COLOURS[mode],
                markeredgecolor="white",
            )
    axes.set_anchor("N")
    axes.set_title(f"{result.trap.name}\n", fontsize=10, fontweight="bold")
    axes.text(
        0.5,
        1.03,
        f"the model {result.trap.flaw}",
        transform=axes.transAxes,
        ha="center",
        fontsize=7.2,
    )
    axes.set_axis_off()


def _draw_success(axes: Axes, result: TrapResult, modes: Sequence[str]) -> None:
    for place, mode in enumerate(modes):
        _draw_bar(axes, place, mode, [o.success for o in result.learned[mode]])
        axes.plot(
            place,
            100 * result.asked_for[mode].success,
            marker="D",
            color=INK,
            markerfacecolor="white",
            markersize=5,
            clip_on=False,
        )
    best = 100 * result.optimum.success
    axes.axhline(best, color=INK, linewidth=1.0, linestyle=(0, (4, 3)), zorder=0)
    _finish(axes)


def _draw_model_reward(axes: Axes, result: TrapResult, modes: Sequence[str]) -> None:
    for place, mode in enumerate(modes):
        _draw_bar(axes, place, mode, [o.model_reward for o in result.learned[mode]])
    _finish(axes)


def _draw_bar(axes: Axes, place: int, mode: str, shares: Sequence[float]) -> None:
    axes.bar(place, 100 * float(np.mean(shares)), color=COLOURS[mode], width=0.8)
    for share in shares:
        axes.plot(place, 100 * share, marker="_", color=INK, markersize=9, clip_on=False)


def _finish(axes: Axes) -> None:
    tidy(axes)
    axes.set_ylim(0, 104)
    axes.set_xticks([])
    axes.grid(axis="y", color=GREY, alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
