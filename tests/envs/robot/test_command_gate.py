from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kibble.envs.robot.command_gate import CommandGate
from kibble.envs.robot.motion_limits import CHECK_PERIOD, MotionLimits
from kibble.rewards.errors import ConfigError


class _Bench:
    """A gate with one axis between -1 and 1, the time, and what was published."""

    def __init__(self, **limits):
        self.time = 100.0
        self.sent: list[float] = []
        self.gripped: list[float] = []
        self.lost = self.halts = ""
        numbers = {"speed": 0.5, "acceleration": np.inf, "low": -1.0, "high": 1.0}
        numbers |= {name: limits.pop(name) for name in tuple(limits) if name in numbers}
        arrays = {name: np.array([value]) for name, value in numbers.items()}
        self.gate = CommandGate(
            MotionLimits(**arrays, **({"watchdog": 0.25, "staleness": 0.3, "lag": 0.1} | limits)),
            send=lambda velocity: self.sent.append(float(velocity[0])),
            send_closing=self.gripped.append,
            now=lambda: self.time,
            halts=lambda now: self.halts,
            lost=lambda now: self.lost,
        )

    def ready(self, place=0.0):
        self.gate.place(np.array([place]))
        assert self.gate.allow()
        return self

    def ask(self, velocity):
        self.gate.ask(np.array([velocity]))

    def drive(self, velocity):
        self.gate.drive(np.array([velocity]))

    def wait(self, seconds, place: float | None = 0.0):
        for _ in range(round(seconds / CHECK_PERIOD)):
            self.time += CHECK_PERIOD
            if place is not None:
                self.gate.place(np.array([place]))
            self.gate.check()


def test_a_command_is_published_within_the_limits():
    bench = _Bench().ready()
    bench.ask(0.2)
    bench.ask(3.0)
    assert bench.sent == [0.2, 0.5]


def test_the_same_command_is_published_again_when_it_is_asked_for_again_and_not_otherwise():
    bench = _Bench().ready()
    bench.ask(0.2)
    bench.wait(0.1)
    assert bench.sent == [0.2]
    bench.ask(0.2)
    assert bench.sent == [0.2, 0.2]


def test_nothing_moves_before_it_is_allowed_nor_by_a_command_of_before():
    bench = _Bench()
    bench.gate.place(np.zeros(1))
    bench.ask(0.2)
    bench.gate.allow()
    bench.gate.check()
    assert [v for v in bench.sent if v] == []


def test_a_late_policy_is_held_once_and_said_and_goes_on_with_its_next_command(caplog):
    bench = _Bench().ready()
    bench.ask(0.2)
    bench.wait(0.24)
    assert bench.sent == [0.2]
    bench.wait(0.2)
    assert bench.sent == [0.2, 0.0]
    assert bench.gate.holds == 1
    assert bench.gate.why == "no command came for 0.25 s"
    assert [r.getMessage() for r in caplog.records] == [
        "The robot is held: no command came for 0.25 s."
    ]
    bench.ask(0.1)
    assert bench.sent == [0.2, 0.0, 0.1]
    assert bench.gate.why == ""


def test_without_a_fresh_place_the_robot_is_held():
    bench = _Bench(watchdog=5.0)
    assert bench.gate.allow()
    bench.ask(0.2)
    assert [v for v in bench.sent if v] == []
    assert bench.gate.why == "where it is has not been said yet"
    bench.gate.place(np.zeros(1))
    bench.ask(0.2)
    bench.wait(0.28, place=None)
    assert bench.gate.velocity[0] == 0.2
    bench.wait(0.06, place=None)
    assert bench.sent[-1] == 0.0
    assert bench.gate.why == "where it is has not been said for 0.3 s"


def test_a_place_that_is_no_number_is_none():
    bench = _Bench(watchdog=5.0).ready()
    bench.ask(0.2)
    bench.wait(0.4, place=float("nan"))
    assert bench.sent == [0.2, 0.0]


def test_an_axis_without_a_bound_needs_no_place():
    bench = _Bench(low=-np.inf, high=np.inf)
    assert bench.gate.allow()
    bench.ask(0.2)
    assert bench.sent == [0.2]


def test_the_emergency_stop_holds_at_once_and_until_it_is_released_and_allowed_again():
    bench = _Bench().ready()
    bench.ask(0.2)
    bench.gate.stop("the button")
    assert bench.sent == [0.2, 0.0]
    bench.ask(0.3)
    bench.drive(0.3)
    assert not bench.gate.allow()
    bench.gate.release("the button")
    assert bench.gate.stopped == "the button"
    bench.ask(0.3)
    bench.wait(0.1)
    assert bench.sent == [0.2, 0.0]
    assert bench.gate.allow()
    assert bench.gate.stopped == ""
    bench.ask(0.3)
    assert bench.sent == [0.2, 0.0, 0.3]


