"""A copy of a bag has every message byte for byte, and what was added beside its image."""

from __future__ import annotations

import sqlite3

import pytest
from rosbags.highlevel import AnyReader
from tests.rewards.ros.bags.bag_making import REWARD, at, bare, text, two_views, write_bag

from kibble.rewards.errors import BagError
from kibble.rewards.ros.bags.bag import Bag
from kibble.rewards.ros.bags.copying import copy_bag, free_topic
from kibble.rewards.ros.clock import stamp_fields

FRONT, SIDE = "/camera/front/image_raw", "/camera/side/image_raw"


def everything(bag):
    return [(m.topic, m.connection.msgtype, m.time, m.raw) for m in bag.messages()]


@pytest.mark.parametrize("target", ["out.mcap", "out.db3", "out"])
@pytest.mark.parametrize("sqlite", [True, False])
def test_all_is_there_and_the_rewards(tmp_path, sqlite, target):
    unknown = ("/battery", "my_msgs/msg/Battery", at(0.15), b"\0\1\0\0\1\2\3\4")
    source = write_bag(
        tmp_path / "run",
        sorted([text("/task/instruction", 0, "go"), unknown, *two_views(5)], key=lambda m: m[2]),
        sqlite=sqlite,
        definitions={"my_msgs/msg/Battery": "float32 volts"},
    )
    added = {
        at(n / 10 + 0.004): {"header": {"stamp": stamp_fields(at(n / 10 + 0.004))}, "step": n}
        for n in range(5)
    }
    counts = []
    with Bag(source) as bag:
        copy_bag(
            bag,
            tmp_path / target,
            added={"/score": added},
            type_name=REWARD,
            beside=[FRONT, SIDE],
            on_message=lambda count, total: counts.append((count, total)),
        )
        before = everything(bag)
    with Bag(tmp_path / target) as copy:
        after = everything(copy)
        rewards = [copy.decode(message) for message in copy.messages(["/score"])]
        times = [message.time for message in copy.messages(["/score"])]
        assert copy.decode(next(copy.messages(["/battery"]))).volts != 0.0
    assert [item for item in after if item[0] != "/score"] == before
    assert [reward.step for reward in rewards] == [0, 1, 2, 3, 4]
    assert times == [at(n / 10 + 0.006) for n in range(5)]
    assert counts[-1] == (12, 12)


def test_a_stamp_that_two_images_share_gets_one_message(tmp_path):
    source = write_bag(tmp_path / "run", two_views(3, late=0.0))
    with Bag(source) as bag:
        added = {"/score": {at(0.1): {}}}
        copy_bag(bag, tmp_path / "o.mcap", added=added, type_name=REWARD, beside=[FRONT, SIDE])
    with Bag(tmp_path / "o.mcap") as copy:
        assert len(list(copy.messages(["/score"]))) == 1


def test_a_definition_that_cannot_be_read_is_copied_too(tmp_path):
    odd = ("/odd", "my_msgs/msg/Odd", at(0), bytes(8))
    definitions = {"my_msgs/msg/Odd": "this is { not a definition"}
    source = write_bag(tmp_path / "run", [odd, *two_views(1)], definitions=definitions)
    with Bag(source) as bag:
        copy_bag(bag, tmp_path / "o.mcap", added={}, type_name=REWARD, beside=[])
        before = everything(bag)
    with Bag(tmp_path / "o.mcap") as copy:
        assert everything(copy) == before


@pytest.mark.parametrize("target", ["o.mcap", "o.db3"])
def test_a_bag_of_humble_gets_definitions_and_hashes(tmp_path, target):
    """SQLite bags before Iron have neither; others check the hashes of what we write."""
    made = bare(write_bag(tmp_path / "run", two_views(2), sqlite=True))
    with sqlite3.connect(made) as database:
        database.executescript(
            "DROP TABLE schema; DROP TABLE metadata; DROP TABLE message_definitions;"
            "ALTER TABLE topics DROP COLUMN type_description_hash;"
        )
    database.close()
    with Bag(made) as bag:
        assert bag.decode(next(bag.messages([FRONT]))).encoding == "rgb8"
        copy_bag(bag, tmp_path / target, added={}, type_name=REWARD, beside=[])
        before = everything(bag)
    with Bag(tmp_path / target) as copy:
        assert everything(copy) == before
    with AnyReader([tmp_path / target]) as reader:
        connection, _, raw = next(reader.messages())
        assert reader.deserialize(raw, connection.msgtype).encoding == "rgb8"


def test_nothing_is_written_over(tmp_path):
    source = write_bag(tmp_path / "run", two_views(1))
    (tmp_path / "o.mcap").write_bytes(b"mine")
    with Bag(source) as bag, pytest.raises(BagError, match=r"must not exist yet, got '.*o.mcap'"):
        copy_bag(bag, tmp_path / "o.mcap", added={}, type_name=REWARD, beside=[])
    assert (tmp_path / "o.mcap").read_bytes() == b"mine"


def test_topics_are_numbered_where_they_are_taken(tmp_path):
    with Bag(write_bag(tmp_path / "run", two_views(1))) as bag:
        assert free_topic(bag, "/score") == "/score"
        assert free_topic(bag, FRONT) == f"{FRONT}_2"
        assert free_topic(bag, FRONT, besides=[f"{FRONT}_2"]) == f"{FRONT}_3"
