"""Multiply the auxiliary terms of a reward."""

from __future__ import annotations

from kibble.rewards.rule import Terms
from kibble.rewards.signals import Floats

__all__ = ["scaled"]


def scaled(terms: Terms, factor: Floats) -> Terms:
    """Return the terms with every one but ``task`` multiplied by a factor, (N,) float64."""
    return {name: term if name == "task" else factor * term for name, term in terms.items()}
