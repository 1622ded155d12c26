"""The part of a robot's file that says what happens before an episode."""

from __future__ import annotations

from collections.abc import Sequence

from kibble.envs.robot.description import (
    ActionDescription,
    HomeStep,
    HumanStep,
    PolicyStep,
    ResetStep,
    TopicStep,
)
from kibble.envs.robot.yaml_section import Section

__all__ = ["read_reset"]

_DAY = 86_400.0  # s


def read_reset(parts: Sequence[Section], action: ActionDescription) -> tuple[ResetStep, ...]:
    """Read the list ``reset``.

    Raises:
        ConfigError: If a key is unknown or missing, or a value out of range.
    """
    return tuple(_step(part, action) for part in parts)


def _step(part: Section, action: ActionDescription) -> ResetStep:
    kind = part.one_of("do", ("topic", "home", "human", "policy"))
    step: ResetStep
    if kind == "topic":
        step = TopicStep(
            topic=part.topic("topic", "/robot/reset"),
            ready=part.topic("ready", "/robot/ready"),
            seconds=part.number("seconds", 0.1, _DAY, 30.0, unit="s"),
        )
    elif kind == "home":
        step = _home(part, action)
    elif kind == "human":
        step = HumanStep(
            say=part.text("say", "reset the scene"),
            seconds=part.number("seconds", 0.0, _DAY, 0.0, unit="s"),
        )
    else:
        load = part.text("load", "kibble.agents.reset_policy:load_reset_policy")
        if load.count(":") != 1:
            raise part.error("load", "be written module:function", load)
        step = PolicyStep(
            load=load,
            file=part.text("file"),
            steps=part.whole("steps", 1, 1_000_000),
        )
    part.end()
    return step


def _home(part: Section, action: ActionDescription) -> HomeStep:
    limits = action.limits
    bounded = limits.bounded
    place = part.numbers("place", int(bounded.sum()))
    for name, value, low, high in zip(
        [axis.name for axis, has in zip(action.axes, bounded, strict=True) if has],
        place,
        limits.low[bounded],
        limits.high[bounded],
        strict=True,
    ):
        if not low <= value <= high:
            raise part.error("place", f"lie in [{low:g}, {high:g}] on axis {name}", value)
    return HomeStep(
        place=place,
        speed=part.number("speed", 0.01, 1.0, 0.5),
        tolerance=part.number("tolerance", 1e-4, 1.0, 0.01),
        seconds=part.number("seconds", 0.1, 3600.0, 20.0, unit="s"),
    )
