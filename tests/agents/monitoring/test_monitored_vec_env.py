"""What the monitor does about what it finds: warn, hold, weigh down; the same in every scoring."""

from __future__ import annotations

import itertools
import logging
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.vec_env import DummyVecEnv
from tests.rewards.monitor.trap_agents import farmer

from kibble.agents.monitoring.config import MonitorConfig
from kibble.agents.monitoring.journal import Journal, read_journal
from kibble.agents.monitoring.monitored_vec_env import MonitoredVecEnv, find_monitored
from kibble.agents.scoring.config import ScoringConfig
from kibble.agents.scoring.source import Rescored, Scored
from kibble.agents.shaped_vec_env import ShapedVecEnv
from kibble.envs.frames import CaptureFrames
from kibble.envs.traps import TRAPS, TrapEnv, trap_model
from kibble.rewards import Potential
from kibble.rewards.rule import total
from kibble.rewards.shaped_step import ShapedStep
from kibble.rewards.shaping import shaping_term

GAMMA = 0.9
SLOTS = 2


def monitored(name: str, *, mode: str, kind: str = "immediate", **config: object):
    trap = TRAPS[name]
    venv = DummyVecEnv([lambda: CaptureFrames(gym.make(trap.id), every=trap.query_every)] * SLOTS)
    shaped = ShapedVecEnv(
        venv,
        Potential(trap_model(name), slots=SLOTS, patient=True),
        gamma=GAMMA,
        mode=mode,
        scoring=ScoringConfig(kind=kind),
    )
    return MonitoredVecEnv(shaped, MonitorConfig(**config)), shaped  # type: ignore[arg-type]


def farm(venv: MonitoredVecEnv, shaped: ShapedVecEnv, steps: int) -> list[ShapedStep]:
    """Farm for some steps and return them as they were scored."""
    scored: list[ShapedStep] = []

    def listen(result: Scored | Rescored) -> None:
        assert isinstance(result, Scored)
        scored.append(result.step)

    shaped.scoring.listeners.append(listen)
    member = shaped.venv.envs[0].unwrapped  # type: ignore[attr-defined]
    assert isinstance(member, TrapEnv)
    acts = farmer(member)
    venv.seed(0)
    obs = venv.reset()
    for _ in range(steps):
        obs, _, _, _ = venv.step(np.array([acts(int(row.argmax())) for row in obs]))
    venv.settle()
    return scored


def paid(steps: list[ShapedStep]) -> np.ndarray:
    return np.array([total(step.terms) for step in steps])  # (T, N)


def test_a_warning_changes_no_reward():
    rewards = {}
    for action in ("warn", "hold"):
        venv, shaped = monitored("lamps", mode="absolute", action=action)
        rewards[action] = paid(farm(venv, shaped, 40))
    venv, shaped = monitored("lamps", mode="absolute", action="warn")
    shaped.scoring.observers.clear()
    np.testing.assert_array_equal(paid(farm(venv, shaped, 40)), rewards["warn"])
    assert (rewards["hold"] != rewards["warn"]).any()


def test_hold_takes_the_farm_away_from_the_finding_on_to_the_end_of_the_episode():
    venv, shaped = monitored("lamps", mode="absolute", action="hold", repeated=30)
    steps = farm(venv, shaped, TRAPS["lamps"].steps + 10)
    rewards = paid(steps)[:, 0]
    ends = TRAPS["lamps"].steps
    held = int(np.flatnonzero(rewards[:ends])[-1]) + 1  # the step after the last that paid
    assert held < 12
    assert (rewards[held:ends] == 0.0).all()
    assert rewards[ends : ends + 6].any()  # a new episode begins with a clean record


def test_what_many_episodes_show_is_held_in_the_next_ones_too():
    venv, shaped = monitored("pad", mode="absolute", action="hold")
    steps = farm(venv, shaped, 6 * TRAPS["pad"].steps)
    assert "false_success" in venv.monitor.active
    last = paid(steps)[-TRAPS["pad"].steps + 1 :, 0]
    assert (last == 0.0).all()  # all but the step that the episode began with


