"""What each reward asks for in each trap, solved exactly; and that the exact judge tells truth."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

from kibble.agents.agent_config import PpoConfig
from kibble.agents.config import RewardConfig, ShapingConfig, TaskConfig, TrainConfig
from kibble.agents.environments import build_environments
from kibble.agents.traps.incentives import optimal_policy, progress_in_every_cell, rewarded
from kibble.agents.traps.outcome import outcome_of, ways_of
from kibble.agents.traps.training import GAMMA
from kibble.envs.traps import TRAPS, trap_model
from kibble.rewards.held_queries import hold_between_queries
from kibble.rewards.rule import ShapingRule
from kibble.rewards.shaping import ShapingMode
from kibble.rewards.tabular import solve

NAMES = sorted(TRAPS)
BASELINES = ("absolute", "held_absolute", "difference")


def solved(name, mode, shift=0.0):
    """The policy that is optimal under a mode, and what it does."""
    trap = TRAPS[name]
    held = hold_between_queries(trap.layout.mdp(), every=trap.query_every)
    progress = progress_in_every_cell(trap, trap_model(name))
    rule = ShapingRule(gamma=GAMMA, mode=ShapingMode(mode))
    policy = optimal_policy(held, progress, rule, shift=shift)
    return trap, held, policy, outcome_of(trap, held, policy, progress, gamma=GAMMA)


@pytest.mark.parametrize("shift", [0.0, -1.0])
@pytest.mark.parametrize("name", NAMES)
def test_potential_shaping_asks_for_the_optimum_everywhere(name, shift):
    trap, held, policy, shaped = solved(name, "potential", shift)
    _, _, best, optimum = solved(name, "none")
    np.testing.assert_array_equal(policy > 0.0, best > 0.0)  # the same sets of actions
    assert shaped.success == pytest.approx(optimum.success, abs=1e-12)
    assert optimum.success > 0.95
    exact = float(held.mdp.start @ solve(held.mdp, gamma=GAMMA).value)
    assert shaped.return_task == pytest.approx(exact, abs=1e-9)
    assert trap.steps >= 60


@pytest.mark.parametrize("mode", BASELINES)
def test_every_baseline_asks_for_something_else_somewhere(mode):
    lost = {
        name: solved(name, "none")[3].success - solved(name, mode)[3].success for name in NAMES
    }
    assert max(lost.values()) > 0.4, lost


@pytest.mark.parametrize("name", NAMES)
def test_whoever_farms_is_paid_more_by_the_model_and_does_less(name):
    farmer, honest = solved(name, "held_absolute")[3], solved(name, "potential")[3]
    assert farmer.model_reward > 4.0 * honest.model_reward
    assert farmer.success < 0.05 < honest.success


@pytest.mark.parametrize("mode", ["potential", "difference", "absolute", "held_absolute"])
@pytest.mark.parametrize("name", ["ring", "detour", "ditch"])
def test_the_exact_rewards_are_those_that_agents_are_paid(name, mode):
    trap = TRAPS[name]
    held = hold_between_queries(trap.layout.mdp(), every=trap.query_every)
    progress = progress_in_every_cell(trap, trap_model(name))
    rule = ShapingRule(gamma=GAMMA, mode=ShapingMode(mode))
    exact = rewarded(held, progress, rule, shift=0.0).reward
    numbers = {key: x for x, key in enumerate(zip(*keys_of(held), strict=True))}
    config = TrainConfig(
        task=TaskConfig(name=name, id=trap.id),
        reward=RewardConfig(name="trap", kind="model", weights="trap"),
        shaping=ShapingConfig(mode=mode, shift=0.0, query_every=trap.query_every),
        agent=PpoConfig(gamma=GAMMA),
        n_envs=1,
        quiet=True,
    )
    venv = build_environments(config, trap_model(name))
    rng = np.random.default_rng(0)
    state = int(venv.reset()[0].argmax())
    key = (state, state, 0)
    checked = ended = 0
    for _ in range(300):
        action = rng.integers(5)
        obs, rewards, dones, infos = venv.step(np.array([action]))
        reached = int((infos[0]["terminal_observation"] if dones[0] else obs[0]).argmax())
        due = dones[0] or (key[2] + 1) % trap.query_every == 0
        now = (reached, reached, 0) if due else (reached, key[1], key[2] + 1)
        if not infos[0].get("TimeLimit.truncated", False):  # which reads the model out of turn
            expected = exact[numbers[key], action, numbers[now]]
            assert rewards[0] == pytest.approx(expected, abs=1e-5)
            checked += 1
            ended += dones[0]
        state = int(obs[0].argmax())
        key = (state, state, 0) if dones[0] else now
    venv.close()
    assert checked > 250
    assert ended > 0


def keys_of(held):
    return held.state.tolist(), held.read.tolist(), held.since.tolist()


def test_the_judge_agrees_with_episodes_that_are_played():
    trap, held, policy, outcome = solved("ditch", "potential")
    progress = progress_in_every_cell(trap, trap_model("ditch"))
    table = {int(state): policy[x] for x, state in enumerate(held.state)}
    env = gymnasium.make(trap.id)
    rng = np.random.default_rng(0)
    successes, paid, episodes = 0, 0.0, 1500
    for seed in range(episodes):
        obs, _ = env.reset(seed=seed)
        ended = False
        while not ended:
            obs, _, terminated, truncated, info = env.step(
                rng.choice(5, p=table[int(obs.argmax())])
            )
            paid += progress[int(obs.argmax())] / trap.steps
            ended = terminated or truncated
        successes += info["is_success"]
    assert successes / episodes == pytest.approx(outcome.success, abs=0.015)
    assert paid / episodes == pytest.approx(outcome.model_reward, rel=0.03)


def test_the_way_of_each_start_leads_to_its_end():
    trap, held, policy, _ = solved("ditch", "difference")
    ways = ways_of(trap, held, policy)
    ends = {trap.layout.sign(trap.layout.cells[way[-1]]) for way in ways}
    assert ends == {"X", "G"}  # one start is beside the ditch
    assert {trap.layout.sign(trap.layout.cells[way[0]]) for way in ways} == {"S"}
