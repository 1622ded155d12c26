"""Every YAML composes into its dataclass, and what cannot work is refused with its name."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from tests.agents.small_runs import small_ppo, small_run, small_sac, small_tqc

import kibble.configs
from kibble.agents.agent_config import AGENTS, TqcConfig
from kibble.agents.command_line.compose import open_composer
from kibble.agents.command_line.table import COMMANDS
from kibble.agents.config import (
    DemoConfig,
    EvaluateConfig,
    RewardConfig,
    ShapingConfig,
    TaskConfig,
    TrainConfig,
)
from kibble.rewards.errors import ConfigError

CONFIGS = Path(kibble.configs.__file__).parent
NEEDED = {
    "task=gymnasium": ["task.id=Pendulum-v1", "task.name=pendulum"],
    "reward=path": ["reward.weights=models/mine"],
    "reward=contrasting_goals": ["reward.weights=contrasting_goals?negative=a mess"],
    "reward=yes_token": ["reward.weights=yes_token@me/model"],
    "reward=remote": ["reward.weights=remote@http://127.0.0.1:8300/grm_tiny"],
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


@pytest.mark.parametrize("name", AGENTS)
def test_yaml_of_an_agent_is_the_default_of_its_dataclass(name):
    assert compose("train", f"agent={name}").agent == AGENTS[name]()


def test_keys_of_an_algorithm_are_typed_by_its_own_schema():
    assert compose("train", "agent=tqc", "agent.quantiles=7").agent == TqcConfig(quantiles=7)
    with pytest.raises(ConfigError, match=r"`agent.quantiles` must be an integer, got 'many'"):
        compose("train", "agent=tqc", "agent.quantiles=many")


def test_key_of_another_algorithm_is_refused_with_its_home():
    with pytest.raises(ConfigError, match=r"`agent.n_epochs` must be a key .* agent=ppo has it"):
        compose("train", "agent.n_epochs=3")


def test_shaping_options_differ_in_their_mode_and_shift_alone():
    shapings = {
        path.stem: compose("train", f"shaping={path.stem}").shaping
        for path in (CONFIGS / "shaping").glob("*.yaml")
    }
    assert {name: shaping.mode for name, shaping in shapings.items()} == {n: n for n in shapings}
    same = {str(dataclasses.replace(one, mode="none", shift=0.0)) for one in shapings.values()}
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
            lambda: small_sac(name="ppo"),
            "`agent.name` must be sac with these keys, got 'ppo'; choose an algorithm by agent=",
        ),
        (lambda: small_ppo(n_steps=0), "`agent.n_steps` must be above 0, got 0"),
        (lambda: small_tqc(dropped_quantiles=5), r"must lie in \[0, agent.quantiles = 5\), got 5"),
        (lambda: small_sac(demonstration_share=1.0), r"must lie in \[0, 1\), got 1.0"),
        (lambda: TrainConfig(rollouts=0), "`rollouts` must be at least 1 episode or null, got 0"),
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


@pytest.mark.parametrize("schema", AGENTS.values(), ids=AGENTS)
def test_agent_has_no_key_without_a_meaning(schema):
    from kibble.agents.command_line.schema import describe_keys

    assert set(describe_keys(schema)) == {field.name for field in dataclasses.fields(schema)}
