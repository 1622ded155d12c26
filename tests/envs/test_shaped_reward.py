"""The shaping invariants, on one real environment."""

from __future__ import annotations

import doctest

import gymnasium
import numpy as np
import pytest
from gymnasium.wrappers import TimeLimit
from tests.line_env import LineEnv, TwoViewEnv
from tests.reward_models import CentroidModel, FlakyModel, NanModel, SmoothedModel

import kibble.envs.shaped_reward
from kibble.envs import CaptureFrames, ShapedReward
from kibble.rewards import Potential, ShapingMode, Status, Task
from kibble.rewards.errors import FrameError, ModelError, ShapingError
from kibble.rewards.shaper import Shaper

GAMMA = 0.9
RIGHT, LEFT = np.int64(1), np.int64(0)


def episode(env: gymnasium.Env, actions: list[np.int64], seed: int = 0) -> list[dict]:
    """Run one episode and return what each step gave, the reset first."""
    obs, info = env.reset(seed=seed)
    rows = [{"obs": obs, "reward": None, "info": info}]
    for action in actions:
        obs, reward, terminated, truncated, info = env.step(action)
        rows.append({"obs": obs, "reward": reward, "truncated": truncated, "info": info})
        if terminated or truncated:
            break
    return rows


def test_doctest():
    assert doctest.testmod(kibble.envs.shaped_reward).failed == 0


@pytest.mark.parametrize("every", [1, 2, 4])
@pytest.mark.parametrize("gamma", [0.0, 0.9, 1.0])
def test_the_terms_telescope_over_a_truncated_episode(every, gamma):
    env = ShapedReward(LineEnv(limit=9), SmoothedModel(), gamma=gamma, query_every=every)
    rows = episode(env, [LEFT, RIGHT, LEFT, LEFT] * 3)
    assert rows[-1]["truncated"]
    discounted = sum(
        gamma**t * row["info"]["reward_terms"]["shaping"] for t, row in enumerate(rows[1:])
    )
    phi_0, phi_last = rows[0]["info"]["phi"], rows[-1]["info"]["phi"]
    assert discounted == pytest.approx(gamma ** (len(rows) - 1) * phi_last - phi_0, abs=1e-12)


def test_a_terminated_episode_pays_minus_its_first_potential():
    env = ShapedReward(LineEnv(limit=99), CentroidModel(), gamma=GAMMA, scale=2.0, shift=0.5)
    rows = episode(env, [RIGHT] * 20)
    assert not rows[-1]["truncated"]
    assert len(rows) < 20
    discounted = sum(
        GAMMA**t * row["info"]["reward_terms"]["shaping"] for t, row in enumerate(rows[1:])
    )
    assert discounted == pytest.approx(-rows[0]["info"]["phi"], abs=1e-12)
    last, before = rows[-1]["info"], rows[-2]["info"]
    assert last["reward_terms"] == {"task": 1.0, "shaping": -before["phi"]}


def test_a_shift_of_minus_one_does_not_charge_for_success():
    env = ShapedReward(LineEnv(limit=99), CentroidModel(), gamma=GAMMA, shift=-1.0)
    rows = episode(env, [RIGHT] * 20)
    assert rows[-1]["info"]["reward_terms"]["shaping"] >= 0.0


@pytest.mark.parametrize("limit", [4, 5, 6])
def test_a_truncation_is_scored_on_the_true_last_frame(limit):
    """Compared with what a twin, stepped alike, renders at that moment; also off the due steps."""
    env = ShapedReward(LineEnv(limit=limit), CentroidModel(), gamma=GAMMA, query_every=4)
    twin = LineEnv(limit=limit)
    twin.reset(seed=3)
    rows = episode(env, [LEFT] * limit, seed=3)
    for _ in range(limit):
        *_, truncated, _ = twin.step(LEFT)
    assert truncated
    expected = CentroidModel().read({"front": twin.render()[None]})[0]
    assert rows[-1]["info"]["phi"] == expected
    assert rows[-1]["info"]["model_status"] == Status.OK
    held = rows[-2]["info"]["phi"]
    assert rows[-1]["info"]["reward_terms"]["shaping"] == GAMMA * float(expected) - held


def test_between_queries_the_potential_is_held():
    model = CentroidModel()
    env = ShapedReward(LineEnv(limit=9), model, gamma=GAMMA, query_every=3)
    rows = episode(env, [LEFT, RIGHT, RIGHT] * 3)
    phis = [row["info"]["phi"] for row in rows]
    assert phis[1] == phis[0]
    assert phis[2] == phis[0]
    assert phis[3] != phis[0]
    assert rows[1]["info"]["reward_terms"]["shaping"] == pytest.approx((GAMMA - 1) * phis[0])
    assert len(model.batches) == 3
    assert np.isnan(rows[1]["info"]["model_success"])
    assert rows[3]["info"]["model_success"] == 0.0


