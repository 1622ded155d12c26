"""One command of ``kibble``: what it is, and where its code is."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, cast

__all__ = ["Command"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command; nothing that it names is imported before it is needed.

    Args:
        name: The word on the command line, or two with a space between them.
        summary: What it does, one line, lower case, no full stop.
        examples: Pairs of a command line and what it does.
        schema: ``module:class`` of the frozen dataclass that types its configuration.
        function: ``module:function`` taking that dataclass and returning an exit status or None.
        graphics: Whether a MuJoCo back end is chosen before it starts: ``always`` needs one that
            works, ``maybe`` goes without until a frame is asked for, ``never`` leaves it alone.
        hands_on_to: Name of the command that the words which this one does not know are for; they
            arrive in its key ``words``.
        first_word: Key that the first word is for where it is written alone, without ``key=``.
        notes: Paragraphs at the end of its help.
    """

    name: str
    summary: str
    examples: tuple[tuple[str, str], ...]
    schema: str
    function: str
    graphics: Literal["always", "maybe", "never"] = "always"
    hands_on_to: str | None = None
    first_word: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """Name of its file in ``configs``, without the ending."""
        return self.name.replace(" ", "_")

    def named(self, words: Sequence[str]) -> list[str]:
        """Return the words with the name of the key before the first, where it stands alone."""
        first, *rest = words or [""]
        if self.first_word is None or not first.isidentifier():
            return list(words)
        return [f"{self.first_word}={first}", *rest]

    def load_schema(self) -> type[object]:
        """Import the dataclass that types the command's configuration."""
        return cast("type[object]", _load(self.schema))

    def load_function(self) -> Callable[[object], int | None]:
        """Import the function that runs the command."""
        return cast("Callable[[object], int | None]", _load(self.function))


def _load(path: str) -> object:
    module, _, name = path.partition(":")
    return cast("object", getattr(importlib.import_module(module), name))
