"""What DDS on the wire does beyond the contract of all transports."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader
from tests.ros_domain import free_domain, wait_until

from kibble.rewards.errors import ConfigError, MissingDependencyError
from kibble.rewards.ros.dds import packages
from kibble.rewards.ros.dds.dds_transport import DdsTransport
from kibble.rewards.ros.dds.message_types import message_types
from kibble.rewards.ros.dds.participant import Participant
from kibble.rewards.ros.dds.quality import dds_qos
from kibble.rewards.ros.dds.raw_types import raw_type
from kibble.rewards.ros.qos import SENSOR, STATE, Qos

_INFO = "rmw_dds_common/msg/ParticipantEntitiesInfo"


@pytest.fixture
def domain() -> int:
    return free_domain()


@pytest.fixture
def listener(domain: int) -> Iterator[DdsTransport]:
    transport = DdsTransport("listener", namespace="/lab", domain=domain)
    yield transport
    transport.close()


@pytest.fixture
def stranger(domain: int) -> Iterator[Participant]:
    """A participant that can be made to misbehave."""
    participant = Participant("stranger", namespace="/", domain=domain)
    yield participant
    participant.close()


def test_a_publisher_of_another_definition_is_refused_and_said(
    listener: DdsTransport, stranger: Participant
) -> None:
    received: list = []
    subscription = listener.subscribe("/topic", "std_msgs/msg/Int32", received.append, qos=STATE)
    sample = raw_type("std_msgs/msg/Int32")
    foreign = f"RIHS01_{'0' * 64}"
    writer = DataWriter(
        stranger.entity, stranger.topic("rt/topic", sample), dds_qos(STATE, type_hash=foreign)
    )
    wait_until(lambda: subscription.mismatch)
    assert foreign in subscription.mismatch
    assert "std_msgs/msg/Int32 differs" in subscription.mismatch
    types = message_types()
    raw = types.encode(types.store.types["std_msgs/msg/Int32"](1), "std_msgs/msg/Int32")
    writer.write(sample(raw))
    right = listener.advertise("/topic", "std_msgs/msg/Int32", qos=STATE)
    wait_until(lambda: right.subscribers == 1 and subscription.publishers == 1)
    right.publish({"data": 2})
    wait_until(lambda: received)
    writer.write(sample(raw))
    right.publish({"data": 3})
    wait_until(lambda: len(received) == 2)
    assert [message.data for message in received] == [2, 3]
    assert subscription.publishers == 1


def test_a_publisher_that_tells_no_hash_is_heard(
    listener: DdsTransport, stranger: Participant
) -> None:
    received: list = []
    subscription = listener.subscribe("/topic", "std_msgs/msg/Int32", received.append, qos=STATE)
    sample = raw_type("std_msgs/msg/Int32")
    qos = dds_qos(STATE, type_hash="")  # ROS 2 Humble tells none
    writer = DataWriter(stranger.entity, stranger.topic("rt/topic", sample), qos)
    types = message_types()
    wait_until(writer.get_matched_subscriptions)
    raw = types.encode(types.store.types["std_msgs/msg/Int32"](1), "std_msgs/msg/Int32")
    writer.write(sample(raw))
    wait_until(lambda: received)
    assert subscription.mismatch == ""
    assert subscription.publishers == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\x01\x00\x00\x04\x00\x00\x00\xff\xff\xff\x00",
        b"\x00\x01\x00\x00\x02\x00\x00\x00a\x00" + b"\x00" * 50,
    ],
    ids=["not text", "too long"],
)
def test_bytes_that_are_no_message_are_said_and_survived(
    listener: DdsTransport, raw: bytes
) -> None:
    received: list = []
    subscription = listener.subscribe("/topic", "std_msgs/msg/String", received.append, qos=STATE)
    publisher = listener.advertise("/topic", "std_msgs/msg/String", qos=STATE)
    wait_until(lambda: publisher.subscribers)
    publisher.publish_raw(raw)
    wait_until(lambda: subscription.mismatch)
    assert f"/topic: {len(raw)} bytes are not a std_msgs/msg/String" in subscription.mismatch
    assert received == []
    publisher.publish({"data": "well"})
    wait_until(lambda: received)
    assert subscription.mismatch == ""


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\x01\x00\x00",
        b"\x00\x07\x00\x00\x01\x02\x03\x04",
        b"\x00\x01\x00\x00\xff\xff\xff\xff",
    ],
    ids=["empty", "encapsulation", "endless"],
)
def test_bytes_that_are_cut_short_are_not_sent(listener: DdsTransport, raw: bytes) -> None:
    publisher = listener.advertise("/topic", "std_msgs/msg/String", qos=STATE)
    with pytest.raises(ConfigError, match=f"/topic: {len(raw)} bytes are not a std_msgs/msg/Str"):
        publisher.publish_raw(raw)


def test_the_last_words_of_one_that_leaves_are_heard(listener: DdsTransport, domain: int) -> None:
    received: list = []
    subscription = listener.subscribe("/topic", "std_msgs/msg/Bool", received.append, qos=STATE)
    for count in range(1, 6):
        speaker = DdsTransport("speaker", domain=domain)
        publisher = speaker.advertise("/topic", "std_msgs/msg/Bool", qos=STATE)
        wait_until(lambda: publisher.subscribers)  # noqa: B023  # called within the loop
        publisher.publish({"data": True})
        speaker.close()
        wait_until(lambda: len(received) == count)  # noqa: B023  # called within the loop
    wait_until(lambda: subscription.publishers == 0)


def test_the_node_and_its_endpoints_are_announced(
    listener: DdsTransport, stranger: Participant
) -> None:
    subscription = listener.subscribe("/a", "std_msgs/msg/Bool", lambda _: None, qos=STATE)
    listener.advertise("/b", "std_msgs/msg/Bool", qos=STATE)
    listener.serve("/c", "std_srvs/srv/Trigger", lambda _: {})
    types = message_types()
    reader = DataReader(
        stranger.entity,
        stranger.topic("ros_discovery_info", raw_type(_INFO)),
        dds_qos(
            Qos(reliable=True, depth=100, transient_local=True), type_hash=types.hash_of(_INFO)
        ),
    )
    newest: dict[str, tuple[int, int]] = {}

    def announced() -> dict[str, tuple[int, int]]:
        for sample in reader.take(100):
            if sample.sample_info.valid_data:
                for node in types.decode(sample.raw, _INFO).node_entities_info_seq:
                    counts = (len(node.reader_gid_seq), len(node.writer_gid_seq))
                    newest[f"{node.node_namespace} {node.node_name}"] = counts
        return newest

    wait_until(lambda: announced().get("/lab listener") == (2, 2))
    wait_until(lambda: announced().get("/ stranger") == (0, 0))
    subscription.close()
    wait_until(lambda: announced().get("/lab listener") == (1, 2))


def test_peers_are_counted(listener: DdsTransport, domain: int) -> None:
    assert listener.surroundings == f"domain {domain} of this machine alone, 0 other participants"
    other = DdsTransport("other", domain=domain)
    wait_until(lambda: "1 other participant" in listener.surroundings)
    other.close()
    wait_until(lambda: "0 other participants" in listener.surroundings)
    listener.close()
    assert "0 other participants" in listener.surroundings


def test_an_image_shares_the_memory_of_the_bytes_that_came(listener: DdsTransport) -> None:
    received: list = []
    listener.subscribe("/image", "sensor_msgs/msg/Image", received.append, qos=SENSOR)
    publisher = listener.advertise("/image", "sensor_msgs/msg/Image", qos=SENSOR)
    wait_until(lambda: publisher.subscribers)
    publisher.publish({"data": np.arange(100, dtype=np.uint8)})
    wait_until(lambda: received)
    data = received[0].data
    assert np.shares_memory(np.asarray(data), data)
    assert not data.flags.writeable
    assert not data.flags.owndata


def test_a_process_that_closes_nothing_ends(domain: int) -> None:
    code = f"""
