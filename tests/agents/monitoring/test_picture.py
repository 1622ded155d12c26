"""The picture of a journal, and the levels that it shows."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from tests.rewards.monitor.trap_agents import watch

from kibble.agents.monitoring.journal import Journal, JournalRows, read_journal
from kibble.agents.monitoring.levels import detector_levels
from kibble.agents.monitoring.picture import draw_monitor
from kibble.rewards.monitor import DETECTORS, Thresholds


def journal_of(path: Path, name: str, policy: str, *, mode: str, episodes: int) -> JournalRows:
    found, monitor = watch(name, policy, mode=mode, episodes=episodes)
    journal = Journal(path)
    for episode in monitor.episodes:
        journal.append("episode", {**asdict(episode), "spread": monitor.spread})
    for finding in found:
        journal.append("finding", {**asdict(finding), "severity": finding.severity.value})
    journal.close()
    return read_journal(path)


def test_a_farmer_is_over_the_threshold_that_names_its_exploit(tmp_path):
    rows = journal_of(tmp_path / "m.jsonl", "pad", "farmer", mode="absolute", episodes=12)
    levels = detector_levels(rows, Thresholds())
    assert set(levels) == set(DETECTORS)
    assert all(len(level) == 12 for level in levels.values())
    assert (levels["false_success"][:2] < 1.0).all()  # two episodes prove nothing
    assert (levels["false_success"][7:] > 1.0).all()
    assert (levels["paid_failure"][:7] < 1.0).all()
    assert (levels["paid_failure"][7:] > 1.0).all()
    assert np.isnan(levels["disagreement"]).all()  # this model reads a frame in one way
    assert (levels["oscillating_progress"] < 1.0).all()


def test_an_honest_agent_is_below_all_thresholds(tmp_path):
    rows = journal_of(tmp_path / "m.jsonl", "poster", "honest", mode="absolute", episodes=12)
    levels = detector_levels(rows, Thresholds())
    assert all(not (level >= 1.0).any() for level in levels.values())
    assert np.isnan(levels["paid_failure"]).all()  # nothing failed
    assert np.isnan(levels["reward_collapse"]).all()  # too few readings to say


def test_the_picture_is_drawn_and_differs_with_what_was_found(tmp_path):
    pictures = []
    for policy in ("farmer", "honest"):
        rows = journal_of(
            tmp_path / f"{policy}.jsonl", "pad", policy, mode="absolute", episodes=12
        )
        path = tmp_path / "plots" / f"{policy}.png"
        assert draw_monitor(rows, Thresholds(), path)
        image = imread(path)
        assert image.shape[0] > 600
        assert image.shape[1] > 1000
        pictures.append(image[..., :3])
    red = [np.isclose(image, [0.82, 0.286, 0.357], atol=0.01).all(-1).mean() for image in pictures]
    assert red[0] > 0.02
    assert red[1] < 0.005  # the key and the model's curve alone


def test_without_episodes_there_is_nothing_to_draw(tmp_path):
    rows = read_journal(tmp_path / "missing.jsonl")
    assert not draw_monitor(rows, Thresholds(), tmp_path / "nothing.png")
    assert not (tmp_path / "nothing.png").exists()


def test_a_half_written_line_is_left_out(tmp_path):
    path = tmp_path / "m.jsonl"
    journal = Journal(path)
    journal.append("episode", {"number": 0, "judged": float("nan"), "evidence": {"a": np.inf}})
    journal.close()
    with path.open("a") as file:
        file.write('{"kind": "episode", "num')
    (row,) = read_journal(path).episodes
    assert row == {"number": 0, "judged": None, "evidence": {"a": None}}
    assert read_journal(path).findings == []


@pytest.mark.parametrize("kept", [0, None])
def test_a_journal_is_cut_back_or_kept(tmp_path, kept):
    path = tmp_path / "m.jsonl"
    first = Journal(path)
    first.append("episode", {"number": 0})
    first.close()
    second = Journal(path, keep=kept)
    second.append("episode", {"number": 1})
    second.close()
    assert len(read_journal(path).episodes) == (1 if kept == 0 else 2)


def test_failures_that_the_model_did_not_judge_are_left_out_of_their_rate(tmp_path):
    judged = journal_of(
        tmp_path / "m.jsonl", "pad", "farmer", mode="absolute", episodes=3
    ).episodes
    unjudged = [{**row, "judged": None} for row in judged]
    limits = Thresholds()

    def rate(episodes):
        rows = JournalRows(episodes=episodes, findings=[])
        return detector_levels(rows, limits)["false_success"]

    assert np.isnan(rate(unjudged)).all()  # nothing is known, which is not a rate of 0
    assert rate(judged)[0] > 0.0
    assert np.array_equal(rate([*unjudged, *judged])[3:], rate(judged))
