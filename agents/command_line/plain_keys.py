"""Keys that are set after Hydra has composed: those that it would misread.

Hydra takes ``reward=x`` for the choice of a config group wherever the folder ``configs/reward``
exists, and ``a,b`` for a sweep. A command whose ``reward`` is a plain key means neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Union, get_args, get_origin, get_type_hints

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override, OverrideType, QuotedString
from hydra.errors import HydraException, OverrideParseException
from omegaconf import DictConfig, OmegaConf

__all__ = ["PlainKeys"]

_SETTING = (OverrideType.CHANGE, OverrideType.ADD, OverrideType.FORCE_ADD)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainKeys:
    """The top-level keys of a command that are lists, or that share their name with a group.

    Args:
        schema: The dataclass that types the command's configuration.
        hidden: Keys of it that are named like a config group which the command does not choose
            from.
    """

    schema: type[object]
    hidden: frozenset[str]

    def split(self, overrides: Sequence[str]) -> tuple[list[Override], list[str]]:
        """Divide overrides into those to :meth:`apply` and those for Hydra."""
        plain: list[Override] = []
        rest: list[str] = []
        for word in overrides:
            override = self._parse(word)
            if override is None:
                rest.append(word)
            else:
                plain.append(override)
        return plain, rest

    def apply(self, config: DictConfig, overrides: Sequence[Override]) -> None:
        """Set the keys, where a list is wanted also from one value or from ``a,b``.

        Raises:
            OmegaConfBaseException: If a value is of the wrong type.
        """
        for override in overrides:
            key = override.key_or_group
            value: object = override.value()
            if isinstance(value, ChoiceSweep):
                value = [_plain(part) for part in value.list]
            elif self._is_list(key) and value is not None and not isinstance(value, list):
                value = [value]
            OmegaConf.update(config, key, value, merge=False)

    def takes_choice(self, override: Override) -> bool:
        """Whether ``a,b`` is a list for the key, not a sweep."""
        simple = isinstance(override.value(), ChoiceSweep)
        return simple and self._is_list(override.key_or_group)

    def _parse(self, word: str) -> Override | None:
        name = word.partition("=")[0].lstrip("+")
        if name not in self.hidden and not self._is_list(name):
            return None
        try:
            override = OverridesParser.create().parse_override(word)
        except (HydraException, OverrideParseException):
            return None  # Hydra says what is wrong with it
        return override if override.type in _SETTING else None

    def _is_list(self, key: str) -> bool:
        hint = get_type_hints(self.schema).get(key)
        if get_origin(hint) in (Union, UnionType):
            return any(get_origin(part) is list for part in get_args(hint))
        return get_origin(hint) is list


def _plain(value: object) -> object:
    return value.text if isinstance(value, QuotedString) else value
