from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.envs.robot.small_robot import Workshop

from kibble.envs import CaptureFrames, FrameSource
from kibble.envs.robot.human_voice import CONFIRM, END, FAILURE, START, SUCCESS, TRUNCATED
from kibble.rewards.errors import ConfigError, FrameError, RobotError

pytest.importorskip("rosbags")
pytest.importorskip("yaml")


@pytest.fixture
def shop(tmp_path):
    made = Workshop(tmp_path)
    yield made
    made.env.close()


def test_spaces_are_those_of_the_file(shop):
    env = shop.env
    assert env.observation_space.shape == (3,)
    assert env.observation_space.low.tolist() == [-1.0, -1.0, -0.5]
    assert env.action_space.shape == (3,)
    assert env.observation_names == ("hand_x", "hand_y", "goal_x")
    assert env.proprioception_size == 2
    assert env.relative_entries.tolist() == [False, False, True]
    assert env.fine_scales.tolist()[2] == 0.02
    assert env.control_dt == 0.1
    assert env.metadata["render_fps"] == 10


def test_an_episode_ends_with_success_that_has_held(shop):
    obs, info = shop.env.reset(seed=1)
    assert obs.tolist() == pytest.approx([0.0, 0.0, 0.1])
    assert info["instruction"] == "bring the hand to the ball"
    flags = []
    for _ in range(8):
        obs, reward, terminated, truncated, info = shop.step(np.clip(obs[2] / 0.05, -1.0, 1.0))
        flags.append((reward, terminated, truncated))
        if terminated or truncated:
            break
    assert flags[-1] == (1.0, True, False)
    assert flags[:-1] == [(0.0, False, False)] * (len(flags) - 1)
    assert len(flags) >= 4  # two steps there, and the dwell of 0.2 s
    assert info["is_success"]
    assert info["outcome"] == "success"
    assert shop.robot.announced == [(START, 0), (END, SUCCESS)]
    assert shop.robot.velocity.tolist() == [0.0, 0.0]
    with pytest.raises(gymnasium.error.ResetNeeded, match="call reset"):
        shop.step()


def test_an_episode_that_is_over_by_time_is_truncated_and_the_robot_stands(shop):
    shop.env.reset()
    for number in range(20):
        _, _, terminated, truncated, info = shop.step(y=0.05)
        assert not terminated
        assert truncated == (number == 19)
    assert info["outcome"] == "truncated"
    assert shop.robot.announced[-1] == (END, TRUNCATED)
    assert shop.robot.twists[-1] == (0.0, 0.0)


def test_every_step_lasts_control_dt_and_the_schedule_does_not_drift(shop):
    shop.env.reset()
    begun = shop.time.now()
    for _ in range(10):
        shop.time.sleep(0.02)  # the policy thinks
        _, _, _, _, info = shop.step()
        assert not info["late"]
    assert shop.time.now() - begun == pytest.approx(1.0 + 0.02)  # the first is due when it comes
    assert shop.env.on_time == 1.0


def test_a_late_action_is_counted_acts_for_its_whole_time_and_nothing_is_made_up_for(shop):
    shop.env.reset()
    shop.step()
    shop.time.sleep(0.15)
    begun = shop.time.now()
    _, _, _, _, info = shop.step()
    assert info["late"]
    assert info["lateness"] == pytest.approx(0.15)
    assert shop.time.now() - begun == pytest.approx(0.1)
    begun = shop.time.now()
    shop.step()
    assert shop.time.now() - begun == pytest.approx(0.1)
    assert shop.env.on_time == pytest.approx(2 / 3)


def test_a_policy_that_does_not_come_back_is_held_by_the_watchdog(shop):
    shop.env.reset()
    shop.step(x=0.2)
    assert shop.robot.velocity[0] == pytest.approx(0.1)
    shop.time.sleep(0.17)
    assert shop.robot.velocity[0] == 0.0
    assert shop.env.holds == 1
    _, _, _, truncated, info = shop.step(x=0.2)
    assert not truncated
    assert info["late"]
    assert info["fault"] == ""


def test_the_emergency_stop_stands_at_once_and_ends_the_episode_and_is_waited_out(shop):
    shop.env.reset()
    shop.step(x=0.2)
    shop.time.at(0.03, lambda: shop.robot.press(True))
    _, reward, terminated, truncated, info = shop.step(x=0.2)
    assert (reward, terminated, truncated) == (0.0, False, True)
    assert info["fault"] == "true on /emergency_stop"
    place = shop.robot.place.copy()
    shop.time.sleep(0.5)
    assert shop.robot.place.tolist() == place.tolist()
    shop.time.at(1.0, lambda: shop.robot.press(False))
    begun = shop.time.now()
    shop.env.reset()
    assert shop.time.now() - begun >= 1.0
    shop.step(x=0.2)
    assert shop.robot.velocity[0] == pytest.approx(0.1)


