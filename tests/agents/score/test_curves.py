"""Curves hold what a model said, and nothing where it said nothing."""

from __future__ import annotations

import numpy as np
import pytest
from tests.agents.score.recordings import GAPS, bar_curves, bar_footage
from tests.rewards.adapters.seeing_backend import SeeingBackend, listed

from kibble.agents.score.curves import Curve, read_curve, readable_views
from kibble.agents.score.summary import flags_of, summarise
from kibble.rewards.adapters.gvl import GVL, Options
from kibble.rewards.grm.readings import apply_hop
from kibble.rewards.types import Estimate, ModelSpec, Status, Task


def _curve(progress, success=None, confidence=None, status=None) -> Curve:
    count = len(progress)
    spec = ModelSpec(name="m", version="1", views=("front",), required_views=(), image_size=(8, 8))
    full = np.ones(count, np.float32)
    estimate = Estimate(
        progress=np.asarray(progress, np.float32),
        success=full * 0 if success is None else np.asarray(success, np.float32),
        confidence=full if confidence is None else np.asarray(confidence, np.float32),
        status=np.zeros(count, np.int8) if status is None else np.asarray(status, np.int8),
    )
    return Curve(label="m", spec=spec, views=("front",), estimate=estimate, hops=full * 0)


def test_hops_lead_from_each_progress_to_the_next() -> None:
    curve, _ = bar_curves(bar_footage())
    progress = curve.column("progress")
    assert np.isnan(curve.hops[0])
    np.testing.assert_allclose(apply_hop(progress[:-1], curve.hops[1:]), progress[1:], atol=1e-6)
    assert curve.views == ("front",)


def test_frames_without_an_answer_are_gaps_in_every_column() -> None:
    footage = bar_footage()
    whole, gappy = bar_curves(footage)
    missing = np.array([GAPS[i % 7] is not Status.OK for i in range(len(footage))])
    assert missing.sum() == 6
    for name in ("progress", "success", "confidence"):
        np.testing.assert_array_equal(np.isnan(gappy.column(name)), missing)
    np.testing.assert_array_equal(np.isnan(gappy.hops[1:]), missing[1:] | missing[:-1])
    np.testing.assert_array_equal(
        gappy.column("progress")[~missing], whole.column("progress")[~missing]
    )


def test_a_model_that_reads_whole_episodes_has_a_curve_like_any_other() -> None:
    footage = bar_footage()
    model = GVL(Options(frames=4), SeeingBackend(speak=listed))
    task = Task(instruction="move the bar")
    curve = read_curve(model, footage.frames, task, label="gvl")
    assert (len(curve), curve.views, curve.spec.causal) == (len(footage), ("front",), False)
    assert curve.answered.all()


@pytest.mark.parametrize(
    ("required", "alone"),
    [(("front",), ["front"]), ((), ["front", "wrist"]), (("wrist",), ["wrist"])],
)
def test_views_that_a_model_reads_alone(required, alone) -> None:
    spec = ModelSpec(
        name="m", version="1", views=("front", "wrist"), required_views=required, image_size=(8, 8)
    )
    assert readable_views(spec, ["wrist", "front", "left"]) == alone
    assert readable_views(spec, ["front"]) == []


def test_summary_counts_answers_alone() -> None:
    curve = _curve([0.2, 0.9, 0.4, 0.5], [0.1, 0.9, 0.6, 0.2], [0.6, 0.0, 0.8, 0.7], [0, 2, 0, 0])
    oracle = np.array([0.2, 0.0, 0.5, 0.7], np.float32)
    summary = summarise(curve, np.arange(4) / 2, oracle)
    assert summary.answered == 3
    assert summary.best_progress == pytest.approx(0.5)
    assert summary.final_progress == pytest.approx(0.5)
    assert summary.final_success == pytest.approx(0.2)
    assert summary.first_success == pytest.approx(1.0)
    assert summary.mean_confidence == pytest.approx(0.7)
    assert summary.oracle_mae == pytest.approx(0.1)
    assert [flag.code for flag in flags_of(curve, summary)] == ["unanswered"]


def test_no_answer_at_all_gives_no_figures() -> None:
    curve = _curve([0.2, 0.9], status=[3, 3])
    summary = summarise(curve, np.arange(2.0), np.zeros(2, np.float32))
    assert summary.answered == 0
    assert {
        summary.best_progress,
        summary.final_progress,
        summary.first_success,
        summary.mean_confidence,
        summary.oracle_mae,
    } == {None}
    (flag,) = flags_of(curve, summary)
    assert "m gave no answer for 2 of 2 frames" in flag.text


@pytest.mark.parametrize(("confidence", "codes"), [(0.49, ["low_confidence"]), (0.51, [])])
def test_low_confidence_is_said(confidence: float, codes: list[str]) -> None:
    curve = _curve([0.1, 0.2], confidence=[confidence, confidence])
    flags = flags_of(curve, summarise(curve, np.arange(2.0), None))
    assert [flag.code for flag in flags] == codes
    assert all("does not recognise this instruction or scene" in flag.text for flag in flags)
