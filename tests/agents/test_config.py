"""Every YAML composes into its dataclass, and what cannot work is refused with its name."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from tests.agents.small_runs import small_ppo, small_run, small_sac

import kibble.configs
from kibble.agents.command_line.compose import open_composer
from kibble.agents.command_line.table import COMMANDS
from kibble.agents.config import (
    AgentConfig,
    DemoConfig,
    EvaluateConfig,
    RewardConfig,
    ShapingConfig,
    TaskConfig,
    TrainConfig,
    default_sac,
)
from kibble.rewards.errors import ConfigError

CONFIGS = Path(kibble.configs.__file__).parent
NEEDED = {
    "task=gymnasium": ["task.id=Pendulum-v1", "task.name=pendulum"],
    "reward=path": ["reward.weights=models/mine"],
}
OPTIONS = [
    f"{group}={path.stem}"
    for group in ("task", "reward", "shaping", "agent")
    for path in sorted((CONFIGS / group).glob("*.yaml"))
]


def compose(command: str, *overrides: str) -> object:
    with open_composer(COMMANDS[command]) as composer:
        return composer.instantiate(list(overrides))


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_composes(option):
    config = compose("train", option, *NEEDED.get(option, []))
    assert isinstance(config, TrainConfig)


def test_every_command_composes():
    assert isinstance(compose("evaluate", "run=[runs/a,runs/b]"), EvaluateConfig)
    assert isinstance(compose("demo"), DemoConfig)


def test_yaml_of_sac_is_the_default_of_the_dataclass():
    assert compose("train").agent == default_sac()


def test_shaping_options_differ_in_their_mode_and_shift_alone():
    shapings = {
        path.stem: compose("train", f"shaping={path.stem}").shaping
        for path in (CONFIGS / "shaping").glob("*.yaml")
    }
    assert {name: shaping.mode for name, shaping in shapings.items()} == {n: n for n in shapings}
    same = {dataclasses.replace(one, mode="none", shift=0.0) for one in shapings.values()}
    assert len(same) == 1
    assert {name for name, one in shapings.items() if one.shift != 0.0} == {
        "difference",
        "potential",
    }


def test_one_run_and_several_are_both_runs():
    assert EvaluateConfig(run="a").runs == ("a",)
    assert EvaluateConfig(run=["a", "b"]).runs == ("a", "b")


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: small_sac(gamma=99), r"`agent.gamma` must lie in \[0, 1\], got 99"),
        (
            lambda: small_sac(name="sak"),
            "`agent.name` must be one of sac, ppo, got 'sak'; did you",
        ),
        (lambda: small_sac(n_epochs=3), "`agent.n_epochs` must stay null with agent=sac, got 3"),
        (lambda: small_ppo(n_steps=None), "`agent.n_steps` must be given with agent=ppo"),
        (lambda: small_ppo(ent_coef="auto"), "must be a number with agent=ppo, got 'auto'"),
        (lambda: ShapingConfig(mode="potental"), "did you mean 'potential'"),
        (lambda: ShapingConfig(query_every=0), "must be at least 1 step, got 0"),
        (lambda: RewardConfig(kind="model"), "`reward.weights` must be given"),
        (lambda: TaskConfig(image_size=[96]), "`task.image_size` must be height and width"),
        (lambda: TrainConfig(steps=0), "`steps` must be at least 1, got 0"),
        (lambda: TrainConfig(resume=True), "`run` must name the run directory"),
        (lambda: TrainConfig(observation="stat"), "did you mean 'state'"),
        (lambda: TrainConfig(observation="embedding"), "needs a reward model to embed"),
        (lambda: EvaluateConfig(), "`run` must name at least one run directory"),
        (lambda: EvaluateConfig(run="a", seeds=[]), "`seeds` must hold at least one seed"),
    ],
)
def test_what_cannot_work_is_refused(build, message):
    with pytest.raises(ConfigError, match=message):
        build()


def test_another_gamma_for_shaping_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"must equal the agent's gamma 0.9, got 0.99"):
        small_run(tmp_path, shaping=ShapingConfig(gamma=0.99))
    assert small_run(tmp_path, shaping=ShapingConfig(gamma=0.9)).shaping.gamma == 0.9


def test_configuration_needs_no_heavy_import():
    import subprocess
    import sys

    code = (
        "import sys, kibble.agents.config\n"
        "names = {'torch', 'mujoco', 'gymnasium', 'stable_baselines3', 'hydra'}\n"
        "heavy = names & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_agent_config_has_no_key_without_a_meaning():
    from kibble.agents.command_line.schema import describe_keys

    described = describe_keys(TrainConfig)
    named = {f"agent.{field.name}" for field in dataclasses.fields(AgentConfig)}
    assert named <= set(described)
