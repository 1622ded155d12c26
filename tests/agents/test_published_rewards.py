"""Runs over reward models that are named by reference: goals, embeddings, judges."""

from __future__ import annotations

import json

import imageio.v3 as iio
import numpy as np
import pytest
import torch
from tests.agents.small_runs import LINE, RESUMABLE, small_ppo, small_run
from tests.rewards.vlm import tiny_models

from kibble.agents.config import EvaluateConfig, RewardConfig, TaskConfig
from kibble.agents.environments import build_environments
from kibble.agents.episode_log import read_episodes
from kibble.agents.evaluate import run_evaluation
from kibble.agents.goal_shown import goal_of
from kibble.agents.reward_opening import load_reward_model, open_watching
from kibble.agents.scoring.config import ScoringConfig
from kibble.agents.train import run_training
from kibble.rewards.errors import ConfigError, ModelError
from kibble.rewards.reference import parse_reference

CPU = torch.device("cpu")


def reward(weights, **changes):
    return RewardConfig(name="m", kind="model", weights=weights, **changes)


def short(path, **changes):
    settings = {"task": LINE, "agent": small_ppo(n_steps=16, batch_size=16), "steps": 32}
    return small_run(path, **{**settings, **changes})


@pytest.fixture
def picture(tmp_path):
    image = np.zeros((16, 32, 3), np.uint8)
    image[:, 20] = (255, 255, 0)
    path = tmp_path / "finished.png"
    iio.imwrite(path, image)
    return path


def test_a_run_learns_from_clip_and_is_judged_by_it_and_by_others(tmp_path):
    clip = f"clip@{tiny_models.clip()}?baseline=a bar&low=null"
    config = short(tmp_path / "run", reward=reward(clip), checkpoint_every=16)
    directory = run_training(config)
    metadata = json.loads((directory.path / "metadata.json").read_text())
    assert metadata["reward_model"]["name"] == "clip"
    records = list(read_episodes(directory.episodes))
    assert any(abs(r.return_shaped - r.return_task) > 1e-6 for r in records)

    def judged(judge):
        evaluation = EvaluateConfig(
            run=str(directory.path),
            episodes=2,
            seeds=[0],
            videos=0,
            judge=judge,
            out=str(tmp_path / "out"),
            device="cpu",
            quiet=True,
        )
        return run_evaluation(evaluation)[0].judge

    assert judged("run") == "clip"
    assert judged("time_counter?horizon=5") == "time_counter"
    assert judged("none") is None
    with pytest.raises(ConfigError, match="'gvl' reads whole episodes"):
        judged("gvl@nowhere/at-all")


def test_clip_scored_late_pays_what_it_pays_at_once(tmp_path):
    """A buffer's frames are encoded ahead in one batch, as VLM-RM and VLM-RL do."""
    returns = {}
    for kind in ("immediate", "deferred"):
        config = short(
            tmp_path / kind,
            task=RESUMABLE,
            reward=reward(f"clip@{tiny_models.clip()}?dtype=float32&low=null"),
            scoring=ScoringConfig(kind=kind),
        )
        records = read_episodes(run_training(config).episodes)
        returns[kind] = [record.return_shaped for record in records]
    assert returns["immediate"]
    np.testing.assert_allclose(returns["deferred"], returns["immediate"], atol=1e-5)


def test_a_picture_of_the_goal_reaches_the_model(tmp_path, picture):
    without = short(tmp_path / "a", reward=reward("pixel_goal"))
    with pytest.raises(ModelError, match=r"'pixel_goal' needs `goal_frames` in the task"):
        run_training(without)
    shown = reward("pixel_goal", goal={"front": str(picture)})
    directory = run_training(short(tmp_path / "b", reward=shown))
    records = list(read_episodes(directory.episodes))
    assert any(abs(r.return_shaped - r.return_task) > 1e-6 for r in records)
    goal = goal_of(shown)
    assert goal["front"].shape == (1, 16, 32, 3)
    config = short(tmp_path / "c", reward=shown)
    venv = build_environments(config, load_reward_model(config, CPU))
    try:
        venv.reset()
        np.testing.assert_array_equal(
            venv.unwrapped.reset_infos[0]["goal_frames"]["front"], goal["front"]
        )
    finally:
        venv.close()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "oracle", "goal": "a.png"}, "`reward.goal` is for reward models, got 'a.png'"),
        ({"kind": "model", "weights": "clip?"}, "A reward model is named as NAME, NAME@WEIGHTS"),
        ({"kind": "model", "weights": "random", "also": [""]}, "A reward model is named as"),
    ],
)
def test_settings_that_mean_nothing_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        RewardConfig(**changes)


def test_readings_of_the_embedded_model_are_refused_for_others(tmp_path):
    config = short(tmp_path / "run", reward=reward("random", reading="mean"))
    with pytest.raises(ConfigError, match=r"`reward.reading` and .* are the embedded model's"):
        load_reward_model(config, CPU)
    model = open_watching(parse_reference("random?seed=3"), config, CPU)
    assert model.spec.name == "random"


def test_a_policy_sees_embeddings_of_models_that_have_some_alone(tmp_path):
    task = TaskConfig(
        name="reach", id="kibble/Reach-v0", views=["front", "wrist"], image_size=[32, 32]
    )
    embedded = {"task": task, "observation": "embedding"}
    clip = short(tmp_path / "a", reward=reward(f"clip@{tiny_models.clip()}"), **embedded)
    assert run_training(clip).path.is_dir()
    other = short(tmp_path / "b", reward=reward("time_counter"), **embedded)
    with pytest.raises(ConfigError, match="needs a reward model that embeds frames, got time_cou"):
        run_training(other)
    assert not (tmp_path / "b").exists()
