"""One parameter of the reward node: what it means, and which values it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, final

from kibble.rewards.errors import ConfigError

__all__ = ["Kind", "Parameter", "Value"]

Kind: TypeAlias = Literal["string", "string_array", "double", "bool"]
"""A type of ROS parameters."""

Value: TypeAlias = "str | float | bool | tuple[str, ...]"
"""A value of a parameter."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """What a node declares, and a table lists, of one parameter.

    Args:
        name: Its name, with dots between levels.
        kind: Its type in ROS.
        default: The value where none is given.
        meaning: One sentence for tables and descriptors.
        unit: Unit of its numbers; "" where there is none.
        low: Smallest number allowed, itself included.
        high: Largest number allowed, itself included.
        choices: Texts allowed; empty for any.
        changeable: Whether it may be changed while the node runs.
    """

    name: str
    kind: Kind
    default: Value
    meaning: str
    unit: str = ""
    low: float = 0.0
    high: float = 0.0
    choices: tuple[str, ...] = ()
    changeable: bool = False

    @property
    def allowed(self) -> str:
        """The values allowed, for tables and error texts.

        >>> Parameter(name="rate", kind="double", default=1.0, meaning="", low=0.1, high=9).allowed
        '[0.1, 9]'
        """
        if self.kind == "double":
            return f"[{self.low:g}, {self.high:g}]{self.unit and ' '}{self.unit}"
        if self.choices:
            return ", ".join(self.choices)
        words = {"bool": "true or false", "string": "a text", "string_array": "a list of texts"}
        return words[self.kind]

    def checked(self, value: object) -> Value:
        """Return a value in this parameter's own type.

        Args:
            value: Whatever a file, a command line or a ROS parameter holds. Whole numbers pass
                where numbers are asked for.

        Raises:
            ConfigError: If it is of another type, or outside what is allowed.
        """
        match self.kind:
            case "double" if isinstance(value, int | float) and not isinstance(value, bool):
                if self.low <= value <= self.high:  # NaN compares false
                    return float(value)
            case "bool" if isinstance(value, bool):
                return value
            case "string" if isinstance(value, str):
                if not self.choices or value in self.choices:
                    return value
            case "string_array" if isinstance(value, Sequence) and not isinstance(value, str):
                if all(isinstance(text, str) for text in value):
                    return tuple(value)
            case _:
                pass
        raise ConfigError(f"Parameter `{self.name}` must be {self._rule}, got {value!r}.")

    @property
    def _rule(self) -> str:
        if self.kind == "double":
            return f"a number in {self.allowed}"
        return f"one of {self.allowed}" if self.choices else self.allowed
