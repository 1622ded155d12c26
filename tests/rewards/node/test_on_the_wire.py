"""Cameras, node and reward service over real DDS, each with what can go wrong there."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from tests.rewards.node.node_rig import parameters
from tests.rewards.remote.service_process import ServiceProcess
from tests.ros_domain import free_domain, wait_until

from kibble.rewards.node.model_opening import open_node_model
from kibble.rewards.node.reward_node import RewardNode
from kibble.rewards.node.wiring import connect
from kibble.rewards.ros.clock import SystemClock
from kibble.rewards.ros.images import encode
from kibble.rewards.ros.opening import open_transport
from kibble.rewards.ros.qos import SENSOR, STATE
from kibble.rewards.types import Status

IMAGE = "sensor_msgs/msg/Image"


class Bench:
    """Cameras at 30 Hz and a node in one domain; what it says is kept."""

    def __init__(self, stack: contextlib.ExitStack, **values: object) -> None:
        self.stack = stack
        self.domain = free_domain()
        self.parameters = parameters(**{"rate": 10.0, "auto_start": True, **values})
        self.node = RewardNode(
            self.parameters, open_node_model(self.parameters), SystemClock(), run="run"
        )
        stack.callback(self.node.close)
        self.robot = self.join("robot")
        self.wiring = connect(self.node, self.join("kibble"), name="/kibble")
        stack.callback(self.wiring.close)
        self.said: list = []
        self.robot.subscribe(
            "/kibble/reward", "kibble_msgs/msg/Reward", self.said.append, qos=STATE
        )
        self.wiring.start()

    def join(self, name: str, domain: int | None = None):
        transport = open_transport("dds", name, domain=self.domain if domain is None else domain)
        self.stack.callback(transport.close)
        return transport

    @contextlib.contextmanager
    def filming(self, view: str, *, size=(48, 64), transport=None) -> Iterator[None]:
        """A camera that films a white column which walks to the right."""
        publisher = (transport or self.robot).advertise(
            self.parameters.cameras[view].topic, IMAGE, qos=SENSOR
        )
        end = threading.Event()

        def film() -> None:
            column = 0
            while not end.wait(1 / 30):
                frame = np.zeros((*size, 3), np.uint8)
                frame[:, column % size[1]] = 255
                column += 1
                publisher.publish(encode(frame, stamp=time.time_ns(), frame_id=view))

        thread = threading.Thread(target=film)
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join()
            publisher.close()

    def until(self, status: Status, text: str = "") -> None:
        """Wait for a new message with that status whose text holds `text`."""
        count = len(self.said)
        wait_until(
            lambda: any(m.status == status and text in m.status_text for m in self.said[count:])
        )


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as opened:
        yield opened


def test_two_cameras_are_read_by_the_shipped_model(stack):
    bench = Bench(stack, reward="grm_tiny", views=["front", "wrist"], deadline=1.0)
    bench.until(Status.STALE, "No image of view 'front', 'wrist' yet.")
    bench.until(Status.MISSING_VIEW, "no publisher (domain")
    with bench.filming("front"), bench.filming("wrist"):
        bench.until(Status.OK)
        bench.until(Status.OK)
        answer = bench.robot.call(
            "/kibble/confirm_outcome",
            "kibble_msgs/srv/ConfirmOutcome",
            {"success": True, "by": "ann"},
        )
        assert answer.accepted
        wait_until(lambda: bench.said[-1].episode_state == 2)
    good = [m for m in bench.said if m.status == Status.OK]
    assert all(0.0 <= m.progress <= 1.0 and 0.0 <= m.latency <= 1.0 for m in good)
    assert good[-1].model == "grm_tiny"
    assert good[-1].header.frame_id in ("front", "wrist")
    assert bench.said[-1].outcome == 1


def test_a_service_that_is_killed_is_said_and_its_return_is_found(stack):
    service = stack.enter_context(ServiceProcess())
    bench = Bench(stack, reward=f"remote@{service.url}/dot", deadline=1.0)
    with bench.filming("front"):
        bench.until(Status.OK)
        service.kill()
        bench.until(Status.MODEL_ERROR, "has been away for")
        held = {m.potential for m in bench.said if m.status == Status.MODEL_ERROR}
        assert len(held) == 1
        service.start()
        bench.until(Status.OK)
        service.pause()
        bench.until(Status.STALE, "model has been reading the newest frames for")
        service.go_on()
        bench.until(Status.OK)
    assert {m.episode for m in bench.said} == {"run-0001"}


def test_faults_of_cameras_are_said_and_recovered_from(stack):
    service = stack.enter_context(ServiceProcess())
    bench = Bench(stack, reward=f"remote@{service.url}/dot", staleness=0.5, deadline=0.5)
    with bench.filming("front"):
        bench.until(Status.OK)
        with bench.filming("front", transport=bench.join("another_robot")):
            bench.until(Status.MISSING_VIEW, "2 publishers of view 'front'")
        bench.until(Status.OK)
    bench.until(Status.MISSING_VIEW, "no publisher (domain")
    elsewhere = bench.join("elsewhere", free_domain())
    with bench.filming("front", transport=elsewhere):  # the wrong domain
        bench.until(Status.MISSING_VIEW, f"no publisher (domain {bench.domain}")
    other_type = bench.robot.advertise(
        "/camera/front/image_raw", "sensor_msgs/msg/CompressedImage", qos=SENSOR
    )
    bench.until(Status.MISSING_VIEW, "sends sensor_msgs/msg/CompressedImage, not")
    other_type.close()
    with bench.filming("front", size=(1080, 1920)):
        bench.until(Status.OK)