@pytest.mark.parametrize("every", [1, 2, 5])
def test_each_frame_is_read_once_and_rendered_only_when_read(every):
    model, inner = CentroidModel(), LineEnv(limit=9)
    env = ShapedReward(inner, model, gamma=GAMMA, query_every=every)
    for seed in range(3):
        episode(env, [LEFT] * 9, seed=seed)
    assert len(model.begun) == 3
    assert inner.renders == len(model.begun) + len(model.batches)


@pytest.mark.parametrize("mode", list(ShapingMode))
@pytest.mark.parametrize("every", [1, 3])
def test_the_terms_sum_to_the_reward_and_the_primary_reward_is_untouched(mode, every):
    env = ShapedReward(LineEnv(), SmoothedModel(), gamma=GAMMA, query_every=every, mode=mode)
    plain = LineEnv()
    for seed in range(5):
        rows = episode(env, [RIGHT] * 9, seed=seed)
        primary = episode(plain, [RIGHT] * 9, seed=seed)
        for row, expected in zip(rows[1:], primary[1:], strict=True):
            terms = row["info"]["reward_terms"]
            assert row["reward"] == terms["task"] + terms["shaping"]
            assert terms["task"] == expected["reward"]
            assert isinstance(row["reward"], float)


def test_absolute_pays_on_queried_steps_only_and_held_absolute_on_all():
    def paid(mode: str) -> list[float]:
        env = ShapedReward(
            LineEnv(limit=6), CentroidModel(), gamma=GAMMA, query_every=3, mode=mode
        )
        rows = episode(env, [LEFT] * 6)
        return [row["info"]["reward_terms"]["shaping"] for row in rows[1:]]

    assert [value > 0 for value in paid("absolute")] == [False, False, True, False, False, True]
    assert all(value > 0 for value in paid("held_absolute"))


@pytest.mark.parametrize("oracle", [0.0, 1.0, float("nan"), -1e9])
def test_no_oracle_reaches_a_reward_or_an_observation(oracle):
    """Whatever the simulator says of progress and success, the agent gets the same."""
    actions = [RIGHT, LEFT, RIGHT, RIGHT] * 3
    honest = ShapedReward(LineEnv(), CentroidModel(), gamma=GAMMA)
    lying = ShapedReward(LineEnv(oracle=oracle), CentroidModel(), gamma=GAMMA)
    first, second = episode(honest, actions), episode(lying, actions)
    assert [row["reward"] for row in first] == [row["reward"] for row in second]
    np.testing.assert_array_equal([row["obs"] for row in first], [row["obs"] for row in second])
    assert first[1]["info"]["progress"] != second[1]["info"]["progress"]


def test_frames_do_not_leak_into_info():
    env = ShapedReward(LineEnv(), CentroidModel(), gamma=GAMMA)
    assert all("frames" not in row["info"] for row in episode(env, [LEFT] * 9))


@pytest.mark.parametrize("every", [1, 2])
def test_failed_readings_hold_the_potential(every):
    model = FlakyModel([Status.OK, Status.TIMEOUT])
    env = ShapedReward(
        LineEnv(), Potential(model, max_failure_share=0.5), gamma=GAMMA, query_every=every
    )
    rows = episode(env, [LEFT] * 9)
    failed = [row["info"] for row in rows[1:] if row["info"]["model_status"] == Status.TIMEOUT]
    assert failed
    steps = [row["info"]["phi"] for row in rows]
    assert steps[2 * every] == steps[every]


def test_a_nan_from_the_model_holds_the_potential_and_repeated_ones_stop_the_run():
    env = ShapedReward(LineEnv(), Potential(NanModel(), window=5), gamma=GAMMA)
    _, info = env.reset(seed=0)
    assert env.step(1)[4]["phi"] == info["phi"]
    with pytest.raises(ModelError, match=r"'centroid' failed 2 of its last 2 .*MODEL_ERROR"):
        env.step(LEFT)


def test_a_nan_from_the_environment_is_named():
    class Broken(LineEnv):
        def step(self, action):
            obs, _, terminated, truncated, info = super().step(action)
            return obs, float("nan"), terminated, truncated, info

    env = ShapedReward(Broken(), CentroidModel(), gamma=GAMMA)
    env.reset(seed=0)
    with pytest.raises(ShapingError, match="The term `task` must be finite, got nan"):
        env.step(LEFT)


