"""One thing that was looked at, and what came of it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

__all__ = ["Check", "Verdict"]


class Verdict(str, enum.Enum):
    """What a check came to."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One row of the report.

    Args:
        section: graphics, torch, packages, machine or ros.
        name: What was looked at.
        verdict: ``BROKEN`` only for what kibble cannot do without.
        found: What is there, or the reason why it does not work.
        remedy: What to do about it; empty where nothing has to be done.
    """

    section: str
    name: str
    verdict: Verdict
    found: str
    remedy: str = ""
