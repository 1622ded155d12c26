"""Episodes of a bag: by rewards, by what was told the node, by resets, or the whole."""

from __future__ import annotations

from tests.rewards.ros.bags.bag_making import (
    at,
    command,
    image,
    reward,
    text,
    two_views,
    write_bag,
)

from kibble.rewards.ros.bags.bag import Bag
from kibble.rewards.ros.bags.episodes import BagEpisode, find_episodes

SET_TASK, START, END, CONFIRM, READY = range(5)
NONE, RUNNING, ENDED = range(3)
BOOL, EMPTY = "std_msgs/msg/Bool", "std_msgs/msg/Empty"


def episodes(tmp_path, messages):
    tmp_path.mkdir(exist_ok=True)
    with Bag(write_bag(tmp_path / "run", sorted(messages, key=lambda m: m[2]))) as bag:
        return find_episodes(bag)


def test_a_plain_bag_is_one_episode(tmp_path):
    assert episodes(tmp_path, two_views(2)) == (BagEpisode(),)
    assert BagEpisode().start == 0


def test_rewards_name_their_episodes(tmp_path):
    messages = [
        reward(0.0, "", NONE),
        *(reward(1 + n / 10, "a", RUNNING, task="reach") for n in range(5)),
        reward(1.5, "a", ENDED, outcome=1, task="reach"),
        reward(1.9, "a", ENDED, outcome=1, task="reach"),  # said again, and no part of it
        *(reward(3 + n / 10, "b", RUNNING, task="push") for n in range(3)),
    ]
    first, second = episodes(tmp_path, messages)
    assert (first.start, first.stop) == (at(1), at(1.5))
    assert (first.instruction, first.outcome) == ("reach", True)
    assert (second.start, second.stop) == (at(3), at(3.2))
    assert (second.instruction, second.outcome) == ("push", None)


def test_the_topic_with_most_episodes_counts(tmp_path):
    messages = [
        *(reward(n, "all", RUNNING, topic="/a/score") for n in range(4)),
        *(reward(n, f"episode {n}", RUNNING) for n in range(4)),
    ]
    assert len(episodes(tmp_path, messages)) == 4


def test_scores_count_where_nothing_else_does(tmp_path):
    scores = [reward(n, "second", RUNNING, topic="/kibble/score/a") for n in range(3, 6)]
    (only,) = episodes(tmp_path / "scores", scores)
    assert (only.start, only.stop) == (at(3), at(5))
    starts = [command(n, START) for n in (0, 2, 6)]
    assert len(episodes(tmp_path / "commands", [*scores, *starts])) == 3


def test_commands_start_and_end_episodes(tmp_path):
    messages = [
        command(0, SET_TASK, instruction="push the cube"),
        command(0.5, READY),
        command(1, START),
        command(2, END, outcome=2),
        command(3, START, instruction="reach the target"),
        command(4, START, stamped=False),
        command(5, CONFIRM, outcome=1),
    ]
    found = episodes(tmp_path, messages)
    assert [(e.start, e.stop) for e in found[:2]] == [(at(1), at(2)), (at(3), at(4.001))]
    assert [e.instruction for e in found] == [
        "push the cube",
        "reach the target",
        "reach the target",
    ]
    assert [e.outcome for e in found] == [False, None, True]
    assert found[2].stop > at(1000)


def test_a_humans_ready_starts_where_nobody_says_start(tmp_path):
    messages = [command(1, READY), command(2, CONFIRM, outcome=1), command(3, READY)]
    first, second = episodes(tmp_path, messages)
    assert (first.start, first.stop, first.outcome) == (at(1), at(3), True)
    assert (second.start, second.outcome) == (at(3), None)


def test_resets_of_the_robot_part_a_bag(tmp_path):
    messages = [
        image("/camera/front/image_raw", 0.0),
        ("/robot/reset", EMPTY, at(1.0), b"\0\1\0\0\0"),
        ("/robot/ready", BOOL, at(1.2), {"data": False}),
        ("/robot/ready", BOOL, at(1.5), {"data": True}),
        ("/task/success", BOOL, at(1.6), {"data": False}),
        ("/task/success", BOOL, at(2.9), {"data": True}),
        ("/robot/reset", EMPTY, at(3.0), b"\0\1\0\0\0"),
        image("/camera/front/image_raw", 4.0),
    ]
    before, first, second = episodes(tmp_path, messages)
    assert (before.start, before.stop, before.outcome) == (at(0.002), at(1), None)
    assert (first.start, first.stop, first.outcome) == (at(1.5), at(3), True)
    assert second.outcome is None


def test_the_recorded_instruction_is_the_last_before_the_end(tmp_path):
    messages = [
        text("/task/instruction", 0, "push the red cube"),
        command(1, START),
        command(2, END),
        text("/task/instruction", 3, "  "),
        text("/task/instruction", 3, "open the drawer"),
        command(4, START),
        command(5, END),
    ]
    assert [e.instruction for e in episodes(tmp_path, messages)] == [
        "push the red cube",
        "open the drawer",
    ]
