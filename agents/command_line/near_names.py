"""Names near one that was mistyped."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["near_names"]

_MAX_NAMES = 12


def near_names(word: str, names: Iterable[str]) -> str:
    """Say which of ``names`` are near ``word``, or list them where none is.

    A dotted name is also near when its last part is: ``gama`` finds ``agent.gamma``.

    >>> near_names("psuh", ["push", "reach"])
    'did you mean push?'
    >>> near_names("x", ["push", "reach"])
    'choose from push, reach'
    """
    known = list(dict.fromkeys(names))
    near = difflib.get_close_matches(word, known, n=3, cutoff=0.6)
    last_part = word.rpartition(".")[2]
    by_last = {name: name.rpartition(".")[2] for name in known}
    near_last = difflib.get_close_matches(last_part, set(by_last.values()), n=3, cutoff=0.7)
    near += [name for part in near_last for name in known if by_last[name] == part]
    near = list(dict.fromkeys(near))[:3]
    if near:
        return f"did you mean {' or '.join(near)}?"
    if not known:
        return "there is none to choose from"
    shown = ", ".join(known[:_MAX_NAMES])
    return f"choose from {shown}{', …' if len(known) > _MAX_NAMES else ''}"