def test_a_held_potential_still_shapes_exactly():
    venv, shaped = monitored("lamps", mode="potential", action="hold")
    for step in farm(venv, shaped, 3 * TRAPS["lamps"].steps):
        s = step.signals
        expected = shaping_term(s.phi, s.next_phi, s.terminated, gamma=GAMMA)
        np.testing.assert_allclose(step.shaping, expected, atol=1e-12)
    assert max(abs(episode.unearned) for episode in venv.monitor.episodes) < 1e-9


def test_down_weight_weighs_the_potential_and_shaping_stays_exact():
    venv, shaped = monitored("lamps", mode="potential", action="down_weight", weight=0.25)
    steps = farm(venv, shaped, 4 * TRAPS["lamps"].steps)
    weights = np.array([step.signals.next_weight[0] for step in steps])
    assert set(np.unique(weights)) == {0.25, 1.0}
    for before, after in itertools.pairwise(steps):
        ended = before.signals.truncated | before.signals.terminated
        np.testing.assert_array_equal(
            after.signals.weight[~ended], before.signals.next_weight[~ended]
        )
    for step in steps:
        s = step.signals
        expected = shaping_term(
            s.phi,
            s.next_phi,
            s.terminated,
            gamma=GAMMA,
            weight=s.weight,
            next_weight=s.next_weight,
        )
        np.testing.assert_allclose(step.shaping, expected, atol=1e-12)
    assert max(abs(episode.unearned) for episode in venv.monitor.episodes) < 1e-9


@pytest.mark.parametrize("action", ["hold", "down_weight"])
def test_what_it_does_acts_on_the_same_steps_in_every_kind_of_scoring(action):
    rewards = []
    for kind in ("immediate", "deferred", "asynchronous"):
        venv, shaped = monitored("lamps", mode="absolute", kind=kind, action=action)
        rewards.append(paid(farm(venv, shaped, 300)))
        venv.close()
    np.testing.assert_array_equal(rewards[0], rewards[1])
    np.testing.assert_array_equal(rewards[0], rewards[2])


def test_findings_are_logged_now_and_then_and_journaled_each_time(tmp_path, caplog):
    venv, shaped = monitored("lamps", mode="difference")
    venv.journal = Journal(tmp_path / "monitor.jsonl")
    with caplog.at_level(logging.WARNING):
        farm(venv, shaped, 5 * TRAPS["lamps"].steps)
    venv.journal.close()
    rows = read_journal(tmp_path / "monitor.jsonl")
    warnings = [row for row in rows.findings if row["severity"] == "warning"]
    alarms = [row for row in rows.findings if row["severity"] == "alarm"]
    assert len(rows.episodes) == 10
    assert len(warnings) == 10
    assert {row["detector"] for row in alarms} >= {"oscillating_progress"}
    logged = [r.getMessage() for r in caplog.records if "warning in environment" in r.getMessage()]
    assert len(logged) < len(warnings)  # at 1, 2, 4, …
    assert rows.episodes[0]["disagreement"] is None  # NaN has no place in JSON
    assert venv.take_episodes()[3].number == 3
    assert venv.take_episodes() == []


def test_a_restored_monitor_goes_on_with_findings_and_journal(tmp_path):
    venv, shaped = monitored("lamps", mode="difference")
    venv.journal = Journal(tmp_path / "monitor.jsonl")
    farm(venv, shaped, 2 * TRAPS["lamps"].steps)
    state = venv.get_state()
    farm(venv, shaped, TRAPS["lamps"].steps)  # later than the checkpoint
    venv.journal.close()
    again, shaped = monitored("lamps", mode="difference")
    again.set_state(state)
    kept = state["journal_bytes"]
    assert isinstance(kept, int)
    again.journal = Journal(tmp_path / "monitor.jsonl", keep=kept)
    assert again.findings == {"oscillating_progress": 4}
    farm(again, shaped, TRAPS["lamps"].steps)
    again.journal.close()
    numbers = [row["number"] for row in read_journal(tmp_path / "monitor.jsonl").episodes]
    assert numbers == [0, 1, 2, 3, 4, 5]


def test_a_journal_shorter_than_its_checkpoint_is_refused(tmp_path: Path):
    with pytest.raises(Exception, match="must hold the 10 bytes"):
        Journal(tmp_path / "monitor.jsonl", keep=10)


def test_it_is_found_below_other_layers():
    venv, shaped = monitored("lamps", mode="potential")
    assert find_monitored(venv) is venv
    assert find_monitored(shaped) is None
