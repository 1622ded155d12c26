"""Bags that are written message by message, and topics of a graph recorded into them."""

import sqlite3

import numpy as np
import pytest
from tests.ros_domain import free_domain, wait_until

from kibble.rewards.errors import BagError, ConfigError
from kibble.rewards.ros.bags.bag import Bag
from kibble.rewards.ros.bags.bag_writer import BagWriter
from kibble.rewards.ros.bags.recorder import Recorder
from kibble.rewards.ros.dds.dds_transport import DdsTransport
from kibble.rewards.ros.dds.message_building import build
from kibble.rewards.ros.dds.message_types import message_types
from kibble.rewards.ros.images import decode, encode
from kibble.rewards.ros.qos import LATCHED, SENSOR, STATE

STRING = "std_msgs/msg/String"


def raw_string(text):
    return message_types().encode(build(message_types(), STRING, {"data": text}), STRING)


def texts(path, topic="/said"):
    with Bag(path) as bag:
        return [bag.decode(message).data for message in bag.messages([topic])]


@pytest.fixture
def graph():
    domain = free_domain()
    speaker, listener = DdsTransport("speaker", domain=domain), DdsTransport("bag", domain=domain)
    yield speaker, listener
    speaker.close()
    listener.close()


@pytest.mark.parametrize("name", ["run.mcap", "run.db3", "run"])
def test_what_is_written_is_read_again(tmp_path, name):
    path = tmp_path / "deep" / name
    with BagWriter(path) as writer:
        said = writer.add("/said", STRING)
        for index in range(5):
            writer.write(said, 1_000 + index, raw_string(f"number {index}"))
    assert texts(path) == [f"number {index}" for index in range(5)]
    with Bag(path) as bag:
        assert [message.time for message in bag.messages()] == [1000, 1001, 1002, 1003, 1004]
        assert not bag.warnings
    assert [entry.name for entry in path.parent.iterdir()] == [name]


def test_a_file_has_its_name_only_when_it_is_complete(tmp_path):
    path = tmp_path / "run.mcap"
    writer = BagWriter(path)
    said = writer.add("/said", STRING)
    for index in range(30):
        writer.write(said, index, raw_string("x" * 100_000))
    assert not path.exists()
    writer.abandon()
    assert not path.exists()
    with Bag(tmp_path / "run.mcap.part" / "run.mcap.part.mcap") as bag:
        assert 10 <= len(list(bag.messages())) < 30


@pytest.mark.parametrize(
    ("name", "rule"), [("run.bag", "ends in .mcap or .db3"), ("there", "must not exist yet")]
)
def test_other_endings_and_what_is_there_are_refused(tmp_path, name, rule):
    (tmp_path / "there").mkdir()
    with pytest.raises(BagError, match=rule):
        BagWriter(tmp_path / name)


def test_unknown_types_cannot_be_added(tmp_path):
    with BagWriter(tmp_path / "run.mcap") as writer, pytest.raises(ConfigError, match="Nonsense"):
        writer.add("/said", "std_msgs/msg/Nonsense")


@pytest.mark.parametrize("name", ["run.mcap", "run.db3"])
def test_topics_are_recorded_byte_for_byte_whatever_their_quality(tmp_path, graph, name):
    speaker, listener = graph
    speaker.advertise("/task/instruction", STRING, qos=LATCHED).publish({"data": "reach it"})
    camera = speaker.advertise("/camera/front/image_raw", "sensor_msgs/msg/Image", qos=SENSOR)
    said = speaker.advertise("/said", STRING, qos=STATE)
    frame = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    stamps = iter(range(1, 1_000_000))

    with BagWriter(tmp_path / name) as writer, Recorder(listener, writer) as recorder:

        def heard():
            camera.publish(encode(frame, stamp=next(stamps), frame_id="front"))
            said.publish({"data": "word"})
            recorder.poll(0.01)
            counts = recorder.report.counts
            return len(counts) == 3 and min(counts.values()) >= 1

        wait_until(heard)
    with Bag(tmp_path / name) as bag:
        assert [topic.name for topic in bag.topics] == [
            "/camera/front/image_raw",
            "/said",
            "/task/instruction",
        ]
        images = [bag.decode(m) for m in bag.messages(["/camera/front/image_raw"])]
        for image in images:
            np.testing.assert_array_equal(decode(image), frame)
            assert image.header.stamp.nanosec > 0
        times = [message.time for message in bag.messages()]
        assert times == sorted(times)
    assert texts(tmp_path / name, "/task/instruction") == ["reach it"]


def test_only_topics_of_the_patterns_are_recorded(tmp_path, graph):
    speaker, listener = graph
    publishers = [speaker.advertise(t, STRING, qos=STATE) for t in ("/a/one", "/a/two", "/b/one")]
    with (
        BagWriter(tmp_path / "run.mcap") as writer,
        Recorder(listener, writer, patterns=["/a/*"]) as recorder,
    ):

        def heard():
            for publisher in publishers:
                publisher.publish({"data": "x"})
            recorder.poll(0.01)
            counts = recorder.report.counts
            return len(counts) == 2 and min(counts.values()) >= 1

        wait_until(heard)
        assert set(recorder.report.counts) == {"/a/one", "/a/two"}


def test_what_does_not_fit_into_memory_is_left_out_and_counted(tmp_path, graph):
    speaker, listener = graph
    said = speaker.advertise("/said", STRING, qos=STATE)
    with (
        BagWriter(tmp_path / "run.mcap") as writer,
        Recorder(listener, writer, limit=2000) as recorder,
    ):

        def left_out():
            recorder.poll(0.0)
            for _ in range(9):  # as many as wait for the next poll
                said.publish({"data": "x" * 600})
            return recorder.report.lost

        wait_until(left_out)
        assert recorder.report.size > 0
    assert set(texts(tmp_path / "run.mcap")) == {"x" * 600}


def test_a_topic_of_an_unknown_type_is_named(tmp_path, graph, monkeypatch):
    speaker, listener = graph
    said = speaker.advertise("/said", STRING, qos=STATE)
    with (
        BagWriter(tmp_path / "run.mcap") as writer,
        Recorder(listener, writer) as recorder,
    ):
        known = message_types().store.fielddefs
        monkeypatch.setattr(
            message_types().store,
            "fielddefs",
            {name: fields for name, fields in known.items() if name != STRING},
        )

        def named():
            recorder._next_look = float("-inf")
            recorder.poll(0.01)
            return recorder.report.unknown

        wait_until(named)
        assert recorder.report.unknown == {"/said": STRING}
        monkeypatch.undo()
        said.close()


def test_a_sqlite_bag_is_a_database_that_others_read(tmp_path):
    with BagWriter(tmp_path / "run.db3") as writer:
        writer.write(writer.add("/said", STRING), 7, raw_string("text"))
    with sqlite3.connect(tmp_path / "run.db3") as connection:
        rows = list(connection.execute("SELECT name, type FROM topics"))
    connection.close()
    assert rows == [("/said", STRING)]