def test_each_button_has_to_be_released():
    bench = _Bench().ready()
    bench.gate.stop("one button")
    bench.gate.stop("the other")
    bench.gate.release("the other")
    assert bench.gate.pressed
    assert not bench.gate.allow()
    bench.gate.release("one button")
    assert bench.gate.allow()


def test_the_emergency_stop_says_zero_even_to_a_robot_that_should_stand():
    bench = _Bench().ready()
    bench.gate.stop("the button")
    assert bench.sent == [0.0]


def test_a_lost_state_holds_policies_but_not_the_human_and_a_halt_holds_both():
    bench = _Bench().ready()
    bench.ask(0.2)
    bench.lost = "the cube is not seen"
    bench.gate.check()
    assert bench.sent == [0.2, 0.0]
    bench.drive(0.1)
    assert bench.sent[-1] == 0.1
    bench.gate.allow(blind=True)
    bench.wait(0.4)
    bench.ask(0.3)
    assert bench.sent[-1] == 0.3
    bench.halts = "the heart stands still"
    bench.gate.check()
    assert bench.sent[-1] == 0.0


def test_a_human_goes_first_for_as_long_as_messages_come():
    bench = _Bench().ready()
    bench.ask(0.2)
    bench.drive(-0.1)
    bench.ask(0.4)
    assert bench.gate.velocity[0] == -0.1
    begun = bench.time
    bench.wait(0.2)
    bench.ask(0.3)
    bench.wait(0.2)
    assert bench.gate.velocity[0] == pytest.approx(0.3)
    assert bench.gate.driven(begun)
    assert not bench.gate.driven(begun + 0.31)


def test_a_human_may_move_the_robot_between_episodes_within_the_limits():
    bench = _Bench().ready()
    bench.gate.hold()
    bench.drive(2.0)
    assert bench.sent == [0.5]
    bench.wait(0.32)
    assert bench.sent == [0.5, 0.0]


def test_hold_is_at_once_and_publishes_once():
    bench = _Bench().ready()
    bench.ask(0.2)
    bench.gate.hold()
    bench.gate.hold()
    bench.wait(0.5)
    assert bench.sent == [0.2, 0.0]
    assert bench.gate.holds == 0


def test_after_close_nothing_is_published_but_one_zero():
    bench = _Bench().ready()
    bench.ask(0.2)
    bench.gate.close()
    bench.gate.close()
    bench.ask(0.2)
    bench.drive(0.2)
    bench.gate.stop("the button")
    bench.gate.hold()
    bench.wait(0.5)
    assert not bench.gate.allow()
    assert bench.sent == [0.2, 0.0]
    bench.gate.grip(1.0, human=True)
    assert bench.gripped == []


@pytest.mark.parametrize("bad", [np.array([np.nan]), np.array([np.inf]), np.zeros(2)])
def test_a_velocity_that_is_none_holds_the_robot_and_is_refused(bad):
    bench = _Bench().ready()
    bench.ask(0.2)
    with pytest.raises(ConfigError, match="1 finite numbers"):
        bench.gate.ask(bad)
    assert bench.sent == [0.2, 0.0]


def test_a_human_whose_command_is_none_stands_still_and_the_policy_goes_on_later():
    bench = _Bench().ready()
    bench.drive(0.2)
    with pytest.raises(ConfigError, match="1 finite numbers"):
        bench.drive(np.nan)
    assert bench.sent == [0.2, 0.0]
    bench.wait(0.32)
    bench.ask(0.1)
    assert bench.sent[-1] == 0.1


def test_the_speed_grows_as_the_acceleration_allows_and_falls_at_once():
    bench = _Bench(acceleration=0.5, watchdog=5.0).ready()
    bench.ask(0.5)
    bench.wait(0.5)
    assert 0.2 <= bench.gate.velocity[0] <= 0.3
    assert max(np.diff(bench.sent)) <= 0.5 * 3 * CHECK_PERIOD + 1e-9
    bench.gate.hold()
    assert bench.sent[-1] == 0.0


