"""Numbers that were recorded in a bag, as a function of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.errors import BagError, ConfigError
from kibble.rewards.ros.bags.bag import Bag

__all__ = ["RecordedNumbers", "default_actions", "default_states", "read_numbers"]

_JOINT_STATE = "sensor_msgs/msg/JointState"
_COMMANDS = {
    "geometry_msgs/msg/TwistStamped": "twist",
    "geometry_msgs/msg/Twist": "",
    "std_msgs/msg/Float64": "data",
    "std_msgs/msg/Float64MultiArray": "data",
    "std_msgs/msg/Float32MultiArray": "data",
}


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RecordedNumbers:
    """D numbers, of one or several topics, that hold from one message to the next.

    Args:
        names: D names.
        times: For each topic (N,) int64 ns, when its messages were recorded, rising.
        values: For each topic (N, D') float32.
    """

    names: tuple[str, ...]
    times: tuple[NDArray[np.int64], ...]
    values: tuple[NDArray[np.float32], ...]

    def at(self, times: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the newest values at each time; before the first message, those of the first.

        Args:
            times: (T,) ns since the epoch.

        Returns:
            (T, D) float32.
        """
        parts = [np.zeros((len(times), 0), np.float32)]
        for known, values in zip(self.times, self.values, strict=True):
            places = np.searchsorted(known, times, side="right") - 1
            parts.append(values[np.maximum(places, 0)])
        return np.concatenate(parts, axis=1)

    def commanded(self, times: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the newest values at each time; before the first message zeros."""
        parts = [np.zeros((len(times), 0), np.float32)]
        for known, values in zip(self.times, self.values, strict=True):
            places = np.searchsorted(known, times, side="right") - 1
            parts.append(np.where(places[:, None] >= 0, values[np.maximum(places, 0)], 0.0))
        return np.concatenate(parts, axis=1).astype(np.float32)


def default_states(bag: Bag) -> tuple[str, ...]:
    """Return where a bag's states are: positions of every JointState."""
    return tuple(f"{topic}.position" for topic in bag.topics_of(_JOINT_STATE))


def default_actions(bag: Bag) -> tuple[str, ...]:
    """Return where a bag's actions are: the numbers of all commands; angles where they are any."""
    found = []
    for topic in bag.topics:
        field = _COMMANDS.get(topic.type_name)
        if not topic.name.startswith("/command/") or field is None or not topic.count:
            continue
        path = f"{topic.name}.{field}".rstrip(".")
        if "Twist" not in topic.type_name:
            found.append(path)
            continue
        (angular,) = read_numbers(bag, [f"{path}.angular"]).values
        found += [f"{path}.linear", f"{path}.angular"] if angular.any() else [f"{path}.linear"]
    return tuple(found)


def read_numbers(bag: Bag, paths: Sequence[str]) -> RecordedNumbers:
    """Read fields of topics throughout a bag.

    Args:
        bag: The bag.
        paths: Topic and field each, with dots, such as ``/command/twist.twist.linear``. A field
            that is a message stands for all its numbers.

    Raises:
        BagError: If the number of numbers changes from message to message.
        ConfigError: If a topic or a field is not there, or is not made of numbers.
    """
    names: list[str] = []
    times, values = [], []
    known = {topic.name: topic for topic in bag.topics if topic.count}
    for path in paths:
        topic, _, field = path.partition(".")
        if topic not in known:
            raise ConfigError(
                f"`state` and `action` must name topics of '{bag.path}', got {path!r}; it has "
                f"{', '.join(known)}. Write for example /joint_states.position."
            )
        rows: list[list[float]] = []
        stamps: list[int] = []
        called: tuple[str, ...] = ()
        for message in bag.messages([topic]):
            found = list(_numbers(bag.decode(message), field.split(".") if field else [], path))
            now = tuple(name for name, _ in found)
            if rows and called != now:
                raise BagError(
                    f"Every message must hold the same numbers, got {', '.join(called)} and then "
                    f"{', '.join(now)} of {path!r}; choose another topic or field."
                )
            called = now
            rows.append([value for _, value in found])
            stamps.append(message.time)
        names += called
        times.append(np.asarray(stamps, np.int64))
        values.append(np.asarray(rows, np.float32).reshape(len(rows), len(called)))
    return RecordedNumbers(names=tuple(names), times=tuple(times), values=tuple(values))


def _numbers(message: Any, fields: Sequence[str], path: str) -> Iterator[tuple[str, float]]:
    """Yield names and values of the numbers of a field."""
    value, owner = message, None
    for field in fields:
        owner = value
        try:
            value = getattr(value, field)
        except AttributeError as error:
            shown = ", ".join(getattr(value, "__dataclass_fields__", {"none": 0}))
            raise ConfigError(
                f"`state` and `action` must name fields, got {path!r}, where {field!r} is none; "
                f"there are {shown}."
            ) from error
    labels = _labels(owner, fields[-1] if fields else "")
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        if len(labels) != len(value):
            labels = [f"{path}[{number}]" for number in range(len(value))]
        yield from zip(labels, value.tolist(), strict=True)
        return
    yield from _inside(value, path, path)


def _inside(value: Any, name: str, path: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, bool | int | float):
        yield name, float(value)
        return
    fields = [field for field in getattr(value, "__dataclass_fields__", {}) if field[:2] != "__"]
    if not fields:
        raise ConfigError(
            f"`state` and `action` must name numbers, got {path!r}, where {name!r} is a "
            f"{type(value).__name__}; name a field with numbers."
        )
    for field in fields:
        yield from _inside(getattr(value, field), f"{name}.{field}", path)


def _labels(owner: Any, field: str) -> list[str]:
    """Return the names that a message itself gives to the numbers of an array, or none."""
    names = getattr(owner, "name", None)
    if isinstance(names, list):  # of a JointState
        return names if field == "position" else [f"{name}.{field}" for name in names]
    dimensions = getattr(getattr(owner, "layout", None), "dim", [])
    return str(dimensions[0].label).split(",") if len(dimensions) == 1 else []
