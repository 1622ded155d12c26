"""Rewards do not depend on when frames are scored."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv
from tests.agents.scoring.line_runs import (
    GAMMA,
    KINDS,
    AheadModel,
    all_rewards,
    buffer_of,
    line_venv,
    walk,
)
from tests.line_env import LineEnv
from tests.reward_models import CentroidModel, FlakyModel, SmoothedModel

from kibble.agents.episode_log import EpisodeLog, read_episodes
from kibble.agents.episode_monitor import EpisodeMonitor
from kibble.agents.rollout_buffer import PotentialRolloutBuffer
from kibble.agents.scoring.config import ScoringConfig
from kibble.agents.shaped_vec_env import ShapedVecEnv
from kibble.envs import CaptureFrames
from kibble.rewards import Status
from kibble.rewards.errors import ConfigError, ShapingError
from kibble.rewards.shaped_step import ShapedStep
from kibble.rewards.shaper import Shaper
from kibble.rewards.smoothing import RunningMedian

LATE = KINDS[1:]


def flaky() -> FlakyModel:
    return FlakyModel([Status.OK, Status.TIMEOUT, Status.OK, Status.OK, Status.PARSE_ERROR])


@pytest.mark.parametrize("kind", LATE)
@pytest.mark.parametrize("every", [1, 4])
@pytest.mark.parametrize("make", [SmoothedModel, flaky, AheadModel])
def test_rewards_are_the_same_bit_for_bit(kind, every, make):
    expected_env = line_venv(make(), every=every)
    expected = buffer_of(expected_env)
    told = walk(expected_env, expected, 50)
    venv = line_venv(make(), kind=kind, every=every)
    buffer = buffer_of(venv)
    walk(venv, buffer, 50)
    paid = all_rewards(buffer)
    venv.close()
    np.testing.assert_array_equal(paid, all_rewards(expected))
    at_once = [[sum(info["reward_terms"].values()) for info in infos] for infos in told]
    np.testing.assert_array_equal(paid, np.array(at_once, np.float32))
    ends = [info["TimeLimit.truncated"] for infos in told for info in infos]
    assert any(ends)
    assert expected.dones.sum() > sum(ends)  # episodes of both kinds of end were among them


@pytest.mark.parametrize("kind", LATE)
def test_smoothed_potentials_are_the_same(kind):
    buffers = []
    for chosen in ("immediate", kind):
        venv = line_venv(CentroidModel(), kind=chosen, smoothing=RunningMedian(lag=1))
        buffers.append(buffer_of(venv))
        walk(venv, buffers[-1], 40)
        venv.scoring.settle()
        venv.close()
    np.testing.assert_array_equal(all_rewards(buffers[0]), all_rewards(buffers[1]))


def test_signals_in_infos_are_what_the_buffer_keeps():
    venv = line_venv(SmoothedModel(), every=2)
    buffer = buffer_of(venv)
    told = walk(venv, buffer, 12)
    for t, infos in enumerate(told):
        for slot, info in enumerate(infos):
            terms = venv.scoring.rule(info["signals"])
            reward = np.float32(sum(float(term[0]) for term in terms.values()))
            assert reward == all_rewards(buffer)[t, slot]


@pytest.mark.parametrize("kind", LATE)
def test_late_infos_speak_of_nothing_that_is_not_known(kind):
    venv = line_venv(CentroidModel(), kind=kind)
    told = walk(venv, buffer_of(venv), 10)
    venv.close()
    assert not any({"phi", "reward_terms", "signals"} & set(info) for info in told[0])
    assert all("phi" not in info for info in venv.reset_infos)


def test_deferred_frames_are_encoded_in_batches_and_read_from_there():
    model = AheadModel()
    venv = line_venv(model, kind="deferred", batch=40)
    buffer = buffer_of(venv)
    walk(venv, buffer, 30)
    all_rewards(buffer)
    assert max(model.ahead) > 30
    assert len(model.ahead) < 10
    assert model.found == sum(model.ahead)  # each frame was read once, and had been read ahead


def test_a_batch_that_touches_only_scored_transitions_scores_nothing():
    model = CentroidModel()
    venv = line_venv(model, kind="deferred", batch=1_000)
    buffer = buffer_of(venv)
    walk(venv, buffer, 10)
    assert not model.batches
    buffer.sample(4)
    calls = len(model.batches)
    assert calls == 10
    buffer.sample(4)
    assert len(model.batches) == calls


def test_a_step_is_added_once():
    venv = line_venv(CentroidModel())
    buffer = buffer_of(venv)
    walk(venv, buffer, 2)
    row = [column[1] for column in (buffer.observations, buffer.next_observations)]
    action, rewards = np.ones((3, 1), np.int64), np.zeros(3)
    with pytest.raises(ShapingError, match="must get each step once, got step 1 again"):
        buffer.add(*row, action, rewards, rewards, [{}] * 3)


@pytest.mark.parametrize("kind", LATE)
def test_inexact_batches_wait_for_nothing_and_hold_the_same_rewards(kind):
    venv = line_venv(CentroidModel())
    expected = buffer_of(venv)
    walk(venv, expected, 50)

    model = CentroidModel()
    venv = line_venv(model, kind=kind, batch=30, exact=False)
    buffer = buffer_of(venv, size=25)  # a ring that has come round once
    walk(venv, buffer, 50)
    unscored = buffer.kept.unscored
    assert kind == "asynchronous" or 0 < unscored < 25
    batch = buffer.sample(400)
    assert kind == "asynchronous" or buffer.kept.unscored == unscored
    known = {(*map(float, row), float(r)) for row, r in rows_of(expected)}
    for i in range(400):
        place = (float(batch.observations[i]), float(batch.next_observations[i]))
        assert (*place, float(batch.rewards[i])) in known
    venv.close()


def rows_of(buffer):
    """Observation, next observation and reward of every row."""
    rewards = all_rewards(buffer)
    for row, slot in np.ndindex(rewards.shape):
        pair = (buffer.observations[row, slot, 0], buffer.next_observations[row, slot, 0])
        yield pair, rewards[row, slot]


@pytest.mark.parametrize("kind", KINDS)
def test_observers_act_on_the_same_step_in_every_kind(kind):
    def hold(shaper: Shaper, step: ShapedStep) -> None:
        shaper.potential.held[:] = step.signals.next_progress > 0.5
        shaper.weight = np.where(step.signals.next_progress > 0.7, 0.25, 1.0)

    def paid(chosen: str) -> np.ndarray:
        venv = line_venv(SmoothedModel(), kind=chosen)
        venv.scoring.observers.append(hold)
        buffer = buffer_of(venv)
        walk(venv, buffer, 40)
        rewards = all_rewards(buffer)
        venv.close()
        return rewards

    np.testing.assert_array_equal(paid(kind), paid("immediate"))


@pytest.mark.parametrize("kind", LATE)
def test_what_goes_wrong_late_is_raised_where_rewards_are_needed(kind):
    class Broken(CentroidModel):
        def estimate(self, episodes, frames):
            raise RuntimeError("the model is broken")

    venv = line_venv(Broken(), kind=kind, batch=1_000)
    buffer = buffer_of(venv)

    def walk_and_pay() -> None:
        walk(venv, buffer, 30)
        all_rewards(buffer)

    with pytest.raises(RuntimeError, match="the model is broken"):
        walk_and_pay()
    venv.close()


def make_ppo(kind: str, folder) -> tuple[PPO, EpisodeMonitor, ShapedVecEnv]:
    venv = ShapedVecEnv(
        DummyVecEnv([lambda: CaptureFrames(LineEnv())] * 2),
        SmoothedModel(),
        gamma=GAMMA,
        shift=-1.0,
        scoring=ScoringConfig(kind=kind, batch=17),
    )
    monitor = EpisodeMonitor(venv)
    monitor.log = EpisodeLog(folder / f"{kind}.jsonl")
    agent = PPO(
        "MlpPolicy",
        monitor,
        gamma=GAMMA,
        n_steps=32,
        batch_size=32,
        n_epochs=2,
        rollout_buffer_class=PotentialRolloutBuffer,
        seed=0,
        device="cpu",
    )
    agent.rollout_buffer.follow(venv.scoring)
    return agent, monitor, venv


def test_ppo_learns_the_same_and_logs_the_same_in_every_kind(tmp_path):
    agents, logs = {}, {}
    for kind in KINDS:
        agent, monitor, venv = make_ppo(kind, tmp_path)
        agent.learn(192)
        monitor.settle()
        monitor.log.close()
        venv.close()
        agents[kind] = agent
        logs[kind] = [
            (r.index, r.env, r.steps, r.return_task, r.return_shaped, r.success, r.model_success)
            for r in read_episodes(tmp_path / f"{kind}.jsonl")
        ]
    assert len(logs["immediate"]) > 10
    for kind in LATE:
        assert logs[kind] == logs["immediate"]
        for name, weights in agents["immediate"].policy.state_dict().items():
            assert torch.equal(weights, agents[kind].policy.state_dict()[name]), (kind, name)


def test_the_value_of_a_state_that_a_time_limit_cut_is_kept_apart():
    class OneWay(gymnasium.Env):
        """Cut after three steps, pays 1 a step."""

        observation_space = gymnasium.spaces.Box(0.0, 1.0, (1,), np.float32)
        action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)

        def reset(self, *, seed=None, options=None):
            self._steps = 0
            return np.zeros(1, np.float32), {}

        def step(self, action):
            self._steps += 1
            return np.full(1, self._steps / 3, np.float32), 1.0, False, self._steps == 3, {}

    from kibble.agents.sparse_reward import SparseVecEnv
    from kibble.rewards.rule import ShapingRule

    venv = SparseVecEnv(DummyVecEnv([OneWay]), rule=ShapingRule(gamma=GAMMA))
    agent = PPO(
        "MlpPolicy",
        EpisodeMonitor(venv),
        gamma=GAMMA,
        n_steps=6,
        batch_size=6,
        rollout_buffer_class=PotentialRolloutBuffer,
        seed=0,
        device="cpu",
    )
    agent.env.venv.log = None
    agent.rollout_buffer.follow(venv.scoring)
    with torch.no_grad():
        value = agent.policy.predict_values(torch.ones(1, 1)).item()
    expected = np.array([1.0, 1.0, 1.0 + GAMMA * value] * 2, np.float32)

    class Log:
        def append(self, record):
            pass

    agent.env.venv.log = Log()
    _, callback = agent._setup_learn(6)
    agent.collect_rollouts(agent.env, callback, agent.rollout_buffer, 6)
    assert agent.rollout_buffer.rewards[:, 0] == pytest.approx(expected, abs=1e-6)


def test_frames_are_kept_only_by_who_can_score_them_again():
    with pytest.raises(ConfigError, match=r"`remake` must be given .* store_mb=1"):
        ShapedVecEnv(
            DummyVecEnv([lambda: CaptureFrames(LineEnv())]),
            CentroidModel(),
            gamma=GAMMA,
            scoring=ScoringConfig(store_mb=1.0),
        )


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"kind": "defered"}, "did you mean 'deferred'"),
        ({"batch": 0}, r"`scoring.batch` must be at least 1 frame, got 0"),
        ({"store_mb": float("nan")}, r"`scoring.store_mb` must be 0 or more, got nan"),
    ],
)
def test_settings_out_of_range_are_errors(setting, message):
    with pytest.raises(ConfigError, match=message):
        ScoringConfig(**setting)
