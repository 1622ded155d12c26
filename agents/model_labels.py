"""What reward models are called in tables, pictures and file names."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from kibble.rewards.reference import parse_reference

__all__ = ["file_name", "labels_of"]

_LONGEST = 32  # letters of a reference that fit beside a bar


def labels_of(references: Sequence[str]) -> dict[str, str]:
    """Give each model a short label: its name, or the last part of its path, if that is unique.

    Otherwise it is the reference, its end replaced by a fingerprint if it is long.

    Args:
        references: The models, all different.

    Returns:
        Label to reference, in the same order.

    >>> list(labels_of(["models/mine", "random?seed=1", "random?seed=2"]))
    ['mine', 'random?seed=1', 'random?seed=2']
    >>> list(labels_of(["remote@http://127.0.0.1:8300/grm_tiny", "grm_tiny"]))
    ['remote', 'grm_tiny']
    """
    names = [parse_reference(reference).name for reference in references]
    last = [Path(name).name or name for name in names]
    return {
        short if last.count(short) == 1 else _shortened(reference): reference
        for reference, short in zip(references, last, strict=True)
    }


def file_name(label: str) -> str:
    """Make a label a name for files.

    >>> file_name("clip@a/b?goal=an open drawer")
    'clip@a-b-goal=an-open-drawer'
    """
    return re.sub(r"[^\w.@=-]+", "-", label)


def _shortened(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"
