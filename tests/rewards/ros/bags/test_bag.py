"""Bags of both storages are read, and what is damaged is mended or named, never half believed."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from tests.rewards.ros.bags.bag_making import (
    START,
    at,
    bare,
    image,
    parsed,
    text,
    two_views,
    write_bag,
)

from kibble.rewards.errors import BagError
from kibble.rewards.ros.bags.bag import Bag
from kibble.rewards.ros.images import IMAGE, decode

MESSAGES = [text("/task/instruction", 0, "push the cube"), *two_views(5)]


def values(bag, topic="/camera/front/image_raw"):
    return [int(decode(bag.decode(message))[0, 0, 0]) for message in bag.messages([topic])]


@pytest.mark.parametrize(
    ("sqlite", "compression"),
    [
        *((True, mode) for mode in ("none", "file", "message")),
        *((False, mode) for mode in ("none", "file", "message", "storage")),
    ],
)
def test_both_storages_with_and_without_compression(tmp_path, sqlite, compression):
    folder = write_bag(tmp_path / "run", MESSAGES, sqlite=sqlite, compression=compression)
    with Bag(folder) as bag:
        assert [(topic.name, topic.type_name, topic.count) for topic in bag.topics] == [
            ("/camera/front/image_raw", IMAGE, 5),
            ("/camera/side/image_raw", IMAGE, 5),
            ("/task/instruction", "std_msgs/msg/String", 1),
        ]
        assert (bag.count, bag.start, bag.warnings) == (11, START, [])
        assert bag.stop == at(0.4 + 0.004 + 0.002) + 1
        assert values(bag) == [0, 1, 2, 3, 4]
        (said,) = bag.messages(["/task/instruction"])
        assert bag.decode(said).data == "push the cube"


@pytest.mark.parametrize("sqlite", [True, False])
def test_a_file_alone_is_a_bag_too(tmp_path, sqlite):
    path = bare(write_bag(tmp_path / "run", MESSAGES, sqlite=sqlite))
    with Bag(path) as bag:
        times = [message.time for message in bag.messages()]
        assert len(times) == 11
        assert times == sorted(times)
        assert values(bag, "/camera/side/image_raw") == [100, 101, 102, 103, 104]


def test_a_part_of_the_time_is_read(tmp_path):
    with Bag(write_bag(tmp_path / "run", MESSAGES)) as bag:
        part = list(bag.messages(["/camera/front/image_raw"], start=at(0.1), stop=at(0.3)))
        assert [message.stamp for message in part] == [at(0.1), at(0.2)]


def test_an_image_without_a_stamp_has_the_time_of_its_recording(tmp_path):
    message = image("/camera/front/image_raw", 1.5, stamp=0)
    with Bag(write_bag(tmp_path / "run", [message])) as bag:
        (read,) = bag.messages()
        assert read.stamp == read.time == at(1.502)


@pytest.mark.parametrize("sqlite", [True, False])
def test_without_metadata_the_files_are_read(tmp_path, sqlite):
    folder = write_bag(tmp_path / "run", MESSAGES, sqlite=sqlite)
    (folder / "metadata.yaml").unlink()
    with Bag(folder) as bag:
        assert values(bag) == [0, 1, 2, 3, 4]
        assert "metadata.yaml is missing" in bag.warnings[0]
    (folder / "metadata.yaml").write_text("rosbag2_bagfile_information: [")
    with Bag(folder) as bag:
        assert values(bag) == [0, 1, 2, 3, 4]
        assert "metadata.yaml cannot be used" in bag.warnings[0]


def test_the_files_of_one_recording_are_one_bag(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    for number, part in ((10, MESSAGES[7:]), (9, MESSAGES[:7])):
        path = bare(write_bag(tmp_path / f"part{number}", part))
        path.rename(folder / f"run_{number}.mcap")
    with Bag(folder) as bag:
        assert values(bag) == [0, 1, 2, 3, 4]
    (folder / "other.mcap").write_bytes((folder / "run_9.mcap").read_bytes())
    with pytest.raises(BagError, match=r"files of one bag, got .*other.mcap, run_10.mcap"):
        Bag(folder)


def test_a_killed_recording_is_read_as_far_as_it_goes(tmp_path):
    large = [image("/camera/front/image_raw", n / 10, n, size=(480, 640)) for n in range(6)]
    path = bare(write_bag(tmp_path / "run", large))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(0.7 * len(whole))])
    with Bag(path) as bag:
        read = values(bag)
        assert read == list(range(len(read)))
        assert 2 <= len(read) < 6
        assert "has no end, as when a recording was killed" in bag.warnings[0]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1, exclude_max=True), compression=st.sampled_from(["none", "storage"]))
def test_wherever_a_file_is_cut_messages_are_whole(tmp_path_factory, share, compression):
    folder = tmp_path_factory.mktemp("bags")
    size = (200, 300)
    made = [image("/camera/front/image_raw", n / 10, n, size=size) for n in range(15)]
    path = bare(write_bag(folder / "run", made, compression=compression))
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    try:
        with Bag(path) as bag:
            read = values(bag)
    except BagError:
        return
    assert read == list(range(len(read)))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    place=st.floats(0, 1, exclude_max=True),
    damage=st.binary(min_size=1, max_size=40),
    sqlite=st.booleans(),
)
def test_damage_anywhere_is_an_error_of_the_bag_or_harmless(
    tmp_path_factory, place, damage, sqlite
):
    folder = tmp_path_factory.mktemp("bags")
    path = bare(write_bag(folder / "run", MESSAGES, sqlite=sqlite))
    data = bytearray(path.read_bytes())
    start = int(place * len(data))
    data[start : start + len(damage)] = damage[: len(data) - start]
    path.write_bytes(data)
    try:
        with Bag(path) as bag:
            for message in bag.messages():
                bag.decode(message)
    except BagError:
        return
    assert bag.path == path


def test_what_is_no_bag_is_named(tmp_path):
    with pytest.raises(BagError, match=r"got nothing at '.*none.mcap'"):
        Bag(tmp_path / "none.mcap")
    with pytest.raises(BagError, match=r"hold .mcap or .db3 files, got '.*' with none"):
        Bag(tmp_path)
    for name, content, words in (
        ("a.mcap", b"", "the empty file"),
        ("b.mcap", b"\x89MCAP0\r\n" + bytes(100), "must be a whole MCAP or SQLite file"),
        ("c.db3", b"no database", "must be a whole MCAP or SQLite file"),
        ("d.bag", b"#ROSBAG V2.0\n", "rosbags-convert --src d.bag"),
        ("e.txt", b"words", r"must end in .mcap or .db3"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BagError, match=words):
            Bag(tmp_path / name)


def test_a_bag_without_messages_is_refused(tmp_path):
    path = bare(write_bag(tmp_path / "run", []))
    with pytest.raises(BagError, match=r"must hold messages, got .* with none"):
        Bag(path)


def test_a_broken_chunk_is_told_when_it_is_reached(tmp_path):
    made = [image("/camera/front/image_raw", n / 10, n, size=(480, 640)) for n in range(4)]
    path = bare(write_bag(tmp_path / "run", made, compression="storage"))
    data = bytearray(path.read_bytes())
    second = [place for place in range(len(data)) if data.startswith(b"\x28\xb5\x2f\xfd", place)][
        1
    ]
    data[second : second + 60] = bytes(60)
    path.write_bytes(data)
    with Bag(path) as bag, pytest.raises(BagError, match=r"damaged after [1-3] of these messages"):
        list(bag.messages())


def test_a_journal_that_was_not_read_is_said(tmp_path):
    path = bare(write_bag(tmp_path / "run", MESSAGES, sqlite=True))
    path.with_name(f"{path.name}-wal").write_bytes(b"pages")
    with Bag(path) as bag:
        assert "was not read; run `sqlite3 run.db3 'PRAGMA wal_checkpoint'`" in bag.warnings[0]


def test_the_bags_own_definitions_count(tmp_path):
    definition = parsed("float32 volts\nstring name", "my_msgs/msg/Battery")
    raw = b"\0\1\0\0" + bytes.fromhex("0000c03f") + b"\3\0\0\0ab\0"
    messages = [("/battery", "my_msgs/msg/Battery", at(0), raw), *two_views(2)]
    definitions = {"my_msgs/msg/Battery": definition}
    with Bag(write_bag(tmp_path / "run", messages, definitions=definitions)) as bag:
        (message,) = bag.messages(["/battery"])
        assert (bag.decode(message).volts, bag.decode(message).name) == (1.5, "ab")


def test_an_unknown_type_is_only_told_by_who_asks_for_it(tmp_path):
    messages = [("/battery", "my_msgs/msg/Battery", at(0), bytes(8)), *two_views(2)]
    definitions = {"my_msgs/msg/Battery": "this is { not a definition"}
    with Bag(write_bag(tmp_path / "run", messages, definitions=definitions)) as bag:
        assert values(bag) == [0, 1]
        (message,) = bag.messages(["/battery"])
        with pytest.raises(BagError, match="definition of my_msgs/msg/Battery in the bag must be"):
            bag.decode(message)


def test_bytes_that_are_another_type_are_told(tmp_path):
    messages = [("/task/instruction", "std_msgs/msg/String", at(0), b"\0\1\0\0\xff\xff\0\0abc")]
    with Bag(write_bag(tmp_path / "run", messages)) as bag:
        (message,) = bag.messages()
        with pytest.raises(BagError, match="'/task/instruction' must be a std_msgs/msg/String"):
            bag.decode(message)
