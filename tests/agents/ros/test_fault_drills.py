"""Fault drills over real DDS: each fault is recognised, said in these words, held, recovered from.

Robot, node and service are processes of their own. Every reward of all drills is looked at by
`RewardWatch`: what is OK is new and in time, what is not holds, and rewards telescope. Run with
``--junitxml=FILE -o junit_family=xunit1`` to have the measured seconds of each as properties.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest
from cyclonedds.pub import DataWriter
from tests.agents.ros.drill_rig import FRONT, Node, Rig, open_rig
from tests.ros_domain import free_domain

from kibble.envs.robot_simulator.faulty_transport import FaultyTransport
from kibble.rewards.node.diagnostics import Level
from kibble.rewards.ros.dds.dds_transport import DdsTransport
from kibble.rewards.ros.dds.participant import Participant
from kibble.rewards.ros.dds.quality import dds_qos
from kibble.rewards.ros.dds.raw_types import raw_type
from kibble.rewards.ros.images import IMAGE
from kibble.rewards.ros.qos import SENSOR
from kibble.rewards.types import Status

pytestmark = pytest.mark.slow

VIEW = r"[Vv]iew 'front' \(/camera/front/image_raw\)"


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with open_rig() as opened:
        opened.node.until(Status.OK, limit=90.0)
        opened.simulated.until(Status.OK, limit=60.0)
        yield opened


@pytest.fixture
def drill(rig: Rig, record_property) -> Iterator[Drill]:
    """A drill begins with a node that is well, and ends with one."""
    rig.node.until(Status.OK)
    yield Drill(rig, record_property)
    rig.robot.obey("all ok")
    rig.node.until(Status.OK)
    assert rig.node.watch.broken == []
    assert rig.simulated.watch.broken == []


class Drill:
    """Waits for what is to be said, and notes after how long it was."""

    def __init__(self, rig: Rig, note) -> None:
        self._node = rig.node
        self._note = note

    def says(self, status: Status, pattern: str, node: Node | None = None):
        node = node or self._node
        message, after, first = node.until(status, pattern)
        self._note("said", f"{status.name}: {message.status_text}")
        self._note("said_after_s", round(after, 2))
        self._note("not_ok_after_s", round(first, 2))
        return message

    def diagnoses(self, name: str, pattern: str, node: Node | None = None) -> None:
        began = time.monotonic()
        node = node or self._node
        said = node.diagnosed(name, pattern)
        self._note("diagnosed", f"{Level(said.level).name}: {said.message}")
        self._note("diagnosed_after_s", round(time.monotonic() - began, 2))

    def recovers(self, node: Node | None = None) -> None:
        _, after, _ = (node or self._node).until(Status.OK)
        self._note("ok_after_s", round(after, 2))


@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [
        ("off", "MISSING_VIEW", rf"No image of {VIEW} for \d\.\d s: the camera is silent, or .*"),
        ("encoding bayer_rggb16", "MISSING_VIEW", rf"{VIEW}: .*got bayer_rggb16.*"),
        ("half", "MISSING_VIEW", rf"{VIEW}: .*9216 bytes.* got 4608; it is cut off.*"),
        ("frozen", "STALE", r"The last \d+ images of view 'front' had a stamp that was there .*"),
        (
            "back 30",
            "STALE",
            r"The newest frame is 30\.\d\d s old, `deadline` is 1 s; .*in step\?",
        ),
        ("second", "MISSING_VIEW", rf"2 publishers of {VIEW}, whose images would be mixed; .*"),
    ],
)
def test_a_camera_fails_and_recovers(rig: Rig, drill: Drill, fault, status, text):
    rig.robot.obey(f"front {fault}")
    drill.says(Status[status], text)
    rig.robot.obey("front ok")
    drill.recovers()


def test_a_camera_that_is_unplugged_is_missed(rig: Rig, drill: Drill):
    rig.camera.close()
    where = rf"domain {rig.domain} of this machine alone, \d other participants?"
    drill.says(
        Status.MISSING_VIEW, rf"No image of {VIEW} for \d\.\d s: no publisher \({where}\)\."
    )
    rig.restart_camera()
    drill.recovers()


def test_a_camera_in_another_domain_is_not_found(rig: Rig, drill: Drill):
    with contextlib.closing(
        FaultyTransport(DdsTransport("stray", domain=free_domain()))
    ) as elsewhere:
        rig.restart_camera(elsewhere)
        said = drill.says(Status.MISSING_VIEW, rf"No image of {VIEW} .*no publisher \(.*\)\.")
        assert f"domain {rig.domain} of this machine alone" in said.status_text
        rig.restart_camera()
    drill.recovers()


def test_a_camera_of_another_definition_is_refused(rig: Rig, drill: Drill):
    rig.camera.close()
    stranger = Participant("stranger", namespace="/", domain=rig.domain)
    foreign = f"RIHS01_{'0' * 64}"
    topic = stranger.topic(f"rt{FRONT}", raw_type(IMAGE))
    writer = DataWriter(stranger.entity, topic, dds_qos(SENSOR, type_hash=foreign))
    drill.says(
        Status.MISSING_VIEW,
        rf"No image of {VIEW} .*: a publisher's definition of {IMAGE} differs \({foreign}, .*",
    )
    del writer, topic
    stranger.close()
    rig.restart_camera()
    drill.recovers()


@pytest.mark.parametrize(
    ("fault", "text"),
    [("twice", "had a stamp that was there before"), ("swap", "came after later ones")],
)
def test_stamps_out_of_order_are_dropped_and_counted(rig: Rig, drill: Drill, fault, text):
    rig.robot.obey(f"front {fault}")
    drill.diagnoses("camera front", rf".*\d+ of the last \d+ images {text}; they are dropped.*")
    drill.recovers()
    rig.robot.obey("front ok")


def test_4k_images_are_warned_of_or_said_to_be_missing(rig: Rig, drill: Drill):
    rig.camera.pause = 0.2
    rig.robot.obey("front 4k")
    drill.diagnoses(  # which of both depends on the machine's receive buffer
        "camera front",
        r".*images of 3840x2160 pixels take \d+ ms to decode; .*|"
        rf"no image of {VIEW} for \d\.\d s: the camera is silent, or its images are lost .*",
    )
    rig.robot.obey("front ok")
    rig.camera.pause = 1 / 30
    drill.recovers()


def test_a_clock_that_jumps_back_is_followed(rig: Rig, drill: Drill):
    rig.robot.obey("clock back 600")
    rig.robot.obey("front back 600")
    drill.diagnoses("rewards", r"The clock was set back by 60\d\.\d s\.", rig.simulated)
    drill.recovers(rig.simulated)
    rig.robot.obey("all ok")
    drill.recovers(rig.simulated)


def test_images_wait_for_a_clock_that_jumped_back(rig: Rig, drill: Drill):
    rig.robot.obey("clock back 600")
    drill.says(
        Status.STALE,
        r"The clock was set back by 60\d\.\d s; images from then on are waited for\.|"
        r"The newest frame's stamp lies \d+\.\d\d s in the future; .*",
        rig.simulated,
    )
    rig.robot.obey("all ok")
    drill.recovers(rig.simulated)


def test_a_service_that_is_killed_is_missed_and_found_again(rig: Rig, drill: Drill):
    rig.service.kill()
    drill.says(Status.MODEL_ERROR, r".*has been away for .*")
    rig.service.start()
    drill.recovers()
