"""``kibble benchmark`` from data to report."""

from __future__ import annotations

import json

import pytest
from tests.agents.demonstrations.small_dataset import write_small_dataset

from kibble.agents.benchmark.config import BenchmarkConfig
from kibble.agents.benchmark.run import run_benchmark
from kibble.agents.benchmark.simulated import record_trials
from kibble.rewards.errors import ConfigError, FrameError, WeightsError


def config(tmp_path, **changes):
    arguments = {
        "reward": ["time_counter", "random"],
        "data": str(tmp_path / "data"),
        "out": str(tmp_path / "out"),
        "episodes": 1,
        "tasks": ["reach", "push"],
        "resamples": 10,
        "quiet": True,
        "device": "cpu",
        **changes,
    }
    return BenchmarkConfig(**arguments)


def test_a_dataset_gives_what_it_allows_and_the_reasons_for_the_rest(tmp_path, capsys):
    write_small_dataset(tmp_path / "data")
    run_benchmark(config(tmp_path, episodes=None))
    figures = json.loads((tmp_path / "out" / "benchmark.json").read_text())
    assert set(figures) == {"time_counter", "random"}
    assert figures["time_counter"]["voc_forward"]["value"] == pytest.approx(1.0)
    assert {"epic", "progress_mae", "success_auc"} & set(figures["random"]) == set()
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["absent"]["random"]["epic"] == "needs true progress in every frame"
    out = " ".join(capsys.readouterr().out.split())
    assert "Absent: " in out
    assert "needs true progress in every frame" in out


def test_models_are_named_by_reference(tmp_path):
    write_small_dataset(tmp_path / "data")
    long = "random?seed=2" + "".join(f"&views=camera/{i}" for i in range(40)) + "&views=left"
    references = ["time_counter?horizon=9", "random?seed=1", long]
    measured = run_benchmark(config(tmp_path, episodes=1, reward=references))
    first, second, third = measured
    assert (first, second) == ("time_counter", "random?seed=1")
    assert third.startswith("random?seed=2&views=")
    assert len(third) < 40
    names = [path.name for path in (tmp_path / "out" / "readings").iterdir()]
    assert "random-seed=1.npz" in names
    assert len(names) == 6
    assert not any("/" in name or "?" in name for name in names)
    other = run_benchmark(config(tmp_path, episodes=1, reward=["time_counter?horizon=500"]))
    assert other["time_counter"] != measured["time_counter"]  # options are part of what was read


@pytest.mark.slow
def test_readings_of_a_finished_model_are_kept(tmp_path):
    write_small_dataset(tmp_path / "data")
    first = run_benchmark(config(tmp_path, episodes=None))
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "readings").iterdir()}
    assert {path.name for path in kept} == {
        *("time_counter.npz", "time_counter.speed.json", "random.npz", "random.speed.json")
    }
    more = run_benchmark(config(tmp_path, episodes=None, reward=["random", "pixel_goal"]))
    assert more["random"] == first["random"]
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in kept.items())
    assert (tmp_path / "out" / "readings" / "pixel_goal.npz").exists()
    run_benchmark(config(tmp_path, episodes=None, reward=["random"], seed=1))
    changed = tmp_path / "out" / "readings" / "random.npz"
    assert changed.stat().st_mtime_ns != kept[changed]


def test_views_that_a_model_lacks_are_named(tmp_path):
    write_small_dataset(tmp_path / "data")
    with pytest.raises(FrameError, match=r"'grm_tiny' must be given its views, front, wrist, got"):
        run_benchmark(config(tmp_path, reward=["grm_tiny"]))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"reward": ["time_countr"]}, WeightsError, "did you mean time_counter"),
        ({"views": ["top"]}, ConfigError, "`views` must be some of front, wrist"),
        ({"views": {"front": "left"}}, ConfigError, "for simulated clips, got"),
    ],
)
def test_what_cannot_be_used_is_said_before_anything_is_recorded(tmp_path, change, error, message):
    with pytest.raises(error, match=message):
        run_benchmark(config(tmp_path, **change))
    assert not (tmp_path / "data").exists()


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"which holds 'thesis\.txt'; name another folder"):
        run_benchmark(config(tmp_path))
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="`data` must be a folder, got the file"):
        run_benchmark(config(tmp_path, data=str(tmp_path / "file")))


@pytest.mark.slow
def test_simulated_clips_give_every_metric(tmp_path):
    record_trials(
        tmp_path / "data",
        tasks=["reach", "push"],
        episodes=1,
        appearance="heldout",
        seed=0,
        steps=40,
    )
    measured = run_benchmark(
        config(tmp_path, reward=["grm_tiny", "pixel_goal"], appearance="heldout")
    )
    known = {name for name, figure in measured["grm_tiny"].items() if not isinstance(figure, str)}
    assert {"voc_forward", "kendall_tau_a", "confusion_margin", "success_auc", "epic"} <= known
    assert measured["grm_tiny"]["kendall_tau_a"].value > 0.3
    plots = {path.stem for path in (tmp_path / "out" / "plots").iterdir()}
    assert {"overview", "voc", "curves", "confusion", "reliability", "starc"} <= plots
