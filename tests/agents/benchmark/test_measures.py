"""Figures of models whose quality is known."""

from __future__ import annotations

import numpy as np
import pytest
from tests.agents.benchmark.toy_trials import PixelReader, toy_trial, toy_trials
from tests.rewards.adapters.seeing_backend import SeeingBackend, listed

from kibble.agents.benchmark.measures.all import measure, measure_tasks
from kibble.agents.benchmark.measures.evidence import Evidence
from kibble.agents.benchmark.measures.instruction import task_confusion
from kibble.agents.benchmark.measures.outcome import outcome_grade
from kibble.agents.benchmark.metrics_shown import METRICS, reaches
from kibble.agents.benchmark.plan import plan_showings
from kibble.agents.benchmark.readings import read_all
from kibble.agents.benchmark.speed import measure_speed
from kibble.rewards.adapters.gvl import GVL, Options
from kibble.rewards.baselines import RandomProgress, TimeCounter
from kibble.rewards.metrics.bootstrap import Figure

ISSUE = (
    *("voc_forward", "voc_reversed", "voc_shuffled", "voc_frozen", "kendall_tau_a"),
    *("pairwise_accuracy", "confusion_margin", "success_auc", "success_f1", "success_ece"),
    *("undone_false_positive_rate", "regress_accuracy", "progress_mae", "rubric_mae"),
    *("paraphrase_consistency", "epic", "starc"),
)


def figures(model, trials, **settings):
    arguments = {"seed": 0, "resamples": 30, **settings}
    readings = read_all(model, trials, plan_showings(trials, seed=0), with_goal=False)
    return measure(trials, readings, **arguments)


def test_a_model_that_reads_the_truth_is_perfect():
    measured = figures(PixelReader(), toy_trials(per_kind=3))
    values = {name: figure.value for name, figure in measured.items()}
    best = {
        "voc_forward": 1.0,
        "voc_reversed": -1.0,
        "voc_frozen": 0.0,
        "kendall_tau_a": 1.0,
        "pairwise_accuracy": 1.0,
        "confusion_margin": 1.0,
        "goal_margin": 0.5,  # the other goal is half done
        "success_auc": 1.0,
        "success_f1": 1.0,
        "success_ece": 0.0,
        "success_brier": 0.0,
        "undone_false_positive_rate": 0.0,
        "near_miss_false_positive_rate": 0.0,
        "regress_accuracy": 1.0,
        "progress_mae": 0.0,
        "rubric_mae": 0.0,
        "paraphrase_consistency": 1.0,
        "epic": 0.0,
        "epic_success": 0.0,
        "starc": 0.0,
        "blank_success_rate": 0.0,
        "junk_success_rate": 0.0,
        "junk_confidence": 0.1,
        "voc_oracle": 1.0,
        "answered": 1.0,
    }
    assert {name: values[name] for name in best} == pytest.approx(best, abs=3e-3)
    assert abs(values["voc_shuffled"]) < 0.5
    assert set(ISSUE) <= set(values)


def test_every_figure_has_an_interval_and_a_count():
    trials = toy_trials(per_kind=3)
    for figure in figures(RandomProgress(views=["front"]), trials).values():
        assert isinstance(figure, Figure)
        assert figure.low <= figure.value <= figure.high
        assert 1 <= figure.n <= len(trials)


def test_counting_time_fools_order_and_nothing_that_tells_outcomes_apart():
    measured = figures(TimeCounter(views=["front"], horizon=31), toy_trials(per_kind=3))
    values = {name: figure.value for name, figure in measured.items()}
    assert values["voc_forward"] == pytest.approx(1.0)
    assert values["voc_reversed"] == pytest.approx(1.0)
    assert values["voc_frozen"] == pytest.approx(1.0)
    assert values["kendall_tau_a"] == 0.0
    assert values["confusion_margin"] == pytest.approx(0.0, abs=1e-6)
    assert values["regress_accuracy"] == 0.0
    assert values["undone_false_positive_rate"] == 1.0
    assert values["paraphrase_consistency"] == 1.0
    # no policy can change the time: as a reward it is nothing but shaping
    assert values["starc"] == pytest.approx(0.5)


def test_a_bent_scale_costs_error_but_no_order():
    measured = figures(PixelReader(bend=np.square), toy_trials(per_kind=3))
    assert measured["voc_forward"].value == pytest.approx(1.0)
    assert measured["kendall_tau_a"].value == 1.0
    assert measured["progress_mae"].value > 0.05
    assert 0.02 < measured["epic"].value < 0.4


