"""Evaluation counts what happened, beside what the reward model says, and writes it down."""

from __future__ import annotations

import json
import shutil

import imageio.v3 as iio
import numpy as np
import pytest
from tests.agents.small_runs import LINE, small_run, small_sac
from tests.tiny_grm import saved

from kibble.agents.config import EvaluateConfig, RewardConfig, ShapingConfig, TaskConfig
from kibble.agents.environments import make_environment, make_observed
from kibble.agents.evaluate import run_evaluation
from kibble.agents.rollouts import play
from kibble.agents.train import run_training
from kibble.rewards.errors import CheckpointError

KEYS = {
    *("run", "task", "episodes", "success_rate", "low", "high", "model_success_rate"),
    *("successes", "agreement", "false_positives", "false_negatives", "mean_length"),
    *("mean_return", "reward", "agent", "seed", "steps", "judge", "seeds"),
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    path = tmp_path_factory.mktemp("trained") / "run"
    config = small_run(path, task=LINE, steps=1_200, shaping=ShapingConfig(shift=-1.0))
    return run_training(config).path


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("judged")
    weights = saved(folder / "weights")
    config = small_run(
        folder / "run",
        task=TaskConfig(
            name="reach", id="kibble/Reach-v0", views=["front", "wrist"], image_size=[32, 32]
        ),
        reward=RewardConfig(name="tiny", kind="model", weights=str(weights)),
        agent=small_sac(learning_starts=20),
        steps=60,
    )
    return run_training(config).path


class Script:
    """Succeeds where the goal lies to the right, and nowhere else."""

    def act(self, observations):
        return np.ones((len(observations), 1), np.float32)


def line_outcomes(environments: int, episodes: int = 20):
    envs = [
        make_observed(make_environment(LINE, renders=False), "state", None)
        for _ in range(environments)
    ]
    return play(Script(), envs, [(5, index) for index in range(episodes)])


def test_outcomes_do_not_depend_on_how_many_run_side_by_side():
    alone, together = line_outcomes(1), line_outcomes(7)
    assert [(o.index, o.length, o.success, o.return_task) for o in alone] == [
        (o.index, o.length, o.success, o.return_task) for o in together
    ]
    successes = [outcome.success for outcome in alone]
    assert any(successes)
    assert not all(successes)
    assert [outcome.return_task == 1.0 for outcome in alone] == successes


def test_report_has_the_agreed_form_and_adds_up(trained):
    config = EvaluateConfig(run=str(trained), episodes=15, seeds=[0, 3], videos=1, device="cpu")
    (summary,) = run_evaluation(config)
    report = json.loads((trained / "evaluation.json").read_text())
    assert list(report) == ["runs"]
    (row,) = report["runs"]
    assert set(row) == KEYS
    assert (row["run"], row["task"], row["episodes"]) == (str(trained), "line", 30)
    assert [seed["seed"] for seed in row["seeds"]] == [0, 3]
    assert sum(seed["successes"] for seed in row["seeds"]) == row["successes"]
    assert row["success_rate"] == row["successes"] / 30 == summary.pooled.success.rate
    assert row["low"] <= row["success_rate"] <= row["high"]
    assert row["success_rate"] >= 0.7
    assert row["model_success_rate"] is None
    assert row["steps"] == 1_200
    assert (trained / "plots" / "success.png").stat().st_size > 5_000
    assert (trained / "plots" / "learning_curves.png").stat().st_size > 5_000
    (film, *_) = sorted((trained / "videos").glob("success_seed*.mp4"))
    images = iio.imread(film, plugin="pyav")
    assert images.ndim == 4
    assert len(images) > 10  # the last image is held for a second


def test_evaluation_is_the_same_each_time(trained, tmp_path):
    reports = []
    for name in ("a", "b"):
        out = tmp_path / name
        run_evaluation(
            EvaluateConfig(
                run=str(trained), episodes=10, seeds=[1], videos=0, out=str(out), device="cpu"
            )
        )
        reports.append((out / "evaluation.json").read_text())
    assert reports[0] == reports[1]


def test_runs_stand_side_by_side_with_the_models_judgement(trained, judged, tmp_path):
    summaries = run_evaluation(
        EvaluateConfig(
            run=[str(judged), str(trained)],
            episodes=4,
            seeds=[0],
            videos=1,
            out=str(tmp_path / "both"),
            device="cpu",
        )
    )
    first, second = summaries
    assert first.judge == "tiny"
    assert first.pooled.judgement.episodes == 4
    verdict = first.pooled.judgement
    wrong = verdict.false_positives + verdict.false_negatives
    assert verdict.agreement == pytest.approx(1 - wrong / 4)
    assert second.judge is None
    assert second.pooled.judgement is None
    assert list((tmp_path / "both").glob("run/videos/*.mp4"))


def test_no_reward_model_and_no_frames_where_none_is_asked_for(judged, tmp_path):
    (summary,) = run_evaluation(
        EvaluateConfig(
            run=str(judged),
            episodes=2,
            seeds=[0],
            videos=0,
            judge="none",
            out=str(tmp_path / "out"),
            device="cpu",
        )
    )
    assert summary.judge is None


def test_missing_run_is_an_error(tmp_path):
    with pytest.raises(CheckpointError, match="does not exist"):
        run_evaluation(EvaluateConfig(run=str(tmp_path / "nothing")))


def test_run_without_a_checkpoint_is_an_error(trained, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(trained, copy)
    shutil.rmtree(copy / "checkpoints")
    with pytest.raises(CheckpointError, match="must hold a checkpoint"):
        run_evaluation(EvaluateConfig(run=str(copy), device="cpu"))


def test_damaged_configuration_is_an_error(trained, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(trained, copy)
    (copy / "config.yaml").write_text("task: {name: line, colour: red}\n")
    with pytest.raises(CheckpointError, match=r"must hold the configuration of a run"):
        run_evaluation(EvaluateConfig(run=str(copy), device="cpu"))
