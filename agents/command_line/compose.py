"""From the words after a command to the frozen dataclass that its function takes."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from hydra import compose, initialize_config_module
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from kibble.agents.agent_config import AGENTS
from kibble.agents.command_line.handing_on import gather_handed_on
from kibble.agents.command_line.mistakes import Mistakes
from kibble.agents.command_line.plain_keys import PlainKeys
from kibble.agents.command_line.resuming import settings_of_resumed_run
from kibble.agents.command_line.reward_choice import spell_out_reward
from kibble.agents.command_line.sentences import quote_sentences
from kibble.rewards.errors import ConfigError

if TYPE_CHECKING:
    from kibble.agents.command_line.command import Command

__all__ = ["Composer", "open_composer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Composer:
    """Composes the configuration of one command while Hydra is initialised.

    Args:
        command: The command.
        schema: The dataclass that types its configuration.
        groups: Config group to its options, in the order of the command's defaults list.
        chosen: Config group to the option of the defaults list.
        plain: Keys that Hydra is not to see: those that share their name with a group, and lists.
        search_path: Override that adds the user's own directory, or nothing.
        config_dir: That directory, or ``None``.
    """

    command: Command
    schema: type[object]
    groups: dict[str, tuple[str, ...]]
    chosen: dict[str, str]
    plain: PlainKeys
    search_path: tuple[str, ...]
    config_dir: Path | None

    def compose(self, overrides: Sequence[str] = ()) -> DictConfig:
        """Compose the configuration under overrides such as ``seed=0``.

        Raises:
            ConfigError: If an override names an unknown key, group option or a value of the wrong
                type; the text gives the near names.
        """
        named = self.command.named(overrides)
        overrides = quote_sentences(spell_out_reward(named, self.groups))
        overrides = gather_handed_on(self.command, overrides, self.config_dir)
        mistakes = Mistakes(
            command=self.command.name,
            schema=self.schema,
            groups=self.groups,
            plain=self.plain,
            compose=self._raw,
        )
        mistakes.check(overrides)
        try:
            return self._raw(overrides)
        except (HydraException, OmegaConfBaseException) as error:
            raise mistakes.translate(error, overrides) from error

    def instantiate(self, overrides: Sequence[str] = ()) -> object:
        """Compose and turn the result into the schema's dataclass.

        Raises:
            ConfigError: As :meth:`compose`; also if a required key has no value or the
                dataclass's own checks refuse a value.
        """
        config = settings_of_resumed_run(self.compose(overrides), overrides)
        missing = sorted(OmegaConf.missing_keys(config))
        if missing:
            key = missing[0]
            raise ConfigError(
                f"`{key}` must be given for `kibble {self.command.name}`, got no value; "
                f"add {key}=…, or see `kibble {self.command.name} --help`."
            )
        try:
            return OmegaConf.to_object(config)
        except OmegaConfBaseException as error:
            raise ConfigError(str(error).splitlines()[0]) from error

    def _raw(self, overrides: Sequence[str]) -> DictConfig:
        plain, rest = self.plain.split(overrides)
        config = compose(self.command.file, overrides=[*self.search_path, *rest])
        self.plain.apply(config, plain)
        return config


@contextlib.contextmanager
def open_composer(command: Command, config_dir: Path | None = None) -> Iterator[Composer]:
    """Initialise Hydra for one command.

    Args:
        command: The command to compose for.
        config_dir: A directory of the user's own with more options for the groups, or ``None``.

    Raises:
        ConfigError: If ``config_dir`` is not a directory.
    """
    if config_dir is not None and not config_dir.is_dir():
        raise ConfigError(
            f"`--config-dir` must be a directory, got '{config_dir}'; it holds folders named like "
            "the config groups, for example task/my_task.yaml."
        )
    schema = command.load_schema()
    store = ConfigStore.instance()
    store.store(name=f"{command.file}_schema", node=_editable(schema))
    for name, agent in AGENTS.items():  # each option of the group begins with its own schema
        store.store(group="agent", name=f"_{name}", node=_editable(agent))
    GlobalHydra.instance().clear()
    with initialize_config_module("kibble.configs", version_base="1.3", job_name="kibble"):
        search_path = () if config_dir is None else (_search_path(config_dir),)
        config = compose(command.file, overrides=list(search_path), return_hydra_config=True)
        chosen = {
            group: cast("str", option)
            for group, option in config.hydra.runtime.choices.items()
            if not str(group).startswith("hydra/")
        }
        yield Composer(
            command=command,
            schema=schema,
            groups={group: _options(group, config_dir) for group in _in_order(chosen, schema)},
            chosen=chosen,
            plain=PlainKeys(schema=schema, hidden=_hidden_keys(schema, chosen)),
            search_path=search_path,
            config_dir=config_dir,
        )


def _editable(schema: type[object]) -> DictConfig:
    """Return the schema as a typed node that overrides may write to, frozen or not.

    A field whose default is of a class below its annotated one is put back to the annotated
    class, because an option of its group is to say which class it becomes.
    """
    node: DictConfig = OmegaConf.structured(schema)
    pending = [node]
    while pending:
        inner = pending.pop()
        OmegaConf.set_readonly(inner, None)
        for name in inner:
            child = inner._get_node(name)
            if isinstance(child, DictConfig) and _is_narrowed(child):
                inner[name] = OmegaConf.structured(child._metadata.ref_type)
        children = (inner._get_node(name) for name in inner)
        pending += [
            child
            for child in children
            if isinstance(child, DictConfig) and not (child._is_none() or child._is_missing())
        ]
    return node


def _is_narrowed(node: DictConfig) -> bool:
    annotated, held = node._metadata.ref_type, node._metadata.object_type
    return dataclasses.is_dataclass(held) and annotated is not held


def _in_order(groups: Iterable[str], schema: type[object]) -> list[str]:
    """Put groups into the order of the schema's fields, which is the order of help."""
    fields = list(getattr(schema, "__dataclass_fields__", ()))
    return sorted(groups, key=lambda name: fields.index(name) if name in fields else len(fields))


def _hidden_keys(schema: type[object], chosen: Iterable[str]) -> frozenset[str]:
    """Return the keys that are named like a config group which is not the command's."""
    loader = GlobalHydra.instance().config_loader()
    fields = set(getattr(schema, "__dataclass_fields__", ())) - set(chosen)
    return frozenset(name for name in fields if loader.get_group_options(name))


def _search_path(config_dir: Path) -> str:
    return f"hydra.searchpath=['file://{config_dir.resolve()}']"


def _options(group: str, config_dir: Path | None) -> tuple[str, ...]:
    """List the options of a group, those of the user's own directory last."""
    options: list[str] = GlobalHydra.instance().config_loader().get_group_options(group)
    own = sorted(path.stem for path in (config_dir / group).glob("*.yaml")) if config_dir else []
    shipped = [option for option in options if not option.startswith("_")]
    return (*shipped, *(option for option in own if option not in shipped))