from kibble.rewards.ros.opening import open_transport
from kibble.rewards.ros.qos import STATE
transport = open_transport("dds", "forgetful", domain={domain})
transport.subscribe("/topic", "std_msgs/msg/Bool", print, qos=STATE)
transport.serve("/trigger", "std_srvs/srv/Trigger", lambda _: {{}})
"""
    done = subprocess.run(
        [sys.executable, "-c", code], timeout=60, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("distro", "length"), [("humble", 24), ("jazzy", 16)])
def test_nodes_are_announced_as_the_release_has_it(domain: int, distro: str, length: int) -> None:
    code = f"""
from kibble.rewards.ros.dds.dds_transport import DdsTransport
from kibble.rewards.ros.dds.message_building import build
from kibble.rewards.ros.dds.message_types import message_types
DdsTransport("node", domain={domain}).close()
types = message_types()
gid = "rmw_dds_common/msg/Gid"
assert len(types.encode(build(types, gid, {{}}), gid)) == 4 + {length}
"""
    subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "ROS_DISTRO": distro},
        timeout=60,
        check=True,
    )


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "missing_modules", lambda extra: ("cyclonedds", "yaml"))
    with pytest.raises(MissingDependencyError, match=r"needs cyclonedds, .*kibble\[ros\]"):
        packages.check_packages()


def test_nothing_of_dds_is_imported_before_it_is_needed() -> None:
    code = """
import sys
import kibble.rewards.ros.opening, kibble.rewards.ros.topic_clock, kibble.rewards.ros.names
heavy = {"cyclonedds", "rosbags", "torch", "yaml", "cv2", "rclpy"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], timeout=60, check=True)
