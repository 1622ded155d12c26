"""A number's place in a ROS message: ``pose.position.x``, ``position[elbow]``, ``data[3]``."""

from __future__ import annotations

import re
from typing import final

from kibble.rewards.errors import ConfigError

__all__ = ["MessagePath"]

_PART = re.compile(r"([A-Za-z_]\w*)(?:\[([^\[\]]+)\])?")


@final
class MessagePath:
    """Reads one number of messages.

    Fields are parted by dots. ``[3]`` takes the fourth of a sequence; ``[elbow]`` takes the one
    that stands where the message's ``name`` has ``elbow``, as JointState has it.

    Args:
        text: The path.

    Raises:
        ConfigError: If it is none.

    >>> from types import SimpleNamespace as Message
    >>> MessagePath("position[b]").read(Message(name=["a", "b"], position=[0.1, 0.2]))
    0.2
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._parts: list[tuple[str, str | int | None]] = []
        for part in re.split(r"\.(?![^\[]*\])", text):
            match = _PART.fullmatch(part)
            if match is None:
                raise ConfigError(
                    f"`path` must be fields with dots between them, got {text!r}; for example "
                    "pose.position.x, position[elbow] or data[3]."
                )
            field, key = match.groups()
            self._parts.append((field, int(key) if key and key.isdecimal() else key))

    def read(self, message: object) -> float | None:
        """Return the number, or ``None`` if the message has no such joint or entry.

        Raises:
            ConfigError: If messages of this type have no such field, or it is no number.
        """
        value: object = message
        for field, key in self._parts:
            if not hasattr(value, field):
                raise ConfigError(
                    f"`path` must be a place in the message, got {self.text!r}: "
                    f"{type(value).__name__} has no field {field!r}."
                )
            value = getattr(value, field)
            if key is None:
                continue
            place = key
            if isinstance(key, str):
                names = list(getattr(message, "name", ()))
                if key not in names:
                    return None
                place = names.index(key)
            if place >= len(value):  # type: ignore[arg-type,operator]  # a sequence of the message
                return None
            value = value[place]  # type: ignore[index]  # a sequence of the message
        try:
            return float(value)  # type: ignore[arg-type]  # anything that is a number
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f"`path` must lead to a number, got {self.text!r}, a {type(value).__name__}."
            ) from error