def test_a_stop_that_was_released_within_the_step_still_ends_the_episode(shop):
    shop.env.reset()
    shop.time.at(0.03, lambda: shop.robot.press(True))
    shop.time.at(0.05, lambda: shop.robot.press(False))
    _, _, _, truncated, info = shop.step(x=0.2)
    assert truncated
    assert info["fault"]
    assert shop.robot.twists[-1] == (0.0, 0.0)


def test_a_stop_that_is_not_released_is_an_error_that_says_so(shop):
    shop.robot.press(True)
    with pytest.raises(RobotError, match=r"emergency stop must be released within 3 s"):
        shop.env.reset()


def test_a_stop_within_the_reset_begins_it_anew(shop):
    shop.time.at(0.02, lambda: shop.robot.press(True))
    shop.time.at(0.5, lambda: shop.robot.press(False))
    shop.env.reset()
    assert shop.robot.resets == 2


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("joints", "/joint_states does not say"),
        ("target", "/objects/target does not say"),
        ("front", "camera 'front' is silent on /camera/front/image_raw"),
        ("pose", "/hand_pose does not say pose.position.x"),
    ],
)
def test_what_falls_silent_holds_the_robot_ends_the_episode_and_is_named(shop, what, text):
    shop.env.reset()
    shop.step(x=0.1)
    shop.robot.silent.add(what)
    for _ in range(8):
        _, _, terminated, truncated, info = shop.step(x=0.1, y=0.1)
        if truncated:
            break
    assert truncated
    assert not terminated
    assert text in info["fault"]
    assert shop.robot.velocity.tolist() == [0.0, 0.0]
    assert shop.env.frames()["front"].shape == (1, 12, 16, 3)  # the last moment is still there
    with pytest.raises(RobotError, match="State, frames and instruction must come within 3 s"):
        shop.env.reset()
    shop.robot.silent.clear()
    shop.env.reset()
    _, _, _, _, info = shop.step()
    assert info["fault"] == ""


def test_what_never_came_is_named(tmp_path):
    shop = Workshop(tmp_path, ("position[hand_y]", "position[elbow]"))
    with pytest.raises(RobotError, match=r"/joint_states does not say position\[elbow\]"):
        shop.env.reset()
    shop.env.close()
    shop = Workshop(tmp_path, ("/camera/front/image_raw", "/camera/side/image_raw"))
    with pytest.raises(RobotError, match="nobody publishes /camera/side/image_raw"):
        shop.env.reset()
    shop.env.close()


def test_an_image_that_cannot_be_read_is_said_at_reset_and_within_an_episode(shop):
    shop.robot.encoding = "yuv9"
    with pytest.raises(RobotError, match="yuv9"):
        shop.env.reset()
    shop.robot.encoding = "rgb8"
    shop.env.reset()
    shop.step()
    last = shop.env.frames()["front"]
    shop.robot.encoding = "yuv9"
    shop.time.sleep(0.05)
    shop.step()
    assert np.array_equal(shop.env.frames()["front"], last)
    _, _, _, truncated, info = shop.step()
    assert truncated
    assert "yuv9" in info["fault"]


def test_a_camera_that_repeats_its_last_picture_is_silent(shop):
    shop.env.reset()
    shop.robot.silent.add("front")
    picture = {"height": 12, "width": 16, "encoding": "rgb8", "step": 48, "data": bytes(12 * 48)}
    old = {"header": {"stamp": {"sec": 1001}}} | picture
    shop.time.every(0.03, lambda: shop.robot.front.publish(old))
    for _ in range(9):
        _, _, _, truncated, info = shop.step()
        if truncated:
            break
    assert truncated
    assert "camera 'front' is silent" in info["fault"]


def test_frames_are_those_of_the_steps_end_however_late_they_are_asked_for(shop):
    env = CaptureFrames(shop.env)
    assert isinstance(shop.env, FrameSource)
    _, info = env.reset()
    assert info["frames"]["front"].shape == (1, 12, 16, 3)
    for _ in range(2):
        _, _, _, _, info = env.step(np.array([0.2, 0.0, 0.0], np.float32))
    shade = info["frames"]["front"][0, 0, 0, 0]
    shop.time.sleep(0.1)  # the robot goes on until the watchdog comes
    assert shop.robot.place[0] > 0.025
    assert shop.env.frames()["front"][0, 0, 0, 0] == shade
    with pytest.raises(FrameError, match=r"`view` must be one of \['front'\], got 'top'"):
        shop.env.frames(("top",))


