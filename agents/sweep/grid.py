"""The grid that a line of words describes, in Hydra's own grammar of overrides."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from kibble.rewards.errors import ConfigError

__all__ = ["Axis", "Grid", "config_dir_of", "launcher_words", "read_grid"]

_DECIDED = {
    "run": "every run has its own directory below out",
    "runs_dir": "every run has its own directory below out",
    "resume": "a sweep goes on by itself where out is given again",
}
_LAUNCHER = ("hydra/launcher", "hydra.launcher.")
_CONFIG_DIR = "--config-dir="


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One key that takes several values.

    Args:
        key: Key or config group of ``kibble train``, such as ``agent.gamma``.
        values: Its values as they would be written, in order.
    """

    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """What a line of words describes.

    Args:
        axes: The keys that take several values, in the order given.
        fixed: Words that hold for every run.
    """

    axes: tuple[Axis, ...]
    fixed: tuple[str, ...] = ()

    def points(self) -> list[dict[str, str]]:
        """List all combinations as key to value, all runs of one seed before the next.

        >>> axes = (Axis(key="seed", values=("0", "1")), Axis(key="task", values=("a", "b")))
        >>> [tuple(p.values()) for p in Grid(axes=axes).points()]
        [('0', 'a'), ('0', 'b'), ('1', 'a'), ('1', 'b')]
        """
        axes = sorted(self.axes, key=lambda axis: axis.key != "seed")  # a first picture, early
        keys = [axis.key for axis in axes]
        return [
            dict(zip(keys, values, strict=True))
            for values in itertools.product(*(axis.values for axis in axes))
        ]


def read_grid(words: Sequence[str], loader: ConfigLoader | None = None) -> Grid:
    """Read words such as ``task=push,reach``, ``seed=range(5)`` and ``steps=9000``.

    Args:
        words: Overrides of ``kibble train`` in Hydra's grammar. Those that :func:`launcher_words`
            and :func:`config_dir_of` find are passed over.
        loader: What lists the options of a group for ``glob(…)``; only that needs it.

    Raises:
        ConfigError: If a word cannot be read, sets what the sweep decides itself, or does not list
            its values.

    Source:
        Hydra 1.3, "Extended Override syntax": choice, range and glob sweeps.
    """
    parser = OverridesParser.create(config_loader=loader)
    axes: dict[str, Axis] = {}
    fixed: list[str] = []
    for word in words:
        if word.startswith((_CONFIG_DIR, *_LAUNCHER)):
            continue
        override = _parse(parser, word)
        if not override.is_sweep_override():
            fixed.append(word)
            continue
        if override.get_key_element() in axes:
            raise ConfigError(
                f"Every key must be given once, got {word!r} again; list all its values in one "
                f"word: {override.get_key_element()}=a,b,c."
            )
        axis = _axis(override, word)
        axes[axis.key] = axis
    return Grid(axes=tuple(axes.values()), fixed=tuple(fixed))


def launcher_words(words: Sequence[str]) -> tuple[str, ...]:
    """Return the words that choose and set up a launcher plugin of Hydra.

    >>> launcher_words(["task=push", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"])
    ('hydra/launcher=joblib', 'hydra.launcher.n_jobs=2')
    """
    return tuple(word for word in words if word.startswith(_LAUNCHER))


def config_dir_of(words: Sequence[str]) -> Path | None:
    """Return the directory of the user's own options, where there is one."""
    found = [word.removeprefix(_CONFIG_DIR) for word in words if word.startswith(_CONFIG_DIR)]
    return Path(found[-1]) if found else None


def _parse(parser: OverridesParser, word: str) -> Override:
    try:
        (override,) = parser.parse_overrides([word])
    except HydraException as error:
        raise ConfigError(
            f"Every word of a sweep must be key=value or key=value,value, got {word!r}; put "
            "values with spaces or special characters in quotes of their own."
        ) from error
    key = override.key_or_group
    if key in _DECIDED:
        raise ConfigError(f"`{key}` must be left out of a sweep, got {word!r}: {_DECIDED[key]}.")
    if key.startswith("hydra"):
        raise ConfigError(
            f"Of Hydra's own settings a sweep takes hydra/launcher and hydra.launcher.…, got "
            f"{word!r}; leave it out."
        )
    return override


def _axis(override: Override, word: str) -> Axis:
    key = override.get_key_element()
    if not override.is_discrete_sweep():
        raise ConfigError(
            f"A sweep must list its values, got {word!r}; write {key}=a,b,c or {key}=range(5)."
        )
    try:
        values = tuple(override.sweep_string_iterator())
    except HydraException as error:
        raise ConfigError(f"The values of {word!r} cannot be listed: {error}.") from error
    if not values:
        raise ConfigError(f"A sweep must list at least one value, got none for {word!r}.")
    if len(set(values)) < len(values):
        raise ConfigError(f"The values of a key must differ, got {word!r}.")
    return Axis(key=key, values=values)