def test_positive_scale_costs_no_reward_distance():
    measured = figures(PixelReader(bend=lambda p: 0.2 + 0.5 * p), toy_trials(per_kind=3))
    assert measured["epic"].value == pytest.approx(0.0, abs=1e-3)
    assert measured["starc"].value == pytest.approx(0.0, abs=1e-3)
    assert measured["progress_mae"].value > 0.05


def test_what_data_do_not_tell_is_absent_with_its_reason():
    trials = [
        toy_trial(task, kind, number, labelled=False, outcome=kind == "success")
        for task in ("lift", "shift")
        for number in range(2)
        for kind in ("success", "partial")
    ]
    measured = figures(PixelReader(), trials)
    absent = {name for name, figure in measured.items() if isinstance(figure, str)}
    assert {"progress_mae", "rubric_mae", "regress_accuracy", "epic", "starc"} <= absent
    assert "undone_false_positive_rate" in absent
    assert measured["progress_mae"] == "needs true progress in every frame"
    assert measured["kendall_tau_a"].value == 1.0
    assert measured["success_auc"].value == 1.0
    assert measured["confusion_margin"].value == pytest.approx(1.0)
    assert measured["voc_forward"].n == 4


def test_demonstrations_alone_have_order_and_no_outcomes():
    measured = figures(PixelReader(), [toy_trial("lift", "success", labelled=False)])
    assert measured["voc_forward"].value == pytest.approx(0.99, abs=0.02)  # the end is flat
    assert measured["success_auc"] == (
        "needs frames or outcomes that are known to be successes, and others"
    )
    assert measured["confusion_margin"] == "needs successful episodes of two tasks or more"


def test_a_model_that_could_not_be_asked_has_one_reason():
    trials = [toy_trial("lift", "success", goal=1)]  # which has no goal frames
    readings = read_all(PixelReader(), trials, plan_showings(trials, seed=0), with_goal=True)
    measured = measure(trials, readings, seed=0, resamples=5)
    assert set(measured.values()) == {"needs goal frames for the model, and the data have none"}
    assert set(ISSUE) <= set(measured)


def test_grades_leave_the_border_out():
    grades = {kind: outcome_grade(toy_trial("lift", kind)) for kind in ("success", "partial")}
    assert grades == {"success": 2, "partial": 1}
    assert outcome_grade(toy_trial("lift", "wrong_object")) == 0
    assert outcome_grade(toy_trial("lift", "success", labelled=False)) is None
    assert outcome_grade(toy_trial("lift", "success", labelled=False, outcome=False)) == 0


def test_confusion_is_seen_task_by_task():
    trials = toy_trials()
    readings = read_all(PixelReader(), trials, plan_showings(trials, seed=0), with_goal=False)
    matrix = task_confusion(Evidence(trials=trials, readings=readings, seed=0, resamples=1))
    np.testing.assert_allclose(matrix, np.eye(2), atol=1e-6)
    by_task = measure_tasks(trials, readings, seed=0, resamples=5)
    assert set(by_task) == {"lift", "shift"}
    assert by_task["shift"]["kendall_tau_a"].value == 1.0
    assert by_task["shift"]["progress_mae"].n == len(trials) // 2


def test_speed_is_measured():
    measured = measure_speed(
        PixelReader(), toy_trials(1), with_goal=False, batch=4, seconds=0.01, resamples=10
    )
    assert measured["frames_per_second"].value > 0.0
    assert measured["latency_ms"].value > 0.0
    assert measured["latency_ms"].n >= 5


def test_the_speed_of_a_model_that_reads_whole_episodes_is_not_measured():
    model = GVL(Options(), SeeingBackend(speak=listed))
    measured = measure_speed(model, toy_trials(1), with_goal=False)
    assert set(measured) == {"frames_per_second", "latency_ms"}
    assert all("whole episodes" in str(reason) for reason in measured.values())


def test_all_metrics_of_the_report_are_shown():
    names = [metric.name for metric in METRICS]
    assert {*ISSUE, "frames_per_second"} <= set(names)
    assert len(names) == len(set(names))
    levels = {metric.name: metric for metric in METRICS}
    assert reaches(levels["voc_reversed"], -0.99)
    assert not reaches(levels["voc_reversed"], 0.99)
    assert not reaches(levels["voc_shuffled"], -0.2)
    assert not reaches(levels["answered"], 1.0)
