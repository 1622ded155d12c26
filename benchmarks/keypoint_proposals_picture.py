"""Draw the worst proposals that ``keypoint_proposals.py`` found."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from kibble.agents.benchmark.pictures.style import INK, new_figure, save
from kibble.rewards.keypoints.roles import ROLES

if TYPE_CHECKING:
    from keypoint_proposals import Judged

__all__ = ["draw_failures"]

_COLOURS = ("#00b8d9", "#ffffff", "#ff4fd8", "#7dff4f")
_ACROSS = 6


def draw_failures(rows: Sequence[Judged], picture: Path) -> None:
    """Draw wrong things and the largest errors, and what was marked for things that are not there.

    Rings are where the points are, crosses where they were proposed. Of each scene the view with
    the largest error, or with the most marks, is shown.
    """
    worst = sorted(rows, key=lambda row: (not row.right, _worst(row)), reverse=True)[:_ACROSS]
    vain = sorted(rows, key=lambda row: row.vain, reverse=True)[:_ACROSS]
    figure = new_figure(2.0 * _ACROSS, 5.2)
    panels = figure.subplots(2, _ACROSS, squeeze=False)
    for axes in panels.ravel():
        axes.set_axis_off()
    for axes, row in zip(panels[0], worst, strict=False):
        view = int(np.argmax([np.nanmax(each, initial=0.0) for each in row.pixels]))
        _show(axes, row, view, row.proposed[view], row.truth[view])
        verdict = "refused" if row.confidence == 0 else "right" if row.right else "wrong thing"
        _title(axes, row.sentence, f"{verdict}, {_worst(row):.0f} px")
    for axes, row in zip(panels[1], vain, strict=False):
        if row.vain > 0:
            view = int(np.isfinite(row.vain_proposed[..., 0]).sum(axis=1).argmax())
            _show(axes, row, view, row.vain_proposed[view], np.full((len(ROLES), 2), np.nan))
            _title(axes, row.vain_sentence, f"not in view, confidence {row.vain:.2f}")
    for r, role in enumerate(ROLES):
        figure.text(
            0.02 + 0.12 * r,
            0.005,
            f"● {role.value}",
            color=_COLOURS[r],
            fontsize=8,
            bbox={"facecolor": "#444444", "edgecolor": "none", "pad": 1.5},
        )
    save(figure, picture)


def _worst(row: Judged) -> float:
    return float(np.nanmax(row.pixels, initial=0.0))


def _show(
    axes: Axes, row: Judged, view: int, proposed: NDArray[np.float64], truth: NDArray[np.float64]
) -> None:
    image = list(row.frames.values())[view]
    axes.imshow(image, extent=(0, image.shape[1], image.shape[0], 0), interpolation="nearest")
    for colour, (u, v), (x, y) in zip(_COLOURS, truth, proposed, strict=True):
        axes.plot(u, v, "o", color=colour, markerfacecolor="none", markersize=7, mew=1.6)
        axes.plot(x, y, "x", color=colour, markersize=6, mew=1.6)
        axes.plot([u, x], [v, y], "-", color=colour, linewidth=0.7)
    axes.set_xlim(0, image.shape[1])
    axes.set_ylim(image.shape[0], 0)


def _title(axes: Axes, sentence: str, verdict: str) -> None:
    words = "\n".join(textwrap.wrap(sentence, 30))
    axes.set_title(f"{words}\n{verdict}", fontsize=6.5, color=INK)
