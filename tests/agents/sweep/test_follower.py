"""How far a run is, while its log grows and where it is cut back."""

from __future__ import annotations

import json

import pytest

from kibble.agents.sweep.follower import Follower
from kibble.agents.sweep.record import Budget


def line(steps: int, success: bool | None) -> str:
    return json.dumps({"steps": steps, "success": success}) + "\n"


def test_a_run_that_has_not_begun(tmp_path) -> None:
    follower = Follower(tmp_path / "episodes.jsonl", Budget(steps=100, rollouts=None))
    follower.look()
    assert (follower.steps, follower.episodes, follower.success, follower.share) == (0, 0, None, 0)


def test_only_whole_lines_count_and_each_once(tmp_path) -> None:
    path = tmp_path / "episodes.jsonl"
    follower = Follower(path, Budget(steps=100, rollouts=None))
    path.write_text(line(10, True) + line(20, False)[:9])
    follower.look()
    assert (follower.steps, follower.episodes, follower.success) == (10, 1, 1.0)
    path.write_text(line(10, True) + line(20, False))
    follower.look()
    follower.look()
    assert (follower.steps, follower.episodes, follower.success) == (20, 2, 0.5)
    assert follower.share == pytest.approx(0.2)


def test_the_budget_that_is_nearer_its_end_counts(tmp_path) -> None:
    path = tmp_path / "episodes.jsonl"
    path.write_text(line(10, None) + line(20, None))
    follower = Follower(path, Budget(steps=100, rollouts=4))
    follower.look()
    assert follower.share == pytest.approx(0.5)
    assert follower.success is None


def test_a_log_cut_back_to_a_checkpoint_is_read_anew(tmp_path) -> None:
    path = tmp_path / "episodes.jsonl"
    path.write_text(line(10, True) + line(20, True) + line(30, True))
    follower = Follower(path, Budget(steps=100, rollouts=None))
    follower.look()
    path.write_text(line(12, False))
    follower.look()
    assert (follower.steps, follower.episodes, follower.success) == (12, 1, 0.0)
