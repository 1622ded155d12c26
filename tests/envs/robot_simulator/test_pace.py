"""A fixed rate, and commands that grow old, by a time of the test's own."""

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from kibble.envs.robot_simulator.commands import Commands
from kibble.envs.robot_simulator.pace import Pace
from kibble.envs.robot_simulator.scaled_clock import ScaledClock


def twist(x, y=0.0, z=0.0, frame="base"):
    linear = SimpleNamespace(x=x, y=y, z=z)
    return SimpleNamespace(
        header=SimpleNamespace(frame_id=frame), twist=SimpleNamespace(linear=linear)
    )


def word(value):
    return SimpleNamespace(data=value)


class Hands:
    """Commands under a time that the test sets."""

    def __init__(self):
        self.time = 100.0
        self.commands = Commands(timeout=0.3, now=lambda: self.time)

    @property
    def told(self):
        return self.commands.told


@pytest.fixture
def hands():
    return Hands()


def test_ticks_that_have_passed_are_skipped_and_counted():
    pace = Pace(1000.0, stopped=threading.Event())
    assert pace.wait()
    time.sleep(0.02)  # twenty periods
    assert pace.wait()
    missed = pace.punctuality
    assert missed.ticks == 2
    assert missed.skipped >= 18
    assert missed.p99 >= missed.median >= 0.0


def test_a_stop_ends_a_wait_at_once():
    stopped = threading.Event()
    pace = Pace(0.01, stopped=stopped)
    assert pace.wait()  # the first tick is now
    stopped.set()
    assert not pace.wait()
    assert pace.punctuality.ticks == 1


def test_nothing_was_late_before_the_first_tick():
    assert Pace(10.0, stopped=threading.Event()).punctuality.p99 == 0.0


def test_a_clock_of_another_speed_begins_now_and_keeps_its_speed():
    clock, began = ScaledClock(20.0), time.monotonic_ns()
    first = clock.now()
    assert abs(first - time.time_ns()) < 60e9
    time.sleep(0.02)
    passed = time.monotonic_ns() - began
    assert clock.now() - first <= 20 * passed + 60e6
    assert clock.now() - first >= 0.4e9


def test_a_velocity_holds_for_a_time_and_a_new_one_begins_it_anew(hands):
    np.testing.assert_array_equal(hands.told.velocity, np.zeros(3))
    hands.commands.take_twist(twist(0.1, 0.2, 0.3))
    hands.time += 0.29
    np.testing.assert_array_equal(hands.told.velocity, [0.1, 0.2, 0.3])
    hands.commands.take_twist(twist(0.4))
    hands.time += 0.29
    np.testing.assert_array_equal(hands.told.velocity, [0.4, 0.0, 0.0])
    hands.time += 0.02
    np.testing.assert_array_equal(hands.told.velocity, np.zeros(3))
    assert hands.commands.received == 2


def test_a_stop_outlasts_commands_and_forgets_them(hands):
    hands.commands.take_twist(twist(0.1))
    hands.commands.take_gripper(word(1.0))
    hands.commands.take_stop(word(True))
    hands.commands.take_twist(twist(0.2))
    assert hands.told.stopped
    assert hands.told.closing is None
    np.testing.assert_array_equal(hands.told.velocity, np.zeros(3))
    hands.commands.clear()
    assert hands.told.stopped
    hands.commands.take_stop(word(False))
    assert not hands.told.stopped
    np.testing.assert_array_equal(hands.told.velocity, np.zeros(3))


def test_fingers_hold_what_was_said_last(hands):
    hands.commands.take_gripper(word(-0.5))
    hands.time += 60.0
    assert hands.told.closing == -0.5
    hands.commands.take_gripper(word(float("nan")))
    assert hands.told.closing == -0.5
    assert "gripper must be finite" in hands.commands.refusal


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (twist(0.1, frame="camera"), "frame 'base' or '', got 'camera'"),
        (twist(float("inf")), "must be finite"),
    ],
)
def test_a_command_that_cannot_be_followed_stops_the_hand(hands, message, reason):
    hands.commands.take_twist(twist(0.3))
    hands.commands.take_twist(message)
    np.testing.assert_array_equal(hands.told.velocity, np.zeros(3))
    assert reason in hands.commands.refusal
