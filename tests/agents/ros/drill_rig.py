"""What a fault drill needs: a robot whose topics can fail, a service, and nodes as processes."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import numpy as np
from benchmarks.ros_reward_watch import RewardWatch
from tests.rewards.remote.service_process import ServiceProcess
from tests.ros_domain import free_domain, wait_until

from kibble.envs.robot_simulator.faulty_transport import FaultyTransport
from kibble.envs.robot_simulator.topics import CLOCK, image_topic
from kibble.rewards.ros.clock import stamp_fields
from kibble.rewards.ros.dds.dds_transport import DdsTransport
from kibble.rewards.ros.images import IMAGE, encode
from kibble.rewards.ros.qos import SENSOR, STATE, Qos
from kibble.rewards.ros.topic_clock import CLOCK as CLOCK_QOS
from kibble.rewards.types import Status

RATE, DEADLINE, GAMMA, STALENESS = 10.0, 1.0, 0.99, 0.5
FRONT = image_topic("front")
ALL = Qos(reliable=True, depth=1000)  # nothing is missed where these tests are starved for a while


class Camera:
    """Films a white column that walks to the right, at 30 Hz; tells the time on ``/clock``."""

    def __init__(self, robot: FaultyTransport) -> None:
        self.pause = 1 / 30  # s
        self._robot = robot
        self._publisher = robot.advertise(FRONT, IMAGE, qos=SENSOR)
        self._clock = robot.advertise(CLOCK, "rosgraph_msgs/msg/Clock", qos=CLOCK_QOS)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._film)
        self._thread.start()

    def close(self) -> None:
        self._end.set()
        self._thread.join()
        self._publisher.close()
        self._clock.close()

    def _film(self) -> None:
        column = 0
        while not self._end.wait(self.pause):
            frame = np.zeros((48, 64, 3), np.uint8)
            frame[:, column % 64] = 255
            column += 1
            now = time.time_ns()
            self._clock.publish({"clock": stamp_fields(now)})
            self._publisher.publish(encode(frame, stamp=now, frame_id="lens"))


class Node:
    """`kibble ros node` in its own process, and all that it said."""

    def __init__(self, ears: DdsTransport, name: str, *words: str) -> None:
        self.name = name
        self.watch = RewardWatch(deadline=DEADLINE, gamma=GAMMA, ended=lambda: None)
        self.said: list[tuple[float, object]] = []  # when it was heard, by the monotonic clock
        self.entries: list = []  # all diagnostics
        ears.subscribe(f"/{name}/reward", "kibble_msgs/msg/Reward", self._take, qos=ALL)
        ears.subscribe(
            "/diagnostics", "diagnostic_msgs/msg/DiagnosticArray", self._diagnosed, qos=STATE
        )
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "kibble", "ros", "node", "transport=dds"),
                *(f"name={name}", f"rate={RATE}", f"deadline={DEADLINE}", "auto_start=true"),
                *(f"staleness={STALENESS}", f"gamma={GAMMA}", "instruction=move right", *words),
            ],
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )

    def until(self, status: Status, pattern: str = "", *, limit: float = 30.0):
        """Wait for a new message of that status whose whole text is like the pattern.

        Returns:
            The message; s until it was heard; s until the first of another status than OK was.
        """
        began, first = time.monotonic(), len(self.said)
        found = None

        def seen() -> bool:
            nonlocal found
            assert self.process.poll() is None, self.process.stderr.read()
            for at, message in self.said[first:]:
                if message.status == status and re.fullmatch(pattern, message.status_text):
                    found = (at, message)
                    return True
            return False

        try:
            wait_until(seen, limit=limit)
        except AssertionError as error:
            texts = {(m.status, m.status_text) for _, m in self.said[first:]}
            raise AssertionError(f"not said: {pattern!r}; said: {texts}") from error
        others = [at - began for at, m in self.said[first:] if m.status != Status.OK]
        return found[1], found[0] - began, min(others, default=float("nan"))

    def diagnosed(self, name: str, pattern: str):
        """Wait for new diagnostics of that name whose whole message is like the pattern."""
        first, found = len(self.entries), None

        def seen() -> bool:
            nonlocal found
            for entry in self.entries[first:]:
                if entry.name.endswith(f"{self.name}: {name}") and re.fullmatch(
                    pattern, entry.message
                ):
                    found = entry
            return found is not None

        wait_until(seen, limit=30.0)
        return found

    def close(self) -> None:
        """End it by Ctrl-C, and see that it ended well."""
        self.process.send_signal(signal.SIGINT)
        try:
            _, errors = self.process.communicate(timeout=30)
        finally:
            self.process.kill()
        assert self.process.returncode == 0, errors

    def _take(self, message: object) -> None:
        self.watch.take(message)
        self.said.append((time.monotonic(), message))

    def _diagnosed(self, array) -> None:
        self.entries += array.status


class Rig:
    """A robot, a reward service and a node; drills take turns, each leaves all as it was."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self.domain = free_domain()
        self.service = stack.enter_context(ServiceProcess())
        self.ears = DdsTransport("ears", domain=self.domain)
        stack.callback(self.ears.close)
        self.robot = FaultyTransport(DdsTransport("robot", domain=self.domain))
        stack.callback(self.robot.close)
        words = (f"domain={self.domain}", f"reward=remote@{self.service.url}/dot")
        self.node = Node(self.ears, "judge", *words)
        stack.callback(self.node.close)
        self.simulated = Node(self.ears, "rehearsal", *words, "use_sim_time=true")
        stack.callback(self.simulated.close)
        self.camera = Camera(self.robot)
        stack.callback(lambda: self.camera.close())

    def restart_camera(self, robot: FaultyTransport | None = None) -> None:
        """Unplug the camera, and plug it in, perhaps at another robot."""
        self.camera.close()
        self.camera = Camera(robot or self.robot)


@contextlib.contextmanager
def open_rig() -> Iterator[Rig]:
    with contextlib.ExitStack() as stack:
        yield Rig(stack)
