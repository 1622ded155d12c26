"""What is shown while a sweep goes on: bars in a terminal, lines elsewhere, nothing if quiet."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from kibble.agents.sweep import display
from kibble.agents.sweep.display import SweepDisplay
from kibble.agents.sweep.record import Budget


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.setattr(display, "_SECONDS_BETWEEN_LOOKS", 3600.0)  # the test says when
    monkeypatch.setattr(display, "_SECONDS_BETWEEN_LINES", 0.0)
    (tmp_path / "first").mkdir()
    budget = Budget(steps=1_000, rollouts=None)
    return {"first": (tmp_path / "first", budget), "second": (tmp_path / "second", budget)}


def write_episodes(path) -> None:
    lines = [json.dumps({"steps": 250 * (i + 1), "success": i == 1}) for i in range(2)]
    (path / "episodes.jsonl").write_text("\n".join(lines) + "\n")


def show(runs, console: Console, *, quiet: bool = False) -> None:
    with SweepDisplay(runs, console=console, quiet=quiet) as shown:
        shown.started("first")
        shown.refresh()
        write_episodes(runs["first"][0])
        shown.refresh()
        shown.ended("first", failed=True)
        shown.started("second")
        shown.refresh()


@pytest.mark.parametrize("terminal", [True, False])
def test_runs_and_total_are_shown(runs, terminal) -> None:
    text = io.StringIO()
    show(runs, Console(file=text, force_terminal=terminal, width=160))
    shown = text.getvalue()
    assert "no episode yet" in shown
    assert "500 steps, 2 episodes, success 50 %" in shown
    assert "0 of 2 runs" in shown
    assert "1 of 2 runs, 1 failed" in shown
    assert "left" in shown
    assert ("━" in shown) == terminal


def test_quiet_is_silent(runs) -> None:
    text = io.StringIO()
    show(runs, Console(file=text, force_terminal=True, width=160), quiet=True)
    assert text.getvalue() == ""
