"""A reward node with a clock that only moves when a test says so."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from tests.memory_messages import build
from tests.reward_models import CentroidModel

from kibble.rewards.node.parameters import NodeParameters
from kibble.rewards.node.reward_node import RewardNode
from kibble.rewards.ros.images import encode

NS = 1_000_000_000
START = 1_000 * NS


class HandClock:
    """Time for tests: ns since the epoch, and seconds that never go back."""

    def __init__(self, now: int = START) -> None:
        self.ns = now
        self.passed = 0.0

    def now(self) -> int:
        return self.ns

    def monotonic(self) -> float:
        return self.passed

    def wait(self, seconds: float) -> None:
        self.ns += round(seconds * NS)
        self.passed += seconds


def image(stamp: int, *, bright: float = 0.5, size: tuple[int, int] = (8, 32), **changes):
    """A picture that `CentroidModel` reads as `bright`, as a message."""
    frame = np.zeros((*size, 3), np.uint8)
    frame[:, round(bright * (size[1] - 1))] = 255
    fields = dict(encode(frame, stamp=stamp, frame_id="lens"))
    return build("sensor_msgs/msg/Image", {**fields, **changes})


def parameters(**values: object) -> NodeParameters:
    """`views` and `instruction` have values that most tests can do with; `_` stands for dots."""
    return NodeParameters.from_values({"instruction": "move right", **values})


class Rig:
    """A node, its clock, and a camera for each of its views."""

    def __init__(self, model=None, *, clock: HandClock | None = None, **values: object) -> None:
        self.clock = HandClock() if clock is None else clock
        self.model = CentroidModel() if model is None else model
        self.parameters = parameters(**values)
        self.node = RewardNode(
            self.parameters,
            self.model,
            self.clock,
            monotonic=self.clock.monotonic,
            run="run",
        )
        self.sources = {
            view: SimpleNamespace(publishers=1, mismatch="") for view in self.parameters.views
        }
        for view, source in self.sources.items():
            self.node.listen(view, source)

    def run(self) -> Rig:
        self.node.activate()
        answer, _ = self.node.start()
        assert answer.accepted
        return self

    def see(self, bright: float = 0.5, *, age: float = 0.0, views=None, **changes) -> None:
        """All cameras (or those named) deliver an image taken `age` s ago."""
        stamp = self.clock.ns - round(age * NS)
        for view in self.parameters.views if views is None else views:
            self.node.see(view, image(stamp, bright=bright, **changes))

    def period(self, bright: float = 0.5, **changes):
        """One period in which images come, are read, and a message is said."""
        self.clock.wait(1.0 / self.parameters.rate)
        self.see(bright, **changes)
        self.node.read()
        return self.node.tick()
