"""The table, the pictures and the two files."""

from __future__ import annotations

import io
import json
import math

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from tests.agents.benchmark.toy_trials import PixelReader, toy_trial, toy_trials

from kibble.agents.benchmark.config import BenchmarkConfig
from kibble.agents.benchmark.measures.all import measure
from kibble.agents.benchmark.metrics_shown import METRICS
from kibble.agents.benchmark.plan import plan_showings
from kibble.agents.benchmark.readings import read_all
from kibble.agents.benchmark.report import write_pictures, write_report
from kibble.agents.benchmark.table import benchmark_table, fooled_by
from kibble.rewards.baselines import TimeCounter


def compared(trials):
    models = {"pixel": PixelReader(), "time_counter": TimeCounter(views=["front"], horizon=31)}
    showings = plan_showings(trials, seed=0)
    readings = {
        name: read_all(model, trials, showings, with_goal=False) for name, model in models.items()
    }
    measured = {
        name: measure(trials, each, seed=0, resamples=5) for name, each in readings.items()
    }
    return models, readings, measured


def test_the_table_names_what_fools_a_metric():
    _, _, measured = compared(toy_trials())
    table = benchmark_table(measured, ["time_counter"])
    text = io.StringIO()
    Console(file=text, width=200).print(table)
    rows = {line.split()[1]: line for line in text.getvalue().splitlines() if "│" in line}
    assert rows["voc_forward"].rstrip(" │").endswith("time_counter")
    assert "time_counter" not in rows["kendall_tau_a"]
    metrics = {metric.name: metric for metric in METRICS}
    assert fooled_by(metrics["voc_forward"], measured, ["time_counter"]) == ["time_counter"]
    assert fooled_by(metrics["frames_per_second"], measured, ["time_counter"]) == []


def test_files_hold_figures_and_reasons(tmp_path):
    trials = toy_trials()
    models, readings, measured = compared(trials)
    measured["pixel"]["epic"] = "needs something"
    write_report(tmp_path, BenchmarkConfig(), models, trials, measured, {}, readings)
    figures = json.loads((tmp_path / "benchmark.json").read_text())
    assert set(figures) == {"pixel", "time_counter"}
    assert "epic" not in figures["pixel"]
    for figure in figures["time_counter"].values():
        assert set(figure) == {"value", "low", "high", "n"}
        assert all(math.isfinite(value) for value in figure.values())
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["absent"]["pixel"] == {"epic": "needs something"}
    assert report["confusion"]["tasks"] == ["lift", "shift"]
    assert report["models"]["pixel"] == {"name": "pixel", "version": "0"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["benchmark.json", "report.json"]


@pytest.mark.slow
def test_pictures_are_drawn(tmp_path):
    trials = toy_trials()
    _, readings, measured = compared(trials)
    plots = write_pictures(tmp_path, trials, measured, readings, ["time_counter"])
    names = {path.stem for path in plots.iterdir()}
    assert {"overview", "voc", "curves", "confusion", "reliability"} <= names
    assert set(measured["pixel"]) <= names
    for path in plots.iterdir():
        with Image.open(path) as image:
            assert np.asarray(image.convert("L")).std() > 5.0, path


def test_pictures_of_what_is_not_there_are_left_out(tmp_path):
    trials = [toy_trial("lift", "success", labelled=False)]
    _, readings, measured = compared(trials)
    plots = write_pictures(tmp_path, trials, measured, readings, ["time_counter"])
    names = {path.stem for path in plots.iterdir()}
    assert {"confusion", "reliability", "epic"} & names == set()
    assert {"voc", "curves", "voc_forward"} <= names
