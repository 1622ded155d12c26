"""Draw the worst proposals that ``keypoint_proposals.py`` found, beside the truth."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kibble.agents.benchmark.pictures.style import INK, new_figure, save
from kibble.rewards.keypoints.roles import ROLES

if TYPE_CHECKING:
    from keypoint_proposals import Judged

__all__ = ["draw_failures"]

_COLOURS = ("#00b8d9", "#ffffff", "#ff4fd8", "#7dff4f")
_ACROSS = 6


def draw_failures(rows: Sequence[Judged], picture: Path, *, most: int = 12) -> None:
    """Draw the view with the largest error of each of the worst proposals.

    Rings are where the points are, crosses where they were proposed.
    """
    worst = sorted(rows, key=lambda row: -np.nanmax(row.pixels, initial=0.0))[:most]
    down = -(-len(worst) // _ACROSS)
    figure = new_figure(2.0 * _ACROSS, 2.45 * down + 0.3)
    panels = figure.subplots(down, _ACROSS, squeeze=False).ravel()
    for axes in panels:
        axes.set_axis_off()
    for axes, row in zip(panels, worst, strict=False):
        view = int(np.nanargmax(np.nanmax(row.pixels, axis=1, initial=0.0)))
        image = list(row.frames.values())[view]
        axes.imshow(image, extent=(0, image.shape[1], image.shape[0], 0), interpolation="nearest")
        for r in range(len(ROLES)):
            (u, v), (x, y) = row.truth[view, r], row.proposed[view, r]
            style = {"color": _COLOURS[r], "markeredgewidth": 1.6}
            axes.plot(u, v, "o", markerfacecolor="none", markersize=7, **style)
            axes.plot(x, y, "x", markersize=6, **style)
            axes.plot([u, x], [v, y], "-", color=_COLOURS[r], linewidth=0.7)
        axes.set_xlim(0, image.shape[1])
        axes.set_ylim(image.shape[0], 0)
        verdict = "refused" if row.confidence == 0 else "right" if row.right else "wrong thing"
        words = "\n".join(textwrap.wrap(row.sentence, 30))
        error = np.nanmax(row.pixels[view], initial=0.0)
        axes.set_title(f"{words}\n{verdict}, {error:.0f} px", fontsize=6.5, color=INK)
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
