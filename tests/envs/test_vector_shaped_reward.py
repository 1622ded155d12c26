"""Gymnasium's vector environments pay what one environment alone would be paid."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv
from tests.line_env import LineEnv
from tests.reward_models import CentroidModel, FlakyModel, SmoothedModel
from tests.shaped_rollouts import GAMMA, MEMBERS, SEED, STEPS, actions, alone, make_captured

from kibble.envs import VectorShapedReward
from kibble.rewards import Potential, ShapingMode, Status
from kibble.rewards.errors import FrameError, ShapingError

MODES = [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP, AutoresetMode.DISABLED]


def members(every: int = 1) -> list:
    return [partial(make_captured, every)] * MEMBERS


def rollout(env: VectorShapedReward, mode: AutoresetMode) -> dict[str, np.ndarray]:
    """Step the vector environment, resetting by mask where nothing else does."""
    rows = []
    env.reset(seed=SEED)
    for action in actions():
        _, reward, terminated, truncated, info = env.step(action)
        terms = info["reward_terms"]
        np.testing.assert_array_equal(terms["task"] + terms["shaping"], reward)
        assert "frames" not in info
        phi = info["phi"].copy()
        ended = terminated | truncated
        if mode is AutoresetMode.SAME_STEP and ended.any():
            final = info["final_info"]
            assert "frames" not in final
            np.testing.assert_array_equal(final["_phi"], ended)
            phi[ended] = final["phi"][ended]
            np.testing.assert_array_equal(
                final["reward_terms"]["shaping"][ended], terms["shaping"][ended]
            )
        if mode is AutoresetMode.DISABLED and ended.any():
            env.reset(options={"reset_mask": ended})
        rows.append((reward, phi, terminated, truncated))
    reward, phi, terminated, truncated = (np.stack(column) for column in zip(*rows, strict=True))
    return {"reward": reward, "phi": phi, "terminated": terminated, "truncated": truncated}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("every", [1, 4])
def test_every_autoreset_mode_pays_what_one_environment_alone_is_paid(mode, every):
    model = SmoothedModel()
    env = VectorShapedReward(
        SyncVectorEnv(members(every), autoreset_mode=mode), model, gamma=GAMMA
    )
    got, expected = rollout(env, mode), alone(mode, every=every)
    for name, values in expected.items():
        np.testing.assert_array_equal(got[name], values, err_msg=name)
    assert len(model.batches) <= STEPS  # one call per step for all members


@pytest.mark.parametrize("shaping", list(ShapingMode))
def test_every_shaping_mode_does(shaping):
    mode = AutoresetMode.SAME_STEP
    env = VectorShapedReward(
        SyncVectorEnv(members(3), autoreset_mode=mode), SmoothedModel(), gamma=GAMMA, mode=shaping
    )
    expected = alone(mode, every=3, shaping=shaping)
    np.testing.assert_array_equal(rollout(env, mode)["reward"], expected["reward"])


@pytest.mark.parametrize("mode", MODES)
def test_processes_pay_the_same(mode):
    vector = AsyncVectorEnv(members(4), context="forkserver", autoreset_mode=mode)
    env = VectorShapedReward(vector, SmoothedModel(), gamma=GAMMA)
    try:
        got = rollout(env, mode)
    finally:
        env.close()
    np.testing.assert_array_equal(got["reward"], alone(mode, every=4)["reward"])


@pytest.mark.parametrize("mode", MODES)
def test_all_members_are_read_in_one_call_per_step(mode):
    model = CentroidModel()
    env = VectorShapedReward(SyncVectorEnv(members(), autoreset_mode=mode), model, gamma=GAMMA)
    env.reset(seed=SEED)
    for t, action in enumerate(actions()[:2], start=1):
        env.step(action)
        assert len(model.batches) == t
    assert len(model.batches[0]["front"]) == MEMBERS


def test_the_step_that_resets_is_paid_nothing_and_explained_by_nothing():
    mode = AutoresetMode.NEXT_STEP
    env = VectorShapedReward(
        SyncVectorEnv(members(), autoreset_mode=mode), CentroidModel(), gamma=GAMMA
    )
    env.reset(seed=SEED)
    ended = np.zeros(MEMBERS, np.bool_)
    seen = False
    for action in actions():
        _, reward, terminated, truncated, info = env.step(action)
        np.testing.assert_array_equal(reward[ended], 0.0)
        np.testing.assert_array_equal(info["_reward_terms"], ~ended)
        np.testing.assert_array_equal(info["_model_status"], ~ended)
        assert info["_phi"].all()
        seen |= bool(ended.any())
        ended = terminated | truncated
    assert seen


@pytest.mark.parametrize("mode", MODES)
def test_failures_are_counted_over_all_members(mode):
    model = FlakyModel([Status.OK, Status.STALE])
    potential = Potential(model, slots=MEMBERS, max_failure_share=0.6)
    env = VectorShapedReward(SyncVectorEnv(members(), autoreset_mode=mode), potential, gamma=GAMMA)
    rollout(env, mode)
    read = sum(len(batch["front"]) for batch in model.batches)
    assert potential.failures[Status.STALE] == read // 2


def test_reset_opens_all_episodes_again():
    model = CentroidModel()
    env = VectorShapedReward(SyncVectorEnv(members()), model, gamma=GAMMA)
    for _ in range(2):
        _, info = env.reset(seed=SEED)
        np.testing.assert_array_equal(info["phi"], env.shaper.potential.phi)
        np.testing.assert_array_equal(info["model_progress"], info["phi"])
        assert "frames" not in info
        assert "_frames" not in info
    assert len(model.begun) == 2 * MEMBERS


def test_members_without_capture_are_refused_at_construction():
    vector: VectorEnv = SyncVectorEnv([LineEnv] * 2)
    with pytest.raises(FrameError, match="must be wrapped in `CaptureFrames`"):
        VectorShapedReward(vector, CentroidModel(), gamma=GAMMA)


def test_a_missing_view_is_an_error_at_construction():
    model = CentroidModel(views=("front", "wrist"), required_views=("front", "wrist"))
    with pytest.raises(FrameError, match="'centroid' requires the views"):
        VectorShapedReward(SyncVectorEnv(members()), model, gamma=GAMMA)


def test_gamma_is_checked_at_construction():
    with pytest.raises(ShapingError, match="`gamma` must lie"):
        VectorShapedReward(SyncVectorEnv(members()), CentroidModel(), gamma=1.5)
