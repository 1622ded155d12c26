"""Mistakes on the command line, each answered in one paragraph with the near names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, OverrideParseException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from kibble.agents.command_line.near_names import near_names
from kibble.agents.command_line.plain_keys import PlainKeys
from kibble.agents.command_line.schema import describe_type, key_types, schemas_of
from kibble.rewards.errors import ConfigError

__all__ = ["Mistakes", "dotted_keys"]


def dotted_keys(config: DictConfig, prefix: str = "") -> list[str]:
    """List every key of a configuration, inner ones with dots."""
    keys: list[str] = []
    for name in config:
        key = f"{prefix}{name!s}"
        keys.append(key)
        node = config._get_node(name)  # the value itself could be missing or an interpolation
        if isinstance(node, DictConfig) and not node._is_none() and not node._is_missing():
            keys += dotted_keys(node, f"{key}.")
    return keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistakes:
    """Finds out what is wrong with the overrides of one command.

    Args:
        command: The command's name.
        schema: The dataclass that types its configuration.
        groups: Config group to its options.
        plain: Keys whose values are not Hydra's to read.
        compose: Composes under overrides without translating errors.
    """

    command: str
    schema: type[object]
    groups: Mapping[str, Sequence[str]]
    plain: PlainKeys
    compose: Callable[[Sequence[str]], DictConfig]

    def check(self, overrides: Sequence[str]) -> None:
        """Check the form of every override, the options of groups and the names of keys.

        Raises:
            ConfigError: For the first mistake.
        """
        parsed = [self._parse(word) for word in overrides]
        for override in parsed:
            if override.key_or_group in self.groups:
                self._check_option(override)
        if all(override.is_add() or override.key_or_group in self.groups for override in parsed):
            return
        keys = dotted_keys(self.compose(self._choices(overrides)))
        for override in parsed:
            if not override.is_add() and override.key_or_group not in self.groups:
                self._check_key(override.key_or_group, keys)

    def translate(self, error: Exception, overrides: Sequence[str]) -> ConfigError:
        """Turn an error of Hydra or OmegaConf into one that says what to write instead."""
        cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else error
        key = getattr(cause, "full_key", None)
        key = re.sub(r"\[\d+\]$", "", str(key)) if key else None
        hint = self._types(overrides).get(key) if key else None
        if key and hint is not None:
            given = self._given(key, overrides)
            return ConfigError(
                f"`{key}` must be {describe_type(hint)}, got {given}; "
                f"see `kibble {self.command} --help`."
            )
        first_line = str(cause).strip().splitlines()[0]
        return ConfigError(
            f"The configuration of `kibble {self.command}` could not be composed: {first_line} "
            f"See `kibble {self.command} --help`."
        )

    def _parse(self, word: str) -> Override:
        if word.startswith("-"):
            raise ConfigError(
                f"`kibble {self.command}` takes name=value without dashes, got {word!r}; "
                f"write for example {word.lstrip('-').partition('=')[0]}=…, and see "
                f"`kibble {self.command} --help`."
            )
        if "=" not in word and not word.startswith("~"):
            homes = [
                f"{group}={word}" for group, options in self.groups.items() if word in options
            ]
            remedy = f"did you mean {' or '.join(homes)}?" if homes else "write for example seed=0"
            raise ConfigError(
                f"Every argument of `kibble {self.command}` must be name=value, got {word!r}; "
                f"{remedy.removesuffix('?')}{'?' if homes else '.'}"
            )
        try:
            override = OverridesParser.create().parse_override(word)
        except (HydraException, OverrideParseException) as error:
            raise ConfigError(
                f"The argument {word!r} cannot be read; put values with spaces or special "
                "characters in quotes of their own, for example instruction='\"push the cube\"'."
            ) from error
        if override.is_sweep_override() and not self.plain.takes_choice(override):
            raise ConfigError(
                f"`{override.key_or_group}` must be one value, got {word!r}; write a list as "
                f"{override.key_or_group}=[…], or run the command once for each value."
            )
        if override.key_or_group.partition(".")[0] == "hydra":
            raise ConfigError(
                f"Hydra's own settings have no effect in kibble, got {word!r}; "
                f"see `kibble {self.command} --help` for what can be set."
            )
        return override

    def _check_option(self, override: Override) -> None:
        options = self.groups[override.key_or_group]
        value = override.value()
        if not override.is_delete() and value is not None and value not in options:
            group = override.key_or_group
            raise ConfigError(
                f"`{group}` must name one of its options, got {value!r}; "
                f"{near_names(str(value), options)} "
                f"(options: {', '.join(options)})"
            )

    def _check_key(self, key: str, keys: Sequence[str]) -> None:
        if key in keys or re.sub(r"(\[\d+\]|\.\d+)$", "", key) in keys:
            return
        names = [*self.groups, *keys]
        homes = self._homes(key)
        remedy = f"{' or '.join(homes)} has it." if homes else near_names(key, names)
        raise ConfigError(
            f"`{key}` must be a key of `kibble {self.command}`, got an unknown name; "
            f"{remedy} All keys: `kibble {self.command} --help`."
        )

    def _homes(self, key: str) -> list[str]:
        """List the options, such as agent=ppo, of the key's group that have the key."""
        group = key.partition(".")[0]
        options = [f"{group}={name}" for name in self.groups.get(group, ())]
        return [option for option in options if key in dotted_keys(self.compose([option]))]

    def _choices(self, overrides: Sequence[str]) -> list[str]:
        """Return the overrides that choose an option of a group."""
        return [word for word in overrides if word.partition("=")[0] in self.groups]

    def _types(self, overrides: Sequence[str]) -> dict[str, object]:
        """Map keys to their types under the chosen options."""
        found = key_types(self.schema)
        for name, schema in schemas_of(self.compose(self._choices(overrides))).items():
            found |= key_types(schema, f"{name}.")
        return found

    @staticmethod
    def _given(key: str, overrides: Sequence[str]) -> str:
        for word in reversed(overrides):
            name, _, value = word.partition("=")
            if name.lstrip("+") == key:
                return repr(value)
        return "another kind of value"
