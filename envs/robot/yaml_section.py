"""A mapping of a YAML file, read strictly: what is not understood is an error with its key."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from typing import TypeVar, final

from kibble.rewards.errors import ConfigError

__all__ = ["Section"]

_Default = TypeVar("_Default")


@final
class Section:
    """One mapping of a file; each key is asked for once, and :meth:`end` refuses what is left.

    Args:
        value: What the file holds there.
        file: The file's name, for texts.
        key: Where the mapping stands in it, dots between keys; empty for the whole file.

    Raises:
        ConfigError: If it is no mapping.
    """

    def __init__(self, value: object, *, file: str, key: str = "") -> None:
        self.file, self.key = file, key
        if not isinstance(value, Mapping) or not all(isinstance(word, str) for word in value):
            raise self.error("", "be a mapping of names to values", value)
        self._left = dict(value)
        self._known: list[str] = []

    def error(self, key: str, rule: str, value: object, remedy: str = "") -> ConfigError:
        """Return the error that a value of this mapping deserves.

        Args:
            key: The key below this mapping; empty for the mapping itself.
            rule: What the value must, for example ``lie in [0, 1]``.
            value: What it is.
            remedy: What to do, if there is more to say.
        """
        full = ".".join(part for part in (self.key, key) if part)
        name = f"`{full}`" if full else "the file"
        return ConfigError(
            f"{self.file}: {name} must {rule}, got {value!r}; {remedy}".rstrip("; ")
        )

    def has(self, key: str) -> bool:
        """Return whether the key is there and not null."""
        self._known.append(key)
        return self._left.get(key) is not None

    def take(self, key: str) -> object:
        """Return what stands under a key; raise a ConfigError if it is not there."""
        self._known.append(key)
        if self._left.get(key) is None:
            raise self.error(key, "be given", None, "add it.")
        return self._left.pop(key)

    def number(
        self, key: str, low: float, high: float, default: float | None = None, unit: str = ""
    ) -> float:
        """Return a number from ``low`` to ``high``; raise a ConfigError if it is none."""
        if default is not None and not self.has(key):
            self._left.pop(key, None)
            return default
        value = self.take(key)
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise self.error(key, f"be a number{unit and f' of {unit}'}", value)
        try:
            number = float(value)  # YAML 1.1 takes "1e-3" for text
        except ValueError as error:
            raise self.error(key, f"be a number{unit and f' of {unit}'}", value) from error
        if not low <= number <= high or math.isinf(number):  # also refuses NaN
            raise self.error(key, f"lie in [{low:g}, {high:g}]{unit and f' {unit}'}", value)
        return number

    def whole(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """Return a whole number from ``low`` to ``high``; raise a ConfigError if it is none."""
        number = self.number(key, low, high, None if default is None else float(default))
        if number != int(number):
            raise self.error(key, "be a whole number", number)
        return int(number)

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text that is not blank, or the default; raise a ConfigError if it is none."""
        if default is not None and not self.has(key):
            self._left.pop(key, None)
            return default
        value = self.take(key)
        if not isinstance(value, str) or not value.strip():
            raise self.error(key, "be a text", value, "quote it where YAML reads something else.")
        return value

    def topic(self, key: str, default: str | None = None) -> str:
        """Return the name of a topic; raise a ConfigError if it does not begin with a slash."""
        name = self.text(key, default)
        if not name.startswith("/") or name.endswith("/") or " " in name:
            raise self.error(key, "be a topic such as /joint_states", name)
        return name

    def flag(self, key: str, default: bool) -> bool:
        """Return true or false; raise a ConfigError if it is neither."""
        if not self.has(key):
            self._left.pop(key, None)
            return default
        value = self.take(key)
        if not isinstance(value, bool):
            raise self.error(key, "be true or false", value)
        return value

    def one_of(self, key: str, known: Sequence[str], default: str | None = None) -> str:
        """Return one of several words; raise a ConfigError if it is another."""
        word = self.text(key, default)
        if word not in known:
            near = difflib.get_close_matches(word, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else ""
            raise self.error(key, f"be one of {', '.join(known)}", word, hint)
        return word

    def section(self, key: str) -> Section:
        """Return the mapping under a key; raise a ConfigError if there is none."""
        return Section(self.take(key), file=self.file, key=self._below(key))

    def sections(self, key: str) -> list[Section]:
        """Return the mappings of the list under a key; raise a ConfigError if it is none."""
        value = self.take(key)
        if not isinstance(value, list) or not value:
            raise self.error(key, "be a list with entries", value)
        below = self._below(key)
        return [
            Section(entry, file=self.file, key=f"{below}[{number}]")
            for number, entry in enumerate(value)
        ]

    def one_or_more(self, key: str) -> list[Section]:
        """Return the mapping under a key, or those of a list; raise a ConfigError if neither."""
        if isinstance(self._left.get(key), Mapping):
            return [self.section(key)]
        return self.sections(key)

    def named(self, key: str) -> dict[str, Section]:
        """Return the mappings of the mapping under a key; raise a ConfigError if it is none."""
        value = self.take(key)
        if not isinstance(value, Mapping) or not value:
            raise self.error(key, "be a mapping with entries", value)
        below = self._below(key)
        return {
            str(name): Section(entry, file=self.file, key=f"{below}.{name}")
            for name, entry in value.items()
        }

    def numbers(self, key: str, count: int) -> tuple[float, ...]:
        """Return a list of so many numbers; raise a ConfigError if it is none."""
        value = self.take(key)
        fits = isinstance(value, list) and len(value) == count
        listed = [
            float(entry)
            for entry in (value if isinstance(value, list) else [])
            if isinstance(entry, int | float) and not isinstance(entry, bool)
        ]
        if not fits or len(listed) != count or not all(map(math.isfinite, listed)):
            raise self.error(key, f"be a list of {count} finite numbers", value)
        return tuple(listed)

    def end(self) -> None:
        """Raise a ConfigError if a key was not asked for."""
        for word, value in self._left.items():
            if word in self._known and value is None:
                continue
            known = sorted(set(self._known))
            near = difflib.get_close_matches(word, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}."
            place = f"`{self.key}`" if self.key else "the file"
            raise ConfigError(f"{self.file}: {place} has an unknown key {word!r}; {hint}")

    def _below(self, key: str) -> str:
        return f"{self.key}.{key}" if self.key else key
