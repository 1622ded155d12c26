from __future__ import annotations

import numpy as np
import pytest
from tests.memory_transport import MemoryGraph

from kibble.rewards.errors import ConfigError
from kibble.rewards.ros.clock import stamp_fields, stamp_ns
from kibble.rewards.ros.qos import LATCHED, SENSOR, STATE

pytest.importorskip("rosbags")


def test_a_message_arrives_with_ros_defaults_where_nothing_was_said():
    graph, seen = MemoryGraph(), []
    graph.open("a").subscribe(
        "/joint_states", "sensor_msgs/msg/JointState", seen.append, qos=STATE
    )
    publisher = graph.open("b").advertise("/joint_states", "sensor_msgs/msg/JointState", qos=STATE)
    publisher.publish(
        {"header": {"stamp": stamp_fields(7_000_000_003)}, "name": ["x"], "position": [0.5]}
    )
    (message,) = seen
    assert stamp_ns(message) == 7_000_000_003
    assert message.name == ["x"]
    assert np.asarray(message.position).tolist() == [0.5]
    assert len(message.velocity) == 0
    assert message.header.frame_id == ""


def test_an_unknown_field_is_named():
    publisher = MemoryGraph().open("a").advertise("/x", "std_msgs/msg/Bool", qos=STATE)
    with pytest.raises(ConfigError, match="std_msgs/msg/Bool has no field 'value'"):
        publisher.publish({"value": True})


def test_late_comers_get_what_is_latched_only_where_they_ask_for_it():
    graph, late, other = MemoryGraph(), [], []
    robot, node = graph.open("robot"), graph.open("node")
    robot.advertise("/t", "std_msgs/msg/String", qos=LATCHED).publish({"data": "one"})
    node.subscribe("/t", "std_msgs/msg/String", late.append, qos=LATCHED)
    node.subscribe("/t", "std_msgs/msg/String", other.append, qos=STATE)
    assert [m.data for m in late] == ["one"]
    assert other == []


def test_a_best_effort_publisher_does_not_reach_a_reliable_subscriber_and_that_is_said():
    graph = MemoryGraph()
    subscription = graph.open("a").subscribe("/x", "std_msgs/msg/Bool", print, qos=STATE)
    graph.open("b").advertise("/x", "std_msgs/msg/Bool", qos=SENSOR)
    assert subscription.publishers == 0
    assert "quality of service" in subscription.mismatch


def test_private_names_and_services_of_this_project():
    graph = MemoryGraph()
    node = graph.open("kibble", namespace="/arm")
    node.serve(
        "~/set_task", "kibble_msgs/srv/SetTask", lambda r: {"accepted": bool(r.instruction)}
    )
    client = graph.open("client")
    reply = client.call("/arm/kibble/set_task", "kibble_msgs/srv/SetTask", {"instruction": "x"})
    assert reply.accepted
    node.close()
    with pytest.raises(ConfigError, match="is offered"):
        client.call("/arm/kibble/set_task", "kibble_msgs/srv/SetTask")


def test_messages_of_one_subscription_come_one_after_another_even_from_within():
    graph, order = MemoryGraph(), []
    node = graph.open("a")
    publisher = node.advertise("/n", "std_msgs/msg/Int32", qos=STATE)

    def receive(message):
        if message.data < 3:
            publisher.publish({"data": message.data + 1})
        order.append(message.data)

    node.subscribe("/n", "std_msgs/msg/Int32", receive, qos=STATE)
    publisher.publish({"data": 1})
    assert order == [1, 2, 3]
