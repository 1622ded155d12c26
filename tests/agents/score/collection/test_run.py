"""A collection read by Ray on this machine: the same numbers as one by one, and resumable."""

from __future__ import annotations

import dataclasses
import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.agents.footage.clips import plain, write_clip
from tests.tiny_grm import saved

from kibble.agents.cli import run
from kibble.agents.ray_session import ray_session
from kibble.agents.score.collection.run import score_collection
from kibble.agents.score.config import ScoreConfig
from kibble.agents.score.run import run_scoring
from kibble.rewards.errors import CheckpointError, WeightsError

pytestmark = [
    pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra ray"),
    pytest.mark.slow,
    # Ray Data sets its own deprecated settings
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data.context"),
]

INSTRUCTION = "push the red cube to the middle"


@pytest.fixture(scope="module")
def small_ray():
    with ray_session(None, cores=2):
        import ray

        assert [node["NodeManagerAddress"] for node in ray.nodes()] == ["127.0.0.1"]
        yield


@pytest.fixture
def config(tmp_path: Path) -> ScoreConfig:
    videos = tmp_path / "videos"
    videos.mkdir()
    for number in range(5):
        write_clip(videos / f"{number}.mp4", plain(4 + number))
    return ScoreConfig(
        collection=f"{videos}/*.mp4",
        workers=2,
        instruction=INSTRUCTION,
        reward=[str(saved(tmp_path / "tiny")), "time_counter"],
        out=str(tmp_path / "out"),
        device="cpu",
        quiet=True,
    )


def test_command_line_starts_and_stops_a_ray_of_its_own(config, tmp_path, capsys):
    file = tmp_path / "list.jsonl"
    rows = [{"input": "videos/0.mp4"}, {"input": "videos/none.mp4"}]
    file.write_text("\n".join(json.dumps(row) for row in rows))
    words = ["score", f"collection={file}", "workers=1", "reward=random", "quiet=true"]
    assert run([*words, f"instruction={INSTRUCTION}", f"out={tmp_path / 'two'}"]) == 1
    said = capsys.readouterr().out
    assert "Not read: " in said
    assert "none.mp4', where there is nothing" in said
    assert "1 of 2 recordings read" in said
    import ray

    assert not ray.is_initialized()


def test_numbers_are_those_of_single_recordings_and_only_what_failed_is_read_again(
    config, tmp_path, small_ray
):
    broken = tmp_path / "videos" / "broken.mp4"
    broken.write_bytes(b"no video")
    out, outcomes = score_collection(config)
    assert [key for key, outcome in outcomes.items() if outcome["error"]] == [str(broken)]
    table = pq.read_table(out / "collection.parquet").to_pylist()
    assert len(table) == 5 * 2 + 1
    frames = pq.read_table(out / "frames")
    assert frames.num_rows == sum(2 * (4 + number) for number in range(5))
    single = run_scoring(
        dataclasses.replace(
            config,
            collection=None,
            input=str(tmp_path / "videos" / "3.mp4"),
            out=str(tmp_path / "single"),
        )
    )
    for curve, summary in zip(single.curves, single.summaries, strict=True):
        (row,) = (row for row in table if row["name"] == "3" and row["curve"] == curve.label)
        assert row["final_progress"] == pytest.approx(summary.final_progress, abs=1e-6)
        assert row["version"] == curve.spec.version
        read = [
            frame["progress"]
            for frame in frames.to_pylist()
            if frame["recording"] == row["recording"] and frame["curve"] == curve.label
        ]
        np.testing.assert_allclose(read, curve.column("progress"), atol=1e-6)

    parts = {path: path.stat().st_mtime_ns for path in (out / "frames").glob("part*")}
    shutil.copy(tmp_path / "videos" / "0.mp4", broken)
    _, outcomes = score_collection(config)
    assert all(outcome["error"] is None for outcome in outcomes.values())
    assert all(path.stat().st_mtime_ns == when for path, when in parts.items())
    assert pq.read_table(out / "collection.parquet").num_rows == 12
    shutil.rmtree(tmp_path / "videos" / "0.mp4", ignore_errors=True)
    assert score_collection(config)[1].keys() == outcomes.keys()  # all is read: no Ray is started
    with pytest.raises(CheckpointError, match=r"max_frames=3 \(began with 600\)"):
        score_collection(dataclasses.replace(config, max_frames=3))


def test_damaged_weights_stop_the_command_with_their_own_error(config, tmp_path, small_ray):
    with pytest.raises(WeightsError, match="got 'nobody'"):  # before anything is started
        score_collection(dataclasses.replace(config, reward=["nobody"]))
    (tmp_path / "tiny" / "model.safetensors").write_bytes(b"cut")
    with pytest.raises(WeightsError, match="must be a whole safetensors file"):
        score_collection(config)
