from __future__ import annotations

import pytest
from tests.envs.robot.fake_time import FakeTime
from tests.memory_transport import MemoryGraph

from kibble.envs.robot.description import SuccessDescription
from kibble.envs.robot.success import SuccessJudge
from kibble.rewards.ros.qos import STATE

pytest.importorskip("rosbags")


class _Court:
    def __init__(self, kind: str, *, announced: bool = False, **said: object) -> None:
        defaults = {"dwell": 0.0, "threshold": 0.9, "messages": 1}
        graph, self.time = MemoryGraph(), FakeTime()
        kinds = {"topic": "std_msgs/msg/Bool", "reward": "kibble_msgs/msg/Reward"}
        self._publisher = graph.open("r").advertise("/said", kinds[kind], qos=STATE)
        self.judge = SuccessJudge(
            graph.open("k"),
            SuccessDescription(kind=kind, topic="/said", **(defaults | said)),
            now=self.time.now,
            announced=announced,
        )
        self.judge.begin()

    def say(self, wait: float = 0.1, **fields: object) -> bool:
        self._publisher.publish(fields)
        succeeded = self.judge.succeeded()
        self.time.sleep(wait)
        return succeeded


def test_a_topic_has_to_say_so_for_the_dwell_without_a_break():
    court = _Court("topic", dwell=0.3)
    assert [court.say(data=True) for _ in range(5)] == [False, False, False, True, True]
    assert not court.say(data=False)
    assert [court.say(data=True) for _ in range(4)] == [False, False, False, True]


def test_what_was_said_before_the_episode_and_long_ago_does_not_count():
    court = _Court("topic")
    assert court.say(data=True)
    court.judge.begin()
    assert not court.judge.succeeded()
    assert court.say(data=True)
    court.time.sleep(1.5)
    assert not court.judge.succeeded()


def test_the_reward_node_has_to_be_sure_for_several_messages_in_a_row():
    court = _Court("reward", messages=3)
    assert [court.say(success=0.95) for _ in range(3)] == [False, False, True]
    assert not court.say(success=0.89)
    assert [court.say(success=0.9) for _ in range(3)] == [False, False, True]


@pytest.mark.parametrize("bad", [{"status": 1}, {"success": float("nan")}])
def test_a_reward_that_is_not_ok_or_not_known_breaks_the_row(bad):
    court = _Court("reward", messages=2)
    assert not court.say(success=0.95)
    assert not court.say(**({"success": 0.95} | bad))
    assert not court.say(success=0.95)
    assert court.say(success=0.95)


def test_rewards_of_the_episode_before_do_not_count():
    court = _Court("reward", announced=True)
    assert court.say(success=0.95, episode="one")
    court.judge.begin()
    assert not court.say(success=0.95, episode="one")
    assert court.say(success=0.95, episode="two")