def test_a_gripper_moves_for_whom_the_hand_would():
    bench = _Bench()
    bench.gate.grip(0.5)
    assert bench.gripped == []
    bench.ready()
    bench.gate.grip(0.5)
    bench.gate.grip(-7.0)
    assert bench.gripped == [0.5, -1.0]
    begun = bench.time
    bench.gate.grip(1.0, human=True)
    bench.gate.grip(-1.0)
    assert bench.gripped == [0.5, -1.0, 1.0]
    assert bench.gate.closing == 1.0
    assert bench.gate.driven(begun)
    bench.wait(0.32)
    bench.gate.grip(0.2)
    assert bench.gripped[-1] == 0.2
    bench.gate.stop("the button")
    bench.gate.grip(1.0, human=True)
    bench.gate.grip(1.0)
    assert bench.gripped[-1] == 0.2
    with pytest.raises(ConfigError, match="`closing` must be finite"):
        bench.gate.grip(float("nan"))


def test_no_command_overtakes_the_stop_from_another_thread():
    bench = _Bench(low=-np.inf, high=np.inf).ready()
    begin = threading.Barrier(3)

    def ask():
        begin.wait()
        for _ in range(300):
            bench.ask(0.2)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    begin.wait()
    bench.gate.stop("the button")
    place = len(bench.sent)
    assert bench.sent[place - 1] == 0.0
    for thread in threads:
        thread.join()
    assert bench.sent[place:] == []


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("speed", 0.0, "`speed` must be greater than 0"),
        ("speed", np.inf, "`speed` must be finite"),
        ("acceleration", np.nan, "`acceleration` must be greater than 0"),
        ("low", 2.0, "`low` must lie below `high`"),
        ("watchdog", 0.0, r"`watchdog` must lie in \(0, 60\] s, got 0.0"),
        ("lag", -0.1, r"`lag` must lie in \[0, 10\] s"),
    ],
)
def test_limits_that_are_none_are_refused(name, value, text):
    with pytest.raises(ConfigError, match=text):
        _Bench(**{name: value})


class _Robot:
    """Follows commands late and in part, and says where it is late and at times."""

    def __init__(self, *, delay, share, place):
        self.delay, self.share, self.place = delay, share, place
        self.commands: list[tuple[float, float]] = []
        self.places: list[tuple[float, float]] = []

    def move(self, now, seconds):
        """Go on; the command in force is the newest that is old enough."""
        speed = 0.0
        for begun, velocity in self.commands:
            if begun <= now - self.delay + 1e-9:
                speed = velocity
        self.place += self.share * speed * seconds
        self.places.append((now + seconds, self.place))

    def seen(self, now, late):
        """Return where it was so long ago."""
        return next(
            (place for when, place in reversed(self.places) if when <= now - late + 1e-9),
            self.places[0][1],
        )


@settings(max_examples=150)
@given(data=st.data())
def test_no_sequence_of_actions_leaves_the_box_or_exceeds_the_speed(data):
    """Any robot that is late by no more than `lag`, whatever is asked for, by whomever."""
    fine = 0.01
    delay = data.draw(st.integers(0, 5), "delay") * fine
    late = data.draw(st.integers(0, 5), "late") * fine
    share = data.draw(st.floats(0.0, 1.0), "share")
    every = data.draw(st.integers(1, 8), "place every")
    watch = data.draw(st.integers(1, 6), "watchdog every")  # up to the horizon
    acceleration = data.draw(st.sampled_from([np.inf, 2.0]), "acceleration")
    bench = _Bench(low=-0.1, high=0.1, lag=delay + late + fine, acceleration=acceleration)
    robot = _Robot(delay=delay, share=share, place=data.draw(st.floats(-0.1, 0.1), "place"))
    robot.places.append((bench.time, robot.place))
    bench.ready(robot.place)
    asked = data.draw(
        st.lists(
            st.tuples(
                st.sampled_from(["ask", "ask", "ask", "drive", "stop", "wait"]),
                st.sampled_from([-9.0, -0.5, -0.2, 0.0, 0.3, 0.5, 9.0]),
                st.integers(1, 30),
            ),
            min_size=1,
            max_size=25,
        )
    )
    tick = 0
    for who, velocity, ticks in asked:
        if who == "stop":
            bench.gate.stop("the button")
            bench.gate.release("the button")
            bench.gate.allow()
        elif who != "wait":
            getattr(bench, who)(velocity)
        for _ in range(ticks):
            for value in bench.sent:
                assert abs(value) <= 0.5
                robot.commands.append((bench.time, value))
            bench.sent.clear()
            robot.move(bench.time, fine)
            bench.time += fine
            tick += 1
            if tick % every == 0:
                bench.gate.place(np.array([robot.seen(bench.time, late)]))
            if tick % watch == 0:
                bench.gate.check()
            assert -0.1 - 1e-9 <= robot.place <= 0.1 + 1e-9
