"""The emergency stop, the human, and the values of topics: who is heard and who is not."""

from __future__ import annotations

import numpy as np
import pytest
from tests.envs.robot.fake_time import FakeTime
from tests.memory_transport import MemoryGraph

from kibble.envs.robot.description import StopDescription
from kibble.envs.robot.emergency_stop import EmergencyStop
from kibble.envs.robot.human_voice import CONFIRM, FAILURE, READY, SUCCESS, HumanVoice
from kibble.envs.robot.topic_values import TopicValues
from kibble.rewards.ros.clock import stamp_fields
from kibble.rewards.ros.qos import LATCHED, SENSOR, STATE

pytest.importorskip("rosbags")

BOOL, JOINTS = "std_msgs/msg/Bool", "sensor_msgs/msg/JointState"


def _stop(graph, time, *, heartbeat=0.0):
    heard = []
    stop = EmergencyStop(
        graph.open("kibble"),
        StopDescription(topic="/stop", heartbeat=heartbeat),
        press=heard.append,
        release=lambda name: heard.append(f"not {name}"),
        now=time.now,
    )
    return stop, heard


def test_a_stop_that_was_pressed_before_we_came_is_heard():
    graph = MemoryGraph()
    graph.open("button").advertise("/stop", BOOL, qos=LATCHED).publish({"data": True})
    _, heard = _stop(graph, FakeTime())
    assert set(heard) == {"true on /stop"}


@pytest.mark.parametrize("qos", [STATE, LATCHED])
def test_a_stop_is_heard_from_those_who_keep_their_word_and_those_who_do_not(qos):
    graph = MemoryGraph()
    stop, heard = _stop(graph, FakeTime())
    button = graph.open("button").advertise("/stop", BOOL, qos=qos)
    button.publish({"data": True})
    button.publish({"data": False})
    assert set(heard) == {"true on /stop", "not true on /stop"}
    assert heard[-1] == "not true on /stop"
    stop.close()
    count = len(heard)
    button.publish({"data": True})
    assert len(heard) == count


def test_a_button_that_could_not_be_heard_is_said():
    graph = MemoryGraph()
    stop, _ = _stop(graph, FakeTime())
    assert stop.unheard == ""
    graph.open("button").advertise("/stop", BOOL, qos=SENSOR)
    assert "quality of service" in stop.unheard


def test_a_heartbeat_has_to_go_on():
    graph, time = MemoryGraph(), FakeTime()
    stop, _ = _stop(graph, time, heartbeat=0.5)
    button = graph.open("button").advertise("/stop", BOOL, qos=STATE)
    assert stop.silence(time.now()) == "/stop has been silent for 0.5 s"
    button.publish({"data": False})
    assert stop.silence(time.now()) == ""
    time.sleep(0.6)
    assert stop.silence(time.now())


def test_a_word_that_arrives_twice_was_said_once():
    graph, time = MemoryGraph(), FakeTime()
    human = HumanVoice(graph.open("kibble"), "/human", now=time.now)
    speak = graph.open("h").advertise("/human", "kibble_msgs/msg/EpisodeCommand", qos=STATE)
    said = {"stamp": stamp_fields(9), "command": CONFIRM, "outcome": SUCCESS}
    begun = time.now()
    speak.publish(said)
    assert human.verdict(begun) == "success"
    time.sleep(1.0)
    begun = time.now()
    speak.publish(said)
    assert human.verdict(begun) == ""
    speak.publish({"stamp": stamp_fields(10), "command": CONFIRM, "outcome": FAILURE})
    assert human.verdict(begun) == "failure"
    assert not human.ready(begun)
    speak.publish({"stamp": stamp_fields(11), "command": READY})
    assert human.ready(begun)
    speak.publish({"stamp": stamp_fields(12), "command": CONFIRM})  # undecided is no verdict
    assert human.verdict(begun) == "failure"


def _values(graph, time, *paths, changed=lambda values: None):
    return TopicValues(
        graph.open("kibble"), "/joints", type_name=JOINTS, paths=paths, now=time.now,
        changed=changed,
    )  # fmt: skip


def test_drivers_share_a_topic_and_each_value_has_its_own_age():
    graph, time, seen = MemoryGraph(), FakeTime(), []
    values = _values(graph, time, "position[a]", "position[b]", changed=seen.append)
    arm = graph.open("arm").advertise("/joints", JOINTS, qos=STATE)
    begun = time.now()
    arm.publish({"name": ["a"], "position": [0.25]})
    time.sleep(1.0)
    assert values.silence(begun) == "/joints does not say position[b]"
    arm.publish({"name": ["c", "b"], "position": [7.0, 0.5]})
    read, times = values.read()
    assert read.tolist() == [0.25, 0.5]
    assert times[1] - times[0] == pytest.approx(1.0)
    assert values.silence(begun) == ""
    assert values.silence(begun + 0.5) == "/joints does not say position[a]"
    assert np.isnan(seen[0][1])


def test_what_is_no_number_or_was_overtaken_is_no_news():
    graph, time = MemoryGraph(), FakeTime()
    values = _values(graph, time, "position[a]")
    arm = graph.open("arm").advertise("/joints", JOINTS, qos=STATE)

    def say(value: float, stamp: int) -> None:
        header = {"stamp": stamp_fields(stamp)}
        arm.publish({"header": header, "name": ["a"], "position": [value]})

    say(0.25, 10_000_000_000)
    say(float("nan"), 10_100_000_000)
    say(0.75, 10_050_000_000)
    say(0.75, 10_100_000_000)
    assert values.read()[0].tolist() == [0.25]
    say(0.5, 3_000_000_000)  # the clock was set back
    assert values.read()[0].tolist() == [0.5]


def test_a_field_that_does_not_exist_is_said_once_and_named(caplog):
    graph, time = MemoryGraph(), FakeTime()
    values = _values(graph, time, "positions[a]")
    assert values.silence(0.0) == f"nobody publishes /joints ({JOINTS})"
    arm = graph.open("arm").advertise("/joints", JOINTS, qos=STATE)
    assert values.silence(0.0) == "nothing came on /joints"
    arm.publish({"name": ["a"], "position": [0.25]})
    arm.publish({"name": ["a"], "position": [0.25]})
    assert "has no field 'positions'" in values.silence(0.0)
    assert len(caplog.records) == 1


def test_another_type_on_the_topic_is_said():
    graph, time = MemoryGraph(), FakeTime()
    values = _values(graph, time, "position[a]")
    graph.open("arm").advertise("/joints", BOOL, qos=STATE)
    assert values.silence(0.0) == f"/joints is published as {BOOL}, not {JOINTS}"
