"""All that comes out of a scoring, and how it is written down."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kibble.agents.footage.footage import Footage
from kibble.agents.keypoints.sketched import sketch_legend
from kibble.agents.score.curves import Curve
from kibble.agents.score.encoding import write_h264
from kibble.agents.score.film import OverlayArtist, draw_strip, sketches_of
from kibble.agents.score.page import write_page
from kibble.agents.score.summary import Flag, Summary
from kibble.agents.score.tables import score_document, write_json, write_parquet

__all__ = ["Scores", "write_results"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scores:
    """What came out.

    Args:
        out: The folder with scores.parquet, scores.json, overlay.mp4 and report.html.
        footage: What was read.
        instruction: What was wanted.
        curves: What the models read.
        summaries: One for each curve.
        flags: Reasons to be careful.
        topics: Of the rewards in the bag that was written, one for each curve, or none.
    """

    out: Path
    footage: Footage
    instruction: str
    curves: tuple[Curve, ...]
    summaries: tuple[Summary, ...]
    flags: tuple[Flag, ...]
    topics: tuple[str, ...] = ()


def write_results(scores: Scores, *, on_frame: Callable[[], object] = lambda: None) -> None:
    """Write scores.parquet, scores.json, overlay.mp4 and report.html into ``scores.out``.

    Args:
        scores: What came out.
        on_frame: Called after each frame that is drawn; there are two for each of the footage.
    """
    footage, curves, out = scores.footage, scores.curves, scores.out
    document = score_document(footage, scores.instruction, curves, scores.summaries, scores.flags)
    write_parquet(out / "scores.parquet", footage, curves)
    artist = OverlayArtist(footage, scores.instruction, curves)
    write_h264(out / "overlay.mp4", _counted(artist.images(), on_frame), footage.times)
    write_page(out / "report.html", document, _film(footage, curves, on_frame))
    write_json(out / "scores.json", document)


def _film(footage: Footage, curves: Sequence[Curve], on_frame: Callable[[], object]) -> bytes:
    """Encode the views side by side, without curves: those are drawn by the page."""
    sketches = sketches_of(curves)
    tallest = max(frames.shape[1] for frames in footage.frames.values())
    height = min(max(tallest, 240), 360) // 2 * 2
    legend = sketch_legend(sketches, draw_strip(footage, 0, height=height).width, words=False)

    def drawn(moment: int) -> NDArray[np.uint8]:
        strip = np.asarray(draw_strip(footage, moment, height=height, sketches=sketches))
        return strip if legend is None else np.concatenate([strip, np.asarray(legend)])

    strips = (drawn(moment) for moment in range(len(footage)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        write_h264(path, _counted(strips, on_frame), footage.times, quality=25)
        return path.read_bytes()


def _counted(
    images: Iterable[NDArray[np.uint8]], on_frame: Callable[[], object]
) -> Iterator[NDArray[np.uint8]]:
    for image in images:
        yield image
        on_frame()
