"""What is written down: Parquet, JSON, film and page agree, and gaps stay gaps."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import av
import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.agents.score.recordings import INSTRUCTION, bar_footage, bar_scores

from kibble.agents.footage.video import open_video
from kibble.agents.score.encoding import write_h264
from kibble.agents.score.film import OverlayArtist, draw_strip
from kibble.agents.score.results import Scores, write_results


@pytest.fixture(scope="module")
def scores(tmp_path_factory) -> Scores:
    written = bar_scores(tmp_path_factory.mktemp("scores") / "bar")
    write_results(written)
    return written


def test_files(scores: Scores) -> None:
    names = sorted(path.name for path in scores.out.iterdir())
    assert names == ["overlay.mp4", "report.html", "scores.json", "scores.parquet"]


def test_parquet_has_a_row_per_curve_and_frame(scores: Scores) -> None:
    table = pq.read_table(scores.out / "scores.parquet")
    assert table.num_rows == 2 * 21
    assert table.column_names == [
        *("curve", "model", "frame", "time", "progress", "hop", "success", "confidence"),
        *("status", "oracle_progress"),
    ]
    rows = table.to_pylist()
    assert [row["frame"] for row in rows] == [*range(21)] * 2
    for row in rows:
        if row["status"] == "OK":
            assert 0.0 <= row["progress"] <= 1.0
        else:
            assert row["status"] == "TIMEOUT"
            assert row["progress"] is row["hop"] is row["success"] is row["confidence"] is None
    assert sum(row["status"] == "TIMEOUT" for row in rows) == 6
    assert rows[0]["hop"] is None
    assert rows[-1]["oracle_progress"] == 1.0


def test_json_says_the_same(scores: Scores) -> None:
    document = json.loads((scores.out / "scores.json").read_text())
    rows = pq.read_table(scores.out / "scores.parquet").to_pylist()
    assert document["instruction"] == INSTRUCTION
    assert document["frames"] == len(document["times"]) == 21
    for place, curve in enumerate(document["curves"]):
        for name in ("progress", "hop", "success", "confidence"):
            stored = [row[name] for row in rows[21 * place : 21 * (place + 1)]]
            assert [value is None for value in curve[name]] == [value is None for value in stored]
            assert curve[name] == pytest.approx(stored, abs=1e-5, nan_ok=False)
        assert [document["statuses"][code] for code in curve["status"]] == [
            row["status"] for row in rows[21 * place : 21 * (place + 1)]
        ]
    assert [flag["code"] for flag in document["flags"]] == ["unanswered", "recording"]
    assert document["curves"][1]["summary"]["answered"] == 15


def test_overlay_is_a_film_for_browsers_with_true_times(scores: Scores) -> None:
    with av.open(str(scores.out / "overlay.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert stream.width % 2 == stream.height % 2 == 0
    video = open_video(scores.out / "overlay.mp4")
    np.testing.assert_allclose(video.times, scores.footage.times, atol=1e-4)
    assert video.warnings == ()


def test_uneven_times_and_the_last_frame_survive_encoding(tmp_path: Path) -> None:
    times = np.array([0.0, 0.1, 0.5, 0.6])
    images = np.random.default_rng(0).integers(0, 255, (4, 32, 48, 3), dtype=np.uint8)
    write_h264(tmp_path / "a.mp4", images, times)
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        assert float(stream.duration * stream.time_base) == pytest.approx(0.7)
        shown = [frame.time for frame in container.decode(stream)]
    np.testing.assert_allclose(shown, times, atol=1e-4)


def test_page_holds_everything_and_escapes_the_instruction(scores: Scores) -> None:
    page = (scores.out / "report.html").read_text()
    assert page.count("</script>") == 3
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in page
    assert "{{" not in page
    assert "move the bar to the right &lt;/script&gt;" in page  # the title


def test_overlay_draws_gaps_as_gaps(tmp_path: Path) -> None:
    footage = bar_footage()
    scores = bar_scores(tmp_path, footage)
    artist = OverlayArtist(footage, "move", [scores.curves[1]])
    images = list(artist.images())
    assert len(images) == 21
    height, width = images[0].shape[:2]
    plot = images[-1][height - 150 + 12 : height - 12].astype(int)  # (H, W, 3)
    blue = (np.abs(plot - (0, 101, 189)).sum(axis=-1) < 60).any(axis=0)  # (W,)
    places = 12 + (width - 24) * np.arange(21) / 20
    between = [blue[round(x) + 5 : round(y) - 4].any() for x, y in itertools.pairwise(places)]
    answered = scores.curves[1].answered
    assert between == (answered[1:] & answered[:-1]).tolist()


def test_views_are_named_where_there_are_several() -> None:
    footage = bar_footage()
    both = np.asarray(draw_strip(footage, 20, height=240))
    assert both.shape == (240, 640, 3)
    one = bar_footage(frames={"front": footage.frames["front"]})
    assert (np.asarray(draw_strip(one, 20, height=240))[4:30, 4:60] < 30).all()
    assert (both[4:30, 4:60] > 200).any()


@pytest.mark.parametrize("count", [1, 2])
def test_very_short_recordings(tmp_path: Path, count: int) -> None:
    scores = bar_scores(tmp_path / "short", bar_footage(count))
    write_results(scores)
    assert len(open_video(scores.out / "overlay.mp4").times) == count


def test_portrait_and_tiny_views_keep_their_shape(tmp_path: Path) -> None:
    frames = {
        "front": np.zeros((3, 101, 17, 3), np.uint8),
        "wrist": np.zeros((3, 17, 33, 3), np.uint8),
    }
    footage = bar_footage(3, frames=frames)
    strip = draw_strip(footage, 0, height=256)
    assert strip.height == 256
    assert strip.width % 2 == 0
    write_results(bar_scores(tmp_path / "odd", footage))
