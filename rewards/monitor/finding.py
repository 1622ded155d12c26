"""What a monitor of rewards has found."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

__all__ = ["Finding", "Severity"]


class Severity(str, enum.Enum):
    """How much a finding says."""

    WARNING = "warning"
    """One episode."""
    ALARM = "alarm"
    """Many episodes: the agent learns from it."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong with what the agent is paid.

    Args:
        detector: Name of the detector.
        severity: Whether one episode or many show it.
        slot: The environment whose episode shows it; ``None`` where many do.
        episode: Number of that episode, or of the last one of many.
        step: Environment steps of all environments until then.
        evidence: The figures that it rests on, by name.
        sentence: What is wrong and what may be done, for people.
    """

    detector: str
    severity: Severity
    slot: int | None
    episode: int
    step: int
    evidence: Mapping[str, float]
    sentence: str