def test_frames_are_resized_where_a_size_is_asked_for(tmp_path):
    shop = Workshop(tmp_path, image_size=(24, 32), render_mode="rgb_array")
    shop.env.reset()
    assert shop.env.frames()["front"].shape == (1, 24, 32, 3)
    assert shop.env.render().shape == (24, 32, 3)
    shop.env.close()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"views": ("top",)}, "`views` must be among \\['front'\\], .* got 'top'"),
        ({"image_size": (4, 4)}, "`image_size` must be"),
        ({"render_mode": "human"}, "`render_mode` must be"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(tmp_path, options, text):
    with pytest.raises(ConfigError, match=text):
        Workshop(tmp_path, **options)


def test_a_human_who_drives_is_recorded_and_what_was_done_is_what_is_learned_from(shop):
    shop.env.reset()
    _, _, _, _, info = shop.step(x=0.4)
    assert not info["intervention"]
    assert info["action"].tolist() == pytest.approx([0.4, 0.0, -1.0])
    shop.robot.drive(-0.1, 0.25)
    shop.time.sleep(0.02)
    shop.step(x=0.4)
    _, _, _, _, info = shop.step(x=0.4)
    assert info["intervention"]
    assert info["action"].tolist() == pytest.approx([-0.2, 0.0, -1.0])
    for _ in range(6):
        _, _, _, _, info = shop.step(x=0.1)
    assert not info["intervention"]
    assert info["action"].tolist() == pytest.approx([0.1, 0.0, -1.0])


def test_a_humans_gripper_is_recorded_too(shop):
    shop.env.reset()
    shop.step(closing=-1.0)
    assert shop.robot.gripper == pytest.approx(0.08)
    shop.robot.trigger.publish({"data": 0.02})
    _, _, _, _, info = shop.step(closing=-1.0)
    assert info["intervention"]
    assert info["action"][2] == pytest.approx(0.5)
    assert shop.robot.gripper == pytest.approx(0.02)


def test_a_human_says_success_or_failure_only_for_the_episode_that_is_running(shop):
    shop.robot.say(CONFIRM, SUCCESS)
    shop.time.sleep(0.1)
    shop.env.reset()
    assert shop.step()[2:4] == (False, False)
    shop.robot.say(CONFIRM, SUCCESS)
    _, reward, terminated, truncated, info = shop.step()
    assert (reward, terminated, truncated) == (1.0, True, False)
    shop.env.reset()
    shop.robot.say(CONFIRM, FAILURE)
    _, reward, terminated, truncated, info = shop.step()
    assert (reward, terminated, truncated) == (0.0, False, True)
    assert info["outcome"] == "failure"
    assert shop.robot.announced[-1] == (END, FAILURE)


@pytest.mark.parametrize("bad", [np.full(3, np.nan), np.zeros(2), np.zeros((1, 3))])
def test_an_action_that_is_none_holds_the_robot_and_is_refused(shop, bad):
    shop.env.reset()
    shop.step(x=0.2)
    with pytest.raises(ConfigError, match="`action` must be 3 finite numbers"):
        shop.env.step(bad)
    assert shop.robot.velocity.tolist() == [0.0, 0.0]


def test_closing_says_zero_once_and_nothing_after(shop):
    shop.env.reset()
    shop.step(x=0.2)
    shop.env.close()
    count = len(shop.robot.twists)
    assert shop.robot.twists[-1] == (0.0, 0.0)
    shop.robot.drive(0.3, 0.5)
    shop.robot.press(True)
    shop.env.close()
    shop.time.sleep(1.0)
    assert len(shop.robot.twists) == count
    assert not shop.transport.closed  # it was ours
    with pytest.raises(RobotError, match="held for good"):
        shop.env.reset()


def test_a_reset_within_an_episode_ends_that_first(shop):
    shop.env.reset()
    shop.step(x=0.2)
    shop.env.reset()
    assert shop.robot.announced == [(START, 0), (END, TRUNCATED), (START, 0)]
    with pytest.raises(ConfigError, match="`options` must be empty"):
        shop.env.reset(options={"goal": 1})


def test_gymnasiums_own_checks_pass(tmp_path):
    shop = Workshop(tmp_path, render_mode="rgb_array")
    check_env(shop.env, skip_render_check=True, skip_close_check=True)
    shop.env.close()


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moves=st.lists(
        st.tuples(
            st.floats(-3.0, 3.0), st.floats(-3.0, 3.0), st.sampled_from([0.0, 0.0, 0.06, 0.4])
        ),
        min_size=1,
        max_size=15,
    )
)
def test_no_policy_leaves_the_box_or_exceeds_the_speed(tmp_path, moves):
    shop = Workshop(tmp_path)
    shop.env.reset()
    for x, y, thought in moves:
        shop.time.sleep(thought)
        _, _, terminated, truncated, _ = shop.step(x, y)
        if terminated or truncated:
            shop.env.reset()
    shop.env.close()
    assert shop.robot.furthest <= 0.2 + 1e-9
    assert np.abs(shop.robot.twists).max() <= 0.5 + 1e-9