def test_the_environments_instruction_comes_first_then_the_argument():
    model = CentroidModel()
    ShapedReward(LineEnv(), model, gamma=GAMMA, instruction="other").reset(seed=0)
    mute = LineEnv(instruction=None)
    ShapedReward(mute, model, gamma=GAMMA, instruction="go right").reset(seed=0)
    assert [task.instruction for task, _ in model.begun] == [
        "move the dot to the right",
        "go right",
    ]
    with pytest.raises(ShapingError, match=r"`instruction` is required.*no info\['instruction'\]"):
        ShapedReward(mute, model, gamma=GAMMA).reset(seed=0)


def test_goal_frames_come_with_the_task_or_with_the_reset():
    goal = {"front": np.full((1, 8, 32, 3), 7, np.uint8)}
    model = CentroidModel(needs_goal=True)
    task = Task(instruction="unused", goal_frames=goal)
    ShapedReward(LineEnv(), model, gamma=GAMMA, instruction=task).reset(seed=0)
    assert model.begun[0][0].goal_frames is goal
    assert model.begun[0][0].instruction == "move the dot to the right"

    class WithGoal(LineEnv):
        def reset(self, **arguments):
            obs, info = super().reset(**arguments)
            return obs, info | {"goal_frames": goal}

    ShapedReward(WithGoal(), model, gamma=GAMMA).reset(seed=0)
    assert model.begun[1][0].goal_frames is goal
    with pytest.raises(ModelError, match="needs `goal_frames`"):
        ShapedReward(LineEnv(), model, gamma=GAMMA).reset(seed=0)


def test_gamma_is_mandatory_and_checked_at_construction():
    with pytest.raises(TypeError, match="gamma"):
        ShapedReward(LineEnv(), CentroidModel())  # type: ignore[call-arg]
    with pytest.raises(ShapingError, match=r"`gamma` must lie in \[0, 1\], got 99"):
        ShapedReward(LineEnv(), CentroidModel(), gamma=99)


def test_a_missing_view_is_an_error_at_construction():
    model = CentroidModel(views=("front", "wrist"), required_views=("front", "wrist"))
    with pytest.raises(FrameError, match="'centroid' requires the views"):
        ShapedReward(LineEnv(), model, gamma=GAMMA)
    ShapedReward(TwoViewEnv(), model, gamma=GAMMA).reset(seed=0)
    assert set(model.begun[0][1]) == {"front", "wrist"}


def test_a_potential_brings_its_own_scale_and_slots():
    with pytest.raises(ShapingError, match="`scale` and `shift` belong to the potential"):
        ShapedReward(LineEnv(), Potential(CentroidModel()), gamma=GAMMA, scale=2.0)
    with pytest.raises(ShapingError, match="one slot per environment, 1, got 2"):
        ShapedReward(LineEnv(), Potential(CentroidModel(), slots=2), gamma=GAMMA)


def test_a_weight_that_is_annealed_multiplies_the_potential():
    env = ShapedReward(LineEnv(limit=8), CentroidModel(), gamma=GAMMA)
    _, info = env.reset(seed=0)
    phi_0, weights, total = info["phi"], [1.0], 0.0
    for t in range(8):
        env.shaper.weight = 1.0 - t / 10
        weights.append(env.shaper.weight)
        *_, info = env.step(LEFT)
        total += GAMMA**t * info["reward_terms"]["shaping"]
    assert total == pytest.approx(GAMMA**8 * weights[-1] * info["phi"] - phi_0, abs=1e-12)


def test_a_time_limit_outside_the_capture_is_refused_rather_than_scored_on_an_old_frame():
    inner = CaptureFrames(LineEnv(limit=99), every=4)
    shaper = Shaper(CentroidModel(), slots=1, gamma=GAMMA)
    env = TimeLimit(inner, 2)
    _, info = env.reset(seed=0)
    shaper.begin({0: (Task(instruction="x"), info["frames"])})
    with pytest.raises(FrameError, match=r"got none from environments \[0\].*outermost"):
        shaper.step(np.zeros(1), np.array([False]), np.array([True]), {})


def test_a_classic_control_task_of_another_project():
    env = ShapedReward(
        gymnasium.make("CartPole-v1", render_mode="rgb_array", max_episode_steps=10),
        CentroidModel(image_size=(40, 60)),
        gamma=0.99,
        instruction="balance the pole upright",
    )
    rows = episode(env, [RIGHT, LEFT] * 5)
    assert rows[-1]["truncated"]
    assert all(row["info"]["reward_terms"]["task"] == 1.0 for row in rows[1:])
    env.close()
