"""The text of ``--help``: examples first, then config groups, then every key."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from kibble.agents.command_line.table import COMMANDS

if TYPE_CHECKING:
    from kibble.agents.command_line.compose import Composer

__all__ = ["command_help", "group_overview", "overview"]

_FLAGS = (
    ("-h, --help", "show this text"),
    ("--traceback", "show where an error came from (also KIBBLE_TRACEBACK=1)"),
    ("--print-config", "print the composed configuration as YAML and stop"),
    ("--config-dir DIR", "a folder of your own options, such as task/my_task.yaml"),
)


def overview(version: str) -> str:
    """Say what kibble is and list its commands."""
    lines = [
        f"kibble {version}: camera frames in, dense rewards that robots can learn from",
        "",
        "Usage: kibble COMMAND [name=value …]",
        "",
        "Commands",
        *_two_columns((row.name, row.summary) for row in COMMANDS.values()),
        *_two_columns([("completion", "print a completion script for bash, zsh or fish")]),
        "",
        "Examples",
        "  kibble doctor",
        "  kibble render task=push",
        "  kibble train task=push reward=grm_tiny agent=sac seed=0",
        "  kibble evaluate run=runs/push-grm_tiny-sac-seed0 episodes=100",
        '  eval "$(kibble completion bash)"      # names and values on the Tab key',
        "",
        "`kibble COMMAND --help` lists the settings of a command. `kibble --version` prints the",
        "version. Exit status: 0 done, 1 checked and found broken, 2 not usable as given,",
        "130 interrupted.",
    ]
    return "\n".join(lines)


def group_overview(group: str) -> str:
    """List the commands of two words that begin with ``group``; empty where there are none."""
    rows = [row for row in COMMANDS.values() if row.name.startswith(f"{group} ")]
    if not rows:
        return ""
    lines = [
        f"Usage: kibble {group} COMMAND [name=value …]",
        "",
        "Commands",
        *_two_columns((row.name.partition(" ")[2], row.summary) for row in rows),
        "",
        f"`kibble {group} COMMAND --help` lists the settings of a command.",
    ]
    return "\n".join(lines)


def command_help(composer: Composer, overrides: Sequence[str] = ()) -> str:
    """Teach one command: examples, groups with their options, keys with default and meaning.

    Args:
        composer: The command.
        overrides: Words beside ``--help``; ``agent=ppo`` shows the keys of that option.
    """
    from omegaconf import OmegaConf

    from kibble.agents.command_line.schema import describe_keys, schemas_of

    command = composer.command
    config = composer.compose(overrides)
    meanings = describe_keys(composer.schema)
    for name, schema in schemas_of(config).items():
        meanings |= describe_keys(schema, f"{name}.")
    lines = [
        f"kibble {command.name}: {command.summary}",
        "",
        f"Usage: kibble {command.name} [name=value …]",
        "",
        "Examples",
    ]
    for line, meaning in command.examples:
        lines += [f"  {line}", f"      {meaning}"]
    if composer.groups:
        lines += ["", "Groups (group=option replaces a block of keys; * is the default;"]
        lines += [f"        its keys: kibble {command.name} group=option --help)"]
        lines += _two_columns(_group_rows(composer))
    lines += ["", "Keys (key=value)"]
    rows = []
    for key, value in _leaves(OmegaConf.to_container(config, resolve=False)):
        rows.append((f"{key}={value}", meanings.get(key, "")))
    lines += _two_columns(rows)
    lines += ["", "Flags", *_two_columns(_FLAGS)]
    for note in command.notes:
        lines += ["", *textwrap.wrap(note, 96, break_on_hyphens=False)]
    return "\n".join(lines)


def _group_rows(composer: Composer) -> list[tuple[str, str]]:
    rows = []
    for group, options in composer.groups.items():
        marked = [f"{name}*" if name == composer.chosen[group] else name for name in options]
        rows.append((group, " ".join(marked)))
    return rows


def _leaves(value: object, prefix: str = "") -> list[tuple[str, str]]:
    """Flatten nested mappings into dotted keys and printed values."""
    if isinstance(value, dict) and value:
        return [
            leaf
            for name, inner in value.items()
            for leaf in _leaves(inner, f"{prefix}.{name}" if prefix else str(name))
        ]
    return [(prefix, _print_value(value))]


def _print_value(value: object) -> str:
    """Print a value as it would be written on the command line."""
    if value is None:
        return "null"
    if value == "???":
        return "…  (required)"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ",".join(_print_value(item) for item in value) + "]"
    return str(value)


def _two_columns(rows: Iterable[tuple[str, str]]) -> Sequence[str]:
    """Lay out rows of a name and a text; a long name puts its text on the next line."""
    width = min(max(shutil.get_terminal_size().columns, 60), 100)
    table = list(rows)
    left = min(max((len(name) for name, _ in table), default=0), 30) + 4
    lines = []
    for name, text in table:
        wrapped = textwrap.wrap(text, max(width - left, 30)) or [""]
        head = f"  {name}"
        if len(head) + 2 > left:
            lines.append(head)
            head = ""
        if head or wrapped != [""]:
            lines.append(f"{head:<{left}}{wrapped[0]}".rstrip())
        lines += [" " * left + line for line in wrapped[1:]]
    return lines
