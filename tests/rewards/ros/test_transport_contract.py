"""What every transport must do, over real DDS and, where there is one, over a real rclpy."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest
from tests.ros_domain import free_domain, wait_until

from kibble.rewards.errors import ConfigError
from kibble.rewards.ros.qos import COMMAND, LATCHED, SENSOR, STATE, Qos
from kibble.rewards.ros.transport import Fields, Transport

Open = Callable[..., Transport]


def _pair(
    join: Open, type_name: str, *, qos: Qos = STATE
) -> tuple[Callable[[Fields], None], list]:
    received: list = []
    subscription = join("listener").subscribe("/topic", type_name, received.append, qos=qos)
    publisher = join("speaker").advertise("/topic", type_name, qos=qos)
    wait_until(lambda: subscription.publishers == 1 and publisher.subscribers == 1)
    return publisher.publish, received


def test_an_image_arrives_as_it_was_sent(join: Open) -> None:
    publish, received = _pair(join, "sensor_msgs/msg/Image", qos=STATE)
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    header = {"stamp": {"sec": 7, "nanosec": 42}, "frame_id": "front"}
    publish(
        {
            "header": header,
            "height": 48,
            "width": 64,
            "encoding": "rgb8",
            "step": 192,
            "data": pixels.reshape(-1),
        }
    )
    wait_until(lambda: received)
    message = received[0]
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (7, 42)
    assert (message.header.frame_id, message.encoding) == ("front", "rgb8")
    assert (message.height, message.width, message.step) == (48, 64, 192)
    data = np.asarray(message.data)
    assert data.dtype == np.uint8
    assert np.array_equal(data.reshape(48, 64, 3), pixels)


def test_fields_that_are_left_out_are_zero(join: Open) -> None:
    publish, received = _pair(join, "kibble_msgs/msg/Reward")
    publish({"task": "reach the ball", "progress": 0.25})
    wait_until(lambda: received)
    message = received[0]
    assert message.task == "reach the ball"
    assert message.progress == 0.25
    assert (message.episode, message.step, message.success, message.status) == ("", 0, 0.0, 0)
    assert message.STATUS_MISSING_VIEW == 5


def test_nan_and_nested_messages_travel(join: Open) -> None:
    publish, received = _pair(join, "kibble_msgs/msg/Keypoints")
    pixels = [{"view": "front", "x": 3.5, "y": float("nan")}]
    position = {"x": 0.1, "y": -0.2, "z": float("inf")}
    publish({"keypoints": [{"role": "grasp", "position": position, "pixels": pixels}, {}]})
    wait_until(lambda: received)
    first, second = received[0].keypoints
    assert (first.role, first.position.y, first.position.z) == ("grasp", -0.2, float("inf"))
    assert first.pixels[0].view == "front"
    assert np.isnan(first.pixels[0].y)
    assert list(second.pixels) == []


def test_numbers_travel_as_arrays(join: Open) -> None:
    publish, received = _pair(join, "sensor_msgs/msg/JointState")
    publish(
        {"name": ["a", "b"], "position": np.array([0.5, -1.5], np.float32), "velocity": (1, 2)}
    )
    wait_until(lambda: received)
    assert list(received[0].name) == ["a", "b"]
    assert np.asarray(received[0].position).tolist() == [0.5, -1.5]
    assert np.asarray(received[0].velocity).tolist() == [1.0, 2.0]
    assert len(received[0].effort) == 0


def test_messages_keep_their_order(join: Open) -> None:
    publish, received = _pair(join, "std_msgs/msg/Int32", qos=Qos(reliable=True, depth=100))
    for number in range(50):
        publish({"data": number})
    wait_until(lambda: len(received) == 50)
    assert [message.data for message in received] == list(range(50))


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"hedaer": {}}, "hedaer"),
        ({"header": {"stamp": {"secs": 1}}}, "secs"),
        ({"header": {"stamp": {"sec": "one"}}}, "sec"),
        ({"height": -1}, "height"),
        ({"height": 2.5}, "height"),
        ({"encoding": 5}, "encoding"),
        ({"header": 5}, "header"),
        ({"data": "pixels"}, "data"),
        ({"data": [1, 300]}, "data"),
    ],
)
def test_a_wrong_field_is_named(join: Open, fields: Fields, name: str) -> None:
    publisher = join("speaker").advertise("/topic", "sensor_msgs/msg/Image", qos=SENSOR)
    with pytest.raises(ConfigError, match=name):
        publisher.publish(fields)


def test_what_is_latched_reaches_those_who_come_late(join: Open) -> None:
    speaker = join("speaker")
    speaker.advertise("/late", "std_msgs/msg/String", qos=LATCHED).publish({"data": "old"})
    latched = speaker.advertise("/latched", "std_msgs/msg/String", qos=LATCHED)
    for word in ("first", "last"):
        latched.publish({"data": word})
    volatile: list = []
    received: list = []
    listener = join("listener")
    late = listener.subscribe("/late", "std_msgs/msg/String", volatile.append, qos=STATE)
    listener.subscribe("/latched", "std_msgs/msg/String", received.append, qos=LATCHED)
    wait_until(lambda: received and late.publishers)
    assert [message.data for message in received] == ["last"]
    assert volatile == []


def test_publishers_and_subscribers_are_counted(join: Open) -> None:
    subscription = join("listener").subscribe(
        "/topic", "std_msgs/msg/Bool", lambda _: None, qos=STATE
    )
    assert subscription.publishers == 0
    speaker = join("speaker")
    first = speaker.advertise("/topic", "std_msgs/msg/Bool", qos=STATE)
    second = join("other").advertise("/topic", "std_msgs/msg/Bool", qos=STATE)
    wait_until(lambda: subscription.publishers == 2)
    wait_until(lambda: first.subscribers == second.subscribers == 1)
    second.close()
    wait_until(lambda: subscription.publishers == 1)
    speaker.close()
    wait_until(lambda: subscription.publishers == 0)
    assert subscription.mismatch == ""


def test_a_publisher_of_another_type_is_said_and_does_no_harm(join: Open) -> None:
    received: list = []
    subscription = join("listener").subscribe(
        "/topic", "std_msgs/msg/String", received.append, qos=STATE
    )
    join("wrong").advertise("/topic", "std_msgs/msg/Bool", qos=STATE)
    wait_until(lambda: subscription.mismatch)
    assert "std_msgs/msg/Bool" in subscription.mismatch
    assert "/topic" in subscription.mismatch
    assert subscription.publishers == 0
    right = join("right").advertise("/topic", "std_msgs/msg/String", qos=STATE)
    wait_until(lambda: subscription.publishers == 1 and right.subscribers == 1)
    right.publish({"data": "heard"})
    wait_until(lambda: received)
    assert received[0].data == "heard"


@pytest.mark.parametrize(
    ("offered", "asked", "word"),
    [(SENSOR, STATE, "best effort"), (STATE, LATCHED, "volatile")],
)
def test_an_offer_that_is_too_little_is_said(
    join: Open, offered: Qos, asked: Qos, word: str
) -> None:
    subscription = join("listener").subscribe(
        "/topic", "std_msgs/msg/Bool", lambda _: None, qos=asked
    )
    join("speaker").advertise("/topic", "std_msgs/msg/Bool", qos=offered)
    wait_until(lambda: subscription.mismatch)
    assert word in subscription.mismatch.replace("_", " ").lower()
    assert subscription.publishers == 0


def test_a_reliable_publisher_is_heard_best_effort(join: Open) -> None:
    received: list = []
    subscription = join("listener").subscribe(
        "/topic", "std_msgs/msg/Bool", received.append, qos=SENSOR
    )
    publisher = join("speaker").advertise("/topic", "std_msgs/msg/Bool", qos=LATCHED)
    wait_until(lambda: subscription.publishers and publisher.subscribers)
    publisher.publish({"data": True})
    wait_until(lambda: received)
    assert subscription.mismatch == ""


def test_a_private_name_lies_below_the_node(join: Open) -> None:
    received: list = []
    subscription = join("listener").subscribe(
        "/lab/left/speaker/reward", "std_msgs/msg/Float64", received.append, qos=STATE
    )
    publisher = join("speaker", namespace="/lab/left").advertise(
        "~/reward", "std_msgs/msg/Float64", qos=STATE
    )
    wait_until(lambda: subscription.publishers and publisher.subscribers)
    publisher.publish({"data": 0.5})
    wait_until(lambda: received)
    assert received[0].data == 0.5


def test_one_that_raises_does_not_end_a_topic(join: Open) -> None:
    seen: list[int] = []

    def receive(message: object) -> None:
        seen.append(message.data)
        if len(seen) == 1:
            raise RuntimeError("once")

    subscription = join("listener").subscribe("/topic", "std_msgs/msg/Int32", receive, qos=STATE)
    publisher = join("speaker").advertise("/topic", "std_msgs/msg/Int32", qos=STATE)
    wait_until(lambda: subscription.publishers and publisher.subscribers)
    for number in range(3):
        publisher.publish({"data": number})
    wait_until(lambda: len(seen) == 3)
    assert seen == [0, 1, 2]


def test_a_slow_receiver_gets_the_newest_and_holds_up_nobody(join: Open) -> None:
    entered, go_on = threading.Event(), threading.Event()
    slow: list[int] = []
    fast: list[int] = []

    def receive(message: object) -> None:
        slow.append(message.data)
        entered.set()
        assert go_on.wait(20.0)

    listener = join("listener")
    listener.subscribe("/topic", "std_msgs/msg/Int32", receive, qos=COMMAND)
    listener.subscribe(
        "/topic",
        "std_msgs/msg/Int32",
        lambda message: fast.append(message.data),
        qos=Qos(reliable=True, depth=100),
    )
    publisher = join("speaker").advertise(
        "/topic", "std_msgs/msg/Int32", qos=Qos(reliable=True, depth=100)
    )
    wait_until(lambda: publisher.subscribers == 2)
    try:
        publisher.publish({"data": 0})
        assert entered.wait(20.0)
        for number in range(1, 20):
            publisher.publish({"data": number})
        wait_until(lambda: len(fast) == 20)
    finally:
        go_on.set()
    wait_until(lambda: slow[-1] == 19)
    assert len(slow) < 20


@pytest.mark.parametrize("type_name", ["sensor_msgs/msg/Imagine", "nonsense", "no_msgs/msg/Image"])
def test_an_unknown_type_is_named(join: Open, type_name: str) -> None:
    transport = join("node")
    with pytest.raises(ConfigError, match=type_name):
        transport.subscribe("/topic", type_name, lambda _: None, qos=STATE)
    with pytest.raises(ConfigError, match=type_name):
        transport.advertise("/topic", type_name, qos=STATE)
    with pytest.raises(ConfigError, match=type_name):
        transport.serve("/topic", type_name, lambda _: {})


@pytest.mark.parametrize("topic", ["", "/", "/camera 1/image", "/1camera", "/image/", "/a//b"])
def test_a_name_that_is_not_one_of_ros_is_refused(join: Open, topic: str) -> None:
    with pytest.raises(ConfigError):
        join("node").subscribe(topic, "std_msgs/msg/Bool", lambda _: None, qos=STATE)


def test_a_node_name_that_is_not_one_of_ros_is_refused(join: Open) -> None:
    with pytest.raises(ConfigError, match="my node"):
        join("my node")


def test_domains_do_not_mix(join: Open) -> None:
    received: list = []
    here = join("listener")
    subscription = here.subscribe("/topic", "std_msgs/msg/Bool", received.append, qos=STATE)
    other = free_domain()
    elsewhere = join("speaker", domain=other).advertise("/topic", "std_msgs/msg/Bool", qos=STATE)
    heard: list = []
    inside = join("neighbour", domain=other).subscribe(
        "/topic", "std_msgs/msg/Bool", heard.append, qos=STATE
    )
    wait_until(lambda: inside.publishers == 1 and elsewhere.subscribers == 1)
    elsewhere.publish({"data": True})
    wait_until(lambda: heard)
    assert (subscription.publishers, received) == (0, [])
    assert "0 other" in here.surroundings
    assert f"domain {other}" not in here.surroundings


def test_what_is_closed_hears_nothing_and_leaves_no_thread(join: Open) -> None:
    before = set(threading.enumerate())
    listener, speaker = join("listener"), join("speaker")
    received: list = []
    kept: list = []
    first = listener.subscribe("/topic", "std_msgs/msg/Int32", received.append, qos=STATE)
    listener.subscribe("/topic", "std_msgs/msg/Int32", kept.append, qos=STATE)
    listener.serve("/trigger", "std_srvs/srv/Trigger", lambda _: {})
    publisher = speaker.advertise("/topic", "std_msgs/msg/Int32", qos=STATE)
    wait_until(lambda: publisher.subscribers == 2)
    first.close()
    first.close()
    publisher.publish({"data": 1})
    wait_until(lambda: kept)
    assert received == []
    listener.close()
    wait_until(lambda: publisher.subscribers == 0)
    speaker.close()
    speaker.close()
    wait_until(lambda: not (set(threading.enumerate()) - before))
