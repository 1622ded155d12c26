"""Shell completion: the scripts, and the words that they ask ``kibble __complete`` for."""

from __future__ import annotations

from collections.abc import Sequence

from kibble.agents.command_line.table import COMMANDS, split_command
from kibble.rewards.errors import ConfigError, KibbleError

__all__ = ["SHELLS", "candidates", "completion_script"]

FLAGS = ("--help", "--traceback", "--print-config", "--config-dir")
SHELLS = ("bash", "zsh", "fish")

# Bash splits words at "=", so what stands before the last "=" is taken off the candidates again.
_BASH = r"""
_kibble() {
    local line="${COMP_LINE:0:COMP_POINT}"
    local word="${line##*[[:space:]]}"
    local IFS=$'\n'
    COMPREPLY=($(kibble __complete "$line" 2>/dev/null))
    if [[ $word == *=* && $COMP_WORDBREAKS == *=* ]]; then
        COMPREPLY=("${COMPREPLY[@]#"${word%"${word##*=}"}"}")
    fi
}
complete -o nospace -o default -F _kibble kibble
"""

_ZSH = r"""
_kibble() {
    local -a found
    found=("${(@f)$(kibble __complete "${(j: :)words[1,CURRENT-1]} $PREFIX" 2>/dev/null)}")
    if [[ -n $found ]]; then
        compadd -Q -S '' -- $found
    else
        compset -P '*='
        _files
    fi
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
compdef _kibble kibble
"""

_FISH = r"""
complete -c kibble -f -a '(kibble __complete (commandline -cp) 2>/dev/null | string trim --right)'
"""

_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def completion_script(shell: str) -> str:
    """Return the script that makes ``shell`` complete kibble's words.

    Raises:
        ConfigError: If there is no script for the shell.
    """
    if shell not in _SCRIPTS:
        raise ConfigError(
            f"`kibble completion` takes one of {', '.join(SHELLS)}, got {shell!r}; "
            'for example: eval "$(kibble completion bash)".'
        )
    return _SCRIPTS[shell].lstrip()


def candidates(line: str) -> list[str]:
    """List what the last word of ``line`` can become.

    Args:
        line: The command line up to the cursor, starting with the program's name.

    Returns:
        Whole words. Those after which another word follows end in a space.
    """
    words = line.split()
    if line[-1:].isspace() or not words:
        words.append("")
    if len(words) < 2:
        return []
    *before, word = words[1:]
    if not before:
        names = [*(row.split()[0] for row in COMMANDS), "completion", "--help", "--version"]
        return [f"{name} " for name in dict.fromkeys(names) if name.startswith(word)]
    if before[0] == "completion":
        return [f"{shell} " for shell in SHELLS if shell.startswith(word)]
    command, given = split_command(before)
    if command is None:
        pairs = [row.split() for row in COMMANDS if row.startswith(f"{before[0]} ")]
        seconds = [second for _, second in pairs if second.startswith(word)]
        return [f"{second} " for second in seconds if len(before) == 1]
    if word.startswith("-"):
        return [f"{flag} " for flag in FLAGS if flag.startswith(word)]
    found = _overrides(command.name, given, word)
    if command.hands_on_to is not None:
        found += _overrides(command.hands_on_to, given, word)
    return list(dict.fromkeys(found))


def _overrides(name: str, before: Sequence[str], word: str) -> list[str]:
    """Complete a group, an option or a key of a command."""
    from kibble.agents.command_line.compose import open_composer
    from kibble.agents.command_line.mistakes import dotted_keys
    from kibble.agents.command_line.schema import key_types

    with open_composer(COMMANDS[name]) as composer:
        key, equals, value = word.partition("=")
        if equals and key in composer.groups:
            options = composer.groups[key]
            return [f"{key}={option} " for option in options if option.startswith(value)]
        if equals:
            is_flag = key_types(composer.schema).get(key) is bool
            switches = ("true", "false") if is_flag else ()
            return [f"{key}={switch} " for switch in switches if switch.startswith(value)]
        try:
            config = composer.compose([word for word in before if "=" in word])
        except KibbleError:  # an unfinished line: complete against the defaults
            config = composer.compose()
    given = {word.partition("=")[0] for word in before}
    keys = dict.fromkeys([*composer.groups, *dotted_keys(config)])
    depth = word.count(".")
    return [
        f"{key}="
        for key in keys
        if key.startswith(word) and key not in given and key.count(".") <= depth
    ]
