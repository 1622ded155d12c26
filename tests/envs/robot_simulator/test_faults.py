"""Faults of messages, and the transport that makes them."""

import logging

import numpy as np
import pytest
from tests.memory_transport import MemoryGraph

from kibble.envs.robot_simulator import FAULT_TOPIC, FaultyTransport
from kibble.envs.robot_simulator.faults import FAULTS, make_fault
from kibble.rewards.errors import ConfigError, FrameError
from kibble.rewards.ros.clock import stamp_fields, stamp_ns
from kibble.rewards.ros.images import decode, encode
from kibble.rewards.ros.qos import COMMAND, SENSOR, STATE

FRONT = "/camera/front/image_raw"
FRAME = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)


def picture(time):
    return encode(FRAME, stamp=time, frame_id="front")


class Rig:
    def __init__(self):
        graph = MemoryGraph()
        self.transport = FaultyTransport(graph.open("robot"))
        self.camera = self.transport.advertise(FRONT, "sensor_msgs/msg/Image", qos=SENSOR)
        self.clock = self.transport.advertise("/clock", "rosgraph_msgs/msg/Clock", qos=COMMAND)
        self.done = self.transport.advertise("/task/success", "std_msgs/msg/Bool", qos=STATE)
        other = graph.open("other")
        self.images, self.times, self.outcomes = [], [], []
        self.front = other.subscribe(
            FRONT, "sensor_msgs/msg/Image", self.images.append, qos=SENSOR
        )
        other.subscribe("/clock", "rosgraph_msgs/msg/Clock", self.times.append, qos=SENSOR)
        other.subscribe("/task/success", "std_msgs/msg/Bool", self.outcomes.append, qos=STATE)
        self.desk = other.advertise(FAULT_TOPIC, "std_msgs/msg/String", qos=STATE)

    def stamps(self):
        return [stamp_ns(image) // 10**9 for image in self.images]

    def film(self, *seconds):
        for second in seconds:
            self.camera.publish(picture(second * 10**9))


@pytest.fixture
def rig():
    return Rig()


@pytest.mark.parametrize(
    ("words", "stamps"),
    [
        ("front ok", [11, 12, 13, 14]),
        ("front off", []),
        ("front twice", [11, 11, 12, 12, 13, 13, 14, 14]),
        ("front swap", [12, 11, 14, 13]),
        ("front frozen", [11, 11, 11, 11]),
        ("front back", [6, 7, 8, 9]),
        ("front back 2", [9, 10, 11, 12]),
        ("front second", [11, 11, 12, 12, 13, 13, 14, 14]),
        ("clock back", [11, 12, 13, 14]),
    ],
)
def test_stamps_under_a_fault(rig, words, stamps):
    rig.transport.obey(words)
    rig.film(11, 12, 13, 14)
    assert rig.stamps() == stamps


def test_half_a_picture_and_a_wrong_encoding_cannot_be_decoded(rig):
    for words in ("front half", "front encoding"):
        rig.transport.obey(words)
        rig.film(1)
        with pytest.raises(FrameError):
            decode(rig.images[-1])
    rig.transport.obey("front encoding bgr8")
    rig.film(1)
    np.testing.assert_array_equal(decode(rig.images[-1]), FRAME[..., ::-1])


def test_a_4k_picture_shows_the_same(rig):
    rig.transport.obey("front 4k")
    rig.film(1)
    large = decode(rig.images[-1])
    assert large.shape == (2160, 3840, 3)
    np.testing.assert_array_equal(large[180::360, 240::480], FRAME)


def test_a_second_publisher_comes_and_goes(rig):
    rig.transport.obey("front second")
    assert rig.front.publishers == 2
    rig.transport.obey("front ok")
    assert rig.front.publishers == 1


def test_the_clock_goes_back_and_messages_without_stamp_are_left_alone(rig):
    rig.transport.obey("all back 3")
    rig.clock.publish({"clock": stamp_fields(10 * 10**9)})
    rig.done.publish({"data": True})
    assert rig.times[-1].clock.sec == 7
    assert rig.outcomes[-1].data is True


@pytest.mark.parametrize("name", sorted(set(FAULTS) - {"second", "off"}))
def test_every_fault_passes_messages_that_it_is_not_about(name):
    fault = make_fault(name)
    sent = [*fault({"data": True}), *fault({"data": False})]
    assert {True, False} == {message["data"] for message in sent}


def test_faults_are_asked_for_over_the_wire(rig, caplog):
    rig.desk.publish({"data": "front off"})
    rig.film(1)
    assert rig.images == []
    with caplog.at_level(logging.WARNING):
        rig.desk.publish({"data": "front explodes"})
    assert "A fault is not made" in caplog.text
    rig.desk.publish({"data": "all ok"})
    rig.film(2)
    assert rig.stamps() == [2]


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        ("front", "must be asked for as"),
        ("front explode", "must be asked for as"),
        ("front off 3", "with a value only behind back and encoding"),
        ("front back soon", "must be followed by seconds"),
        ("rear off", "must be published here, got '/camera/rear/image_raw'"),
    ],
)
def test_what_is_no_fault_is_refused(rig, words, rule):
    with pytest.raises(ConfigError, match=rule):
        rig.transport.obey(words)
