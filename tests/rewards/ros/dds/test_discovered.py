"""What was found in a domain, and what it costs to look."""

from __future__ import annotations

import contextlib
from pathlib import Path

from cyclonedds.builtin import BuiltinTopicDcpsParticipant, BuiltinTopicDcpsPublication
from tests.ros_domain import free_domain, wait_until

from kibble.rewards.ros.dds.dds_transport import DdsTransport
from kibble.rewards.ros.dds.discovered import Discovered
from kibble.rewards.ros.dds.participant import Participant
from kibble.rewards.ros.qos import SENSOR


def resident_kb() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def test_who_comes_is_seen_who_goes_is_not_and_looking_costs_no_memory() -> None:
    domain = free_domain()
    looker = Participant("looker", namespace="/", domain=domain)
    nodes = Discovered(looker.entity, BuiltinTopicDcpsParticipant)
    writers = Discovered(looker.entity, BuiltinTopicDcpsPublication)

    def topics() -> list[str]:
        return [str(found.topic_name) for found in writers.alive()]

    with contextlib.closing(DdsTransport("robot", domain=domain)) as robot:
        cameras = [
            robot.advertise(f"/camera{i}", "sensor_msgs/msg/Image", qos=SENSOR) for i in range(20)
        ]
        wait_until(lambda: all(f"rt/camera{i}" in topics() for i in range(20)))
        assert len(nodes.alive()) == 2
        cameras[0].close()
        wait_until(lambda: "rt/camera0" not in topics())
        assert "rt/camera1" in topics()
        before = resident_kb()
        for _ in range(2000):
            topics()
        assert resident_kb() - before < 4000  # 10 MB where all is read anew each time
    wait_until(lambda: not any(topic.startswith("rt/camera") for topic in topics()))
    wait_until(lambda: len(nodes.alive()) == 1)
    looker.close()
