"""Stable-Baselines3's vector environments pay what one environment alone would be paid."""

from __future__ import annotations

from functools import partial

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from stable_baselines3 import PPO
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecEnv, VecMonitor
from tests.line_env import LineEnv
from tests.reward_models import CentroidModel, SmoothedModel
from tests.shaped_rollouts import GAMMA, MEMBERS, SEED, STEPS, actions, alone, make_captured

from kibble.agents.shaped_vec_env import ShapedVecEnv, check_agent_gamma
from kibble.envs import CaptureFrames, ShapedReward
from kibble.rewards import ShapingMode
from kibble.rewards.errors import FrameError, ShapingError


def members(every: int = 1) -> list:
    return [partial(make_captured, every)] * MEMBERS


def rollout(env: VecEnv) -> dict[str, np.ndarray]:
    env.seed(SEED)
    env.reset()
    rows = []
    for action in actions():
        _, reward, dones, infos = env.step(action)
        truncated = np.array([info["TimeLimit.truncated"] for info in infos])
        for i, info in enumerate(infos):
            assert "frames" not in info
            assert np.float32(sum(info["reward_terms"].values())) == np.float32(reward[i])
            assert ("terminal_observation" in info) == dones[i]
        phi = [info["phi"] for info in infos]
        rows.append((reward, phi, dones & ~truncated, dones & truncated))
    reward, phi, terminated, truncated = (np.stack(column) for column in zip(*rows, strict=True))
    return {"reward": reward, "phi": phi, "terminated": terminated, "truncated": truncated}


@pytest.mark.parametrize("every", [1, 4])
@pytest.mark.parametrize("shaping", list(ShapingMode))
def test_each_member_is_paid_what_one_environment_alone_is_paid(every, shaping):
    model = SmoothedModel()
    env = ShapedVecEnv(DummyVecEnv(members(every)), model, gamma=GAMMA, mode=shaping)
    got = rollout(env)
    expected = alone(AutoresetMode.SAME_STEP, every=every, shaping=shaping)
    assert got["reward"].dtype == np.float32
    np.testing.assert_array_equal(got["reward"], expected["reward"].astype(np.float32))
    for name in ("phi", "terminated", "truncated"):
        np.testing.assert_array_equal(got[name], expected[name], err_msg=name)
    assert len(model.batches) <= STEPS  # one call per step for all members


def test_processes_pay_the_same():
    env = ShapedVecEnv(
        SubprocVecEnv(members(4), start_method="forkserver"), SmoothedModel(), gamma=GAMMA
    )
    try:
        got = rollout(env)
    finally:
        env.close()
    expected = alone(AutoresetMode.SAME_STEP, every=4)
    np.testing.assert_array_equal(got["reward"], expected["reward"])
    np.testing.assert_array_equal(got["phi"], expected["phi"])


def test_resets_are_explained_in_reset_infos():
    env = ShapedVecEnv(DummyVecEnv(members()), CentroidModel(), gamma=GAMMA)
    env.reset()
    for info in env.reset_infos:
        assert "frames" not in info
        assert info["phi"] == info["model_progress"]
        assert info["instruction"] == "move the dot to the right"


@pytest.mark.parametrize("inside", [True, False])
def test_a_monitor_inside_sees_the_primary_return_and_one_outside_the_shaped(inside):
    member = (lambda: Monitor(CaptureFrames(LineEnv()))) if inside else make_captured
    env: VecEnv = ShapedVecEnv(DummyVecEnv([member]), CentroidModel(), gamma=GAMMA)
    if not inside:
        env = VecMonitor(env)
    env.reset()
    total = 0.0
    for _ in range(9):
        _, reward, dones, infos = env.step(np.array([0]))
        total += float(reward[0])
    assert dones[0]
    assert infos[0]["episode"]["r"] == pytest.approx(0.0 if inside else total, abs=1e-4)


@pytest.mark.parametrize("every", [1, 4])
def test_a_restored_run_continues_bit_for_bit(every):
    """Members are replayed to where they were; the wrapper is restored from its state."""
    cut = 23
    whole = ShapedVecEnv(DummyVecEnv(members(every)), SmoothedModel(), gamma=GAMMA)
    whole.seed(SEED)
    whole.reset()
    expected = []
    for t, action in enumerate(actions()):
        if t == cut:
            state = whole.get_state()
        expected.append(whole.step(action)[1])

    venv = DummyVecEnv([partial(make_captured, every)] * MEMBERS)
    venv.seed(SEED)
    venv.reset()
    for action in actions()[:cut]:
        venv.step(action)
    for member in venv.envs:
        member.set_capture_steps(0)  # as in a new process whose simulator state is loaded
    resumed = ShapedVecEnv(venv, SmoothedModel(), gamma=GAMMA)
    resumed.set_state(state)
    got = [resumed.step(action)[1] for action in actions()[cut:]]
    np.testing.assert_array_equal(got, expected[cut:])


def test_an_agent_learns_in_it():
    """The value of a truncated episode's last observation is bootstrapped; none is lost."""
    env = VecMonitor(ShapedVecEnv(DummyVecEnv(members()), CentroidModel(), gamma=GAMMA))
    agent = PPO("MlpPolicy", env, gamma=GAMMA, n_steps=32, batch_size=32, seed=0, device="cpu")
    check_agent_gamma(env, agent.gamma)
    agent.learn(192)
    assert len(agent.ep_info_buffer) > 0


def test_members_without_capture_are_refused_at_construction():
    with pytest.raises(FrameError, match="must be wrapped in `CaptureFrames`"):
        ShapedVecEnv(DummyVecEnv([LineEnv]), CentroidModel(), gamma=GAMMA)


def test_a_missing_view_is_an_error_at_construction():
    model = CentroidModel(views=("front", "wrist"), required_views=("front", "wrist"))
    with pytest.raises(FrameError, match="'centroid' requires the views"):
        ShapedVecEnv(DummyVecEnv(members()), model, gamma=GAMMA)


def shaped_vec() -> VecEnv:
    return VecMonitor(ShapedVecEnv(DummyVecEnv(members()), CentroidModel(), gamma=GAMMA))


def shaped_members() -> VecEnv:
    return DummyVecEnv([lambda: Monitor(ShapedReward(LineEnv(), CentroidModel(), gamma=GAMMA))])


def shaped_alone() -> gymnasium.Env:
    return Monitor(ShapedReward(LineEnv(), CentroidModel(), gamma=GAMMA))


@pytest.mark.parametrize("make", [shaped_vec, shaped_members, shaped_alone])
def test_a_gamma_that_differs_from_the_agents_is_an_error_however_wrapped(make):
    env = make()
    check_agent_gamma(env, GAMMA)
    with pytest.raises(ShapingError, match=r"must equal the agent's, 0\.99, got 0\.9"):
        check_agent_gamma(env, 0.99)


def test_an_environment_without_shaping_suits_every_gamma():
    check_agent_gamma(DummyVecEnv([LineEnv]), 0.5)
    check_agent_gamma(LineEnv(), 0.5)
    with pytest.raises(ShapingError, match="`gamma` must lie"):
        check_agent_gamma(LineEnv(), 99)
