"""Colours and sizes that all pictures share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

__all__ = ["GREY", "INK", "colours_of", "new_figure", "save", "tidy"]

INK, GREY = "#222222", "#8a8a8a"
_MODELS = ("#1b6ca8", "#d1495b", "#3c8d40", "#8661c1", "#00798c")
_BASELINES = ("#9aa5b1", "#c2a878", "#b5b5b5")


def colours_of(models: Sequence[str], baselines: Sequence[str]) -> dict[str, str]:
    """Strong colours for models, pale ones for baselines, in the order given."""
    colours: dict[str, str] = {}
    for name in models:
        taken = sum((other in baselines) == (name in baselines) for other in colours)
        palette = _BASELINES if name in baselines else _MODELS
        colours[name] = palette[taken % len(palette)]
    return colours


def new_figure(width: float, height: float) -> Figure:
    """A figure that needs no display; sizes in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def tidy(axes: Axes) -> None:
    """Take the frame away where nothing is read off it."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)


def save(figure: Figure, path: Path) -> None:
    """Write a picture."""
    figure.savefig(path, dpi=130)
