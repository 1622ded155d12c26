"""Time from `/clock`."""

from __future__ import annotations

from tests.ros_domain import free_domain, wait_until

from kibble.rewards.ros.opening import open_transport
from kibble.rewards.ros.topic_clock import CLOCK, TopicClock


def test_time_is_that_of_the_topic_and_may_jump_back() -> None:
    domain = free_domain()
    listener = open_transport("dds", "listener", domain=domain)
    speaker = open_transport("dds", "speaker", domain=domain)
    try:
        clock = TopicClock(listener)
        assert clock.now() == 0
        assert not clock.wait(0.0)
        publisher = speaker.advertise("/clock", "rosgraph_msgs/msg/Clock", qos=CLOCK)
        wait_until(lambda: publisher.subscribers)
        publisher.publish({"clock": {"sec": 5, "nanosec": 3}})
        assert clock.wait(20.0)
        assert clock.now() == 5_000_000_003
        publisher.publish({"clock": {"sec": 2}})
        wait_until(lambda: clock.now() == 2_000_000_000)
        clock.close()
        wait_until(lambda: publisher.subscribers == 0)
        assert clock.now() == 2_000_000_000
    finally:
        speaker.close()
        listener.close()
