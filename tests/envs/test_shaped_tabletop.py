"""The wrappers over the project's own tasks: two rendered views, single equals vector."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from tests.reward_models import CentroidModel

import kibble.envs
from kibble.envs import CaptureFrames, ShapedReward, VectorShapedReward

GAMMA, LIMIT, STEPS = 0.9, 6, 9


def make() -> gymnasium.Env:
    assert kibble.envs.register
    return gymnasium.make("kibble/Reach-v0", image_size=(32, 32), max_episode_steps=LIMIT)


def model() -> CentroidModel:
    both = ("front", "wrist")
    return CentroidModel(views=both, required_views=both, image_size=(32, 32))


def actions() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.uniform(-1.0, 1.0, (STEPS, 2, 4)).astype(np.float32)


def test_the_vector_form_pays_what_one_environment_alone_is_paid():
    env = VectorShapedReward(
        SyncVectorEnv(
            [lambda: CaptureFrames(make(), every=2)] * 2, autoreset_mode=AutoresetMode.SAME_STEP
        ),
        model(),
        gamma=GAMMA,
    )
    env.reset(seed=0)
    together = np.stack([env.step(action)[1] for action in actions()])  # (T, 2)
    env.close()
    for i in range(2):
        alone = ShapedReward(make(), model(), gamma=GAMMA, query_every=2)
        alone.reset(seed=i)
        for t, action in enumerate(actions()[:, i]):
            _, reward, terminated, truncated, _ = alone.step(action)
            assert reward == together[t, i]
            if terminated or truncated:
                alone.reset()
        alone.close()


def test_the_last_frame_is_the_twins():
    env, twin = ShapedReward(make(), model(), gamma=GAMMA, query_every=4), make()
    env.reset(seed=1)
    twin.reset(seed=1)
    for action in actions()[:LIMIT, 0]:
        *_, truncated, info = env.step(action)
        twin.step(action)
    assert truncated
    expected = model().read(twin.unwrapped.frames())[0]  # type: ignore[attr-defined]
    assert info["phi"] == pytest.approx(float(expected), abs=0)
    env.close()
    twin.close()


def test_the_instruction_is_the_environments():
    reader = model()
    env = ShapedReward(make(), reader, gamma=GAMMA, instruction="something else")
    _, info = env.reset(seed=1)
    assert reader.begun[0][0].instruction == info["instruction"]
    env.close()
