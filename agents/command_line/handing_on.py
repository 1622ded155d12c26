"""Words of one command that are meant for another, such as those of ``train`` in a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from kibble.agents.command_line.command import Command

__all__ = ["gather_handed_on"]


def gather_handed_on(
    command: Command, overrides: Sequence[str], config_dir: Path | None
) -> list[str]:
    """Put the words that a command does not know itself into its key ``words``.

    Args:
        command: The command; nothing happens unless it hands words on.
        overrides: The words after the command.
        config_dir: The user's own directory of options, handed on where anything is.

    Returns:
        Words for the command's own configuration.
    """
    if command.hands_on_to is None:
        return list(overrides)
    own = {field.name for field in fields(command.load_schema())}  # type: ignore[arg-type]  # is one
    known = [word for word in overrides if word.lstrip("+~").partition("=")[0] in own]
    handed = [word for word in overrides if word not in known]
    if not handed:
        return known
    if config_dir is not None:
        handed.insert(0, f"--config-dir={config_dir.resolve()}")
    return [*known, f"words=[{','.join(_quoted(word) for word in handed)}]"]


def _quoted(word: str) -> str:
    r"""Quote a word in Hydra's grammar; what it refers to is for the other command to look up.

    >>> print(_quoted("task.instruction='push it'"))
    'task.instruction=\'push it\''
    >>> print(_quoted("demonstrations=data/${task.name}"))
    'demonstrations=data/\${task.name}'
    """
    return "'" + word.replace("${", "\\${").replace("'", "\\'") + "'"
