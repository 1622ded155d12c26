"""TQC and CrossQ learn from demonstrations and mirrors, resume, and are evaluated, like SAC."""

from __future__ import annotations

import dataclasses
import sys

import pytest
import torch
from sb3_contrib import TQC, CrossQ
from tests.agents.small_runs import LINE, small_crossq, small_run, small_sac, small_tqc

from kibble.agents.builders import build_agent
from kibble.agents.config import EvaluateConfig, RewardConfig, TaskConfig
from kibble.agents.demonstrations.config import DemosConfig
from kibble.agents.demonstrations.recorder import record
from kibble.agents.environments import build_environments
from kibble.agents.evaluate import run_evaluation
from kibble.agents.train import run_training
from kibble.rewards.errors import ConfigError, MissingDependencyError

CPU = torch.device("cpu")
REACH = TaskConfig(
    name="reach", id="kibble/Reach-v0", views=["front", "wrist"], image_size=[32, 32]
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("demonstrations") / "reach"
    record(DemosConfig(task=REACH, episodes=2, seed=3, out=str(out)))
    return out


def built(path, agent, **changes):
    config = small_run(path, task=LINE, agent=agent, reward=RewardConfig(), **changes)
    venv = build_environments(config, None)
    return build_agent(agent, venv, seed=0, device=CPU, observation=config.observation)


@pytest.mark.parametrize("small", [small_tqc, small_crossq], ids=["tqc", "crossq"])
def test_run_with_demonstrations_and_mirrors_resumes_and_is_evaluated(folder, tmp_path, small):
    config = small_run(
        tmp_path / "run",
        task=REACH,
        reward=RewardConfig(),
        agent=small(learning_starts=20, mirror=True, gradient_steps=2, demonstration_share=0.5),
        demonstrations=str(folder),
        steps=60,
        checkpoint_every=1_000,
    )
    directory = run_training(config)
    run_training(dataclasses.replace(config, resume=True, steps=80))
    (summary,) = run_evaluation(
        EvaluateConfig(run=str(directory.path), episodes=2, seeds=[0], videos=0, device="cpu")
    )
    assert (summary.agent, summary.steps) == (config.agent.name, 80)
    loaded = {"tqc": TQC, "crossq": CrossQ}[config.agent.name].load(directory.model, device="cpu")
    assert loaded.num_timesteps == 80
    assert loaded._n_updates == 2 * (80 - 20)


def test_keys_reach_the_algorithm(tmp_path):
    tqc = built(tmp_path, small_tqc(critics=3, quantiles=7, dropped_quantiles=1, chunk=2))
    assert (tqc.critic.n_critics, tqc.critic.quantiles_total) == (3, 21)
    assert (tqc.top_quantiles_to_drop_per_net, tqc.gamma) == (1, pytest.approx(0.81))
    crossq = built(tmp_path, small_crossq(policy_delay=4))
    assert (crossq.policy_delay, crossq.policy_kwargs["net_arch"]) == (4, [32])


def test_the_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sb3_contrib", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'kibble\[contrib\]'"):
        built(tmp_path, small_tqc())
    assert built(tmp_path, small_sac()).gamma == 0.9


def test_crossq_sees_no_pixels(tmp_path):
    config = small_run(tmp_path, agent=small_crossq(), reward=RewardConfig())
    venv = build_environments(config, None)
    with pytest.raises(ConfigError, match="`agent=crossq` has no network for pixels"):
        build_agent(config.agent, venv, seed=0, device=CPU, observation="pixels")
