"""Every run of a grid is composed, named and checked before anything starts."""

from __future__ import annotations

import dataclasses
import shlex

import pytest
import tests.agents.reach_line  # noqa: F401  (registers the environments)

from kibble.agents.command_line.compose import open_composer
from kibble.agents.command_line.table import COMMANDS
from kibble.agents.run_directory import create_run
from kibble.agents.sweep.config import SweepConfig
from kibble.agents.sweep.grid import launcher_words
from kibble.agents.sweep.plan import plan_cells
from kibble.rewards.errors import ConfigError

SWEEP = COMMANDS["sweep"]


def test_runs_are_named_by_what_they_are(tmp_path) -> None:
    words = ["task=push,reach", "reward=oracle", "seed=0,1", "agent.gamma=0.8,0.9", "steps=100"]
    cells = plan_cells(words, tmp_path)
    assert [cell.record.name for cell in cells[:3]] == [
        "push-oracle-potential-sac-gamma0.8-seed0",
        "push-oracle-potential-sac-gamma0.9-seed0",
        "reach-oracle-potential-sac-gamma0.8-seed0",
    ]
    assert len({cell.record.name for cell in cells}) == len(cells) == 8
    last = cells[-1]
    assert (last.config.task.name, last.config.seed, last.config.agent.gamma) == ("reach", 1, 0.9)
    assert last.config.run == str(tmp_path / last.record.name)
    assert last.record.budget.steps == 100


def test_a_sparse_reward_is_trained_once_for_all_modes_of_shaping(tmp_path) -> None:
    words = ["task=push", "reward=oracle,sparse", "shaping=potential,difference,absolute"]
    assert [cell.record.name for cell in plan_cells(words, tmp_path)] == [
        "push-oracle-potential-sac-seed0",
        "push-oracle-difference-sac-seed0",
        "push-oracle-absolute-sac-seed0",
        "push-sparse-sac-seed0",
    ]


def test_keys_may_depend_on_others_also_on_the_seed(tmp_path) -> None:
    words = ["task=push,reach", "reward=sparse", "seed=0,1"]
    cells = plan_cells([*words, "demonstrations=data/${task.name}-${seed}"], tmp_path)
    assert [cell.config.demonstrations for cell in cells] == [
        "data/push-0",
        "data/reach-0",
        "data/push-1",
        "data/reach-1",
    ]


def test_options_of_a_group_can_be_chosen_by_a_pattern(tmp_path) -> None:
    cells = plan_cells(["task=glob(drawer_*)", "reward=sparse"], tmp_path)
    assert [cell.record.task for cell in cells] == ["drawer_close", "drawer_open"]


def test_options_of_the_users_own(tmp_path) -> None:
    own = tmp_path / "own" / "task" / "swing.yaml"
    own.parent.mkdir(parents=True)
    own.write_text(
        "name: swing\nid: Pendulum-v1\ninstruction: swing up\n"
        "views: null\nimage_size: [64, 64]\noptions: {}\n"
    )
    with open_composer(SWEEP, tmp_path / "own") as composer:
        config = composer.instantiate(["task=swing,reach", "reward=sparse"])
    assert isinstance(config, SweepConfig)
    cells = plan_cells(config.words, tmp_path)
    assert [cell.config.task.id for cell in cells] == ["Pendulum-v1", "kibble/Reach-v0"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["tsk=push,reach"], r"`tsk` must be a key .* did you mean task"),
        (["task=push,raech"], r"`task` must name one of its options, got 'raech'.* reach"),
        (["steps=100,many"], r"`steps` must be an integer, got 'many'"),
        (["observation=state,embedding", "reward=sparse"], r"`observation=embedding` needs a"),
        (["reward.name=a/b,a-b", "reward.kind=oracle"], r"name of its own, got 'push-a_b"),
    ],
)
def test_mistakes_are_found_before_anything_starts(tmp_path, words, message) -> None:
    with pytest.raises(ConfigError, match=message):
        plan_cells(words, tmp_path)


def test_a_run_that_began_with_other_settings_is_not_gone_on_with(tmp_path) -> None:
    words = ["task=reach", "reward=oracle", "n_envs=2"]
    (cell,) = plan_cells(words, tmp_path)
    create_run(cell.config, None)
    assert plan_cells([*words, "steps=5000"], tmp_path)[0].config == dataclasses.replace(
        cell.config, steps=5000
    )
    with pytest.raises(ConfigError, match=r"must keep its settings, got n_envs=3 \(began with 2"):
        plan_cells(["task=reach", "reward=oracle", "n_envs=3"], tmp_path)


@pytest.mark.parametrize("line", [line for line, _ in SWEEP.examples])
def test_every_example_of_help_can_be_planned(tmp_path, line) -> None:
    _, _, *overrides = shlex.split(line)
    with open_composer(SWEEP) as composer:
        config = composer.instantiate(overrides)
    assert isinstance(config, SweepConfig)
    launcher = launcher_words(config.words)
    words = [word for word in config.words if word not in launcher]
    if words:
        assert plan_cells(words, tmp_path)
    else:
        assert config.out == "runs/first" or config.report == "runs/first"
