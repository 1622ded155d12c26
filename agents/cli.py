"""The ``kibble`` command: finds the command, composes its settings, runs it, reports errors."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import kibble
from kibble.agents.command_line.command import Command
from kibble.agents.command_line.completion import candidates, completion_script
from kibble.agents.command_line.help_text import command_help, group_overview, overview
from kibble.agents.command_line.near_names import near_names
from kibble.agents.command_line.table import COMMANDS, split_command
from kibble.agents.graphics import choose_backend
from kibble.rewards.errors import ConfigError, KibbleError, MissingDependencyError
from kibble.rewards.extras import EXTRA_OF_MODULE

__all__ = ["run"]


def run(argv: Sequence[str]) -> int:
    """Run ``kibble`` with the words after its name.

    Args:
        argv: For example ``["train", "task=push", "seed=0"]``.

    Returns:
        Exit status: 0 done, 1 checked and found broken, 2 not usable as given, 130 interrupted.

    Raises:
        Exception: What went wrong, with its traceback, if ``--traceback`` or
            ``KIBBLE_TRACEBACK=1`` asks for it or if it is a defect of kibble itself.
    """
    words = [word for word in argv if word != "--traceback"]
    show_traceback = len(words) < len(argv) or os.environ.get("KIBBLE_TRACEBACK") == "1"
    try:
        return _dispatch(words)
    except KeyboardInterrupt:
        print("kibble: interrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has gone, for example `kibble … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (KibbleError, OSError, ModuleNotFoundError) as error:
        message = _message_for_user(error)
        if show_traceback or message is None:
            raise
        print(f"kibble: error: {message}", file=sys.stderr)
        return 2


def _dispatch(words: Sequence[str]) -> int:
    if not words or words[0] in {"-h", "--help", "help"}:
        named, _ = split_command(words[1:])
        if named is not None:
            return _run_command(named, ["--help"])
        print(overview(kibble.__version__))
        return 0
    name, rest = words[0], words[1:]
    if name in {"-V", "--version"}:
        print(f"kibble {kibble.__version__}")
        return 0
    if name == "completion":
        print(completion_script(" ".join(rest)), end="")
        return 0
    if name == "__complete":
        print("\n".join(candidates(" ".join(rest))))
        return 0
    command, rest = split_command(words)
    if command is None:
        group = group_overview(name)
        if group and (len(words) == 1 or words[1] in {"-h", "--help"}):
            print(group)
            return 0
        raise _no_command(words)
    return _run_command(command, rest)


def _no_command(words: Sequence[str]) -> ConfigError:
    """Say that words name no command, and which ones there are."""
    name, *rest = words
    second = [row.partition(" ")[2] for row in COMMANDS if row.startswith(f"{name} ")]
    if second:
        given = next((word for word in rest if "=" not in word and word[0] != "-"), "")
        return ConfigError(
            f"`kibble {name}` must be followed by one of its commands, got {given!r}; "
            f"{near_names(given, second)} See `kibble {name} {second[0]} --help`."
        )
    return ConfigError(
        f"The first word must be a command of kibble, got {name!r}; "
        f"{near_names(name, [*COMMANDS, 'completion'])} See `kibble --help`."
    )


def _run_command(command: Command, words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("--print-config", action="store_true")
    parser.add_argument("--config-dir", type=Path)
    try:
        flags, overrides = parser.parse_known_args(words)
    except argparse.ArgumentError as error:
        raise ConfigError(
            f"The flags of `kibble {command.name}` must be complete: {error}."
        ) from error
    from kibble.agents.command_line.compose import open_composer

    with open_composer(command, flags.config_dir) as composer:
        if flags.help:
            print(command_help(composer, overrides))
            return 0
        if flags.print_config:
            from omegaconf import OmegaConf

            print(OmegaConf.to_yaml(composer.compose(overrides)), end="")
            return 0
        config = composer.instantiate(overrides)
    if command.graphics != "never":
        choose_backend(os.environ, needed=command.graphics == "always")
    return _call(command, config)


def _call(command: Command, config: object) -> int:
    try:
        status = command.load_function()(config)
    except _missing_parts_of_environments() as error:
        raise MissingDependencyError(f"The environment lacks a package: {error}.") from error
    return 0 if status is None else status


def _missing_parts_of_environments() -> tuple[type[Exception], ...]:
    """Return the error of gymnasium environments that lack a package, if gymnasium is in use."""
    module = sys.modules.get("gymnasium.error")
    return () if module is None else (module.DependencyNotInstalled,)


def _message_for_user(error: KibbleError | OSError | ModuleNotFoundError) -> str | None:
    """Return the paragraph for an error that the user can mend, or None for a defect of kibble."""
    if isinstance(error, KibbleError):
        return str(error)
    if isinstance(error, ModuleNotFoundError):
        return _message_for_module(error)
    if error.filename is None:
        return None
    return (
        f"The file or folder '{error.filename}' must be usable, got: {error.strerror}; "
        "check the path, its permissions and the free space."
    )


def _message_for_module(error: ModuleNotFoundError) -> str | None:
    module = (error.name or "").partition(".")[0]
    extra = EXTRA_OF_MODULE.get(module)
    if extra is None:
        return None
    return (
        f"This command needs the package {module!r}, which is not installed; "
        f"run `pip install 'kibble[{extra}]'`."
    )
