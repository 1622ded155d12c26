"""Errors that a user can act on: each text gives the name, the rule, the value and the remedy."""

from __future__ import annotations

import sys

__all__ = [
    "BagError",
    "CheckpointError",
    "ConfigError",
    "FrameError",
    "KibbleError",
    "MissingDependencyError",
    "ModelError",
    "OutageError",
    "RewardHackingError",
    "RobotError",
    "ServiceAwayError",
    "ShapingError",
    "WeightsError",
    "add_note",
]


class KibbleError(Exception):
    """Base of every error that is the user's to mend; the command line exits with status 2."""


class ConfigError(KibbleError, ValueError):
    """A configuration key or value is unknown or out of range."""


class FrameError(KibbleError, ValueError):
    """A camera frame has the wrong view, dtype, shape or size."""


class ShapingError(KibbleError, ValueError):
    """A shaping argument is out of range, non-finite, or contradicts the agent."""


class ModelError(KibbleError, RuntimeError):
    """A reward model gave an unusable answer, or too many of them."""


class ServiceAwayError(KibbleError, ConnectionError):
    """A reward service cannot be reached for now; the model that says so bounds for how long."""


class OutageError(KibbleError, RuntimeError):
    """A reward service stayed away for longer than it may."""


class RewardHackingError(KibbleError, RuntimeError):
    """A run was stopped because its reward is farmed instead of earned."""


class RobotError(KibbleError, RuntimeError):
    """A robot does not answer in time, or is held for longer than it may be."""


class WeightsError(KibbleError, ValueError):
    """Reward model weights are unknown, missing or damaged."""


class CheckpointError(KibbleError, ValueError):
    """A checkpoint or a run directory is missing, damaged, or would be overwritten."""


class BagError(KibbleError, ValueError):
    """A bag is missing, damaged, or does not hold what is asked of it."""


class MissingDependencyError(KibbleError, ImportError):
    """An optional dependency or a system library is not installed."""


def add_note(error: BaseException, note: str) -> None:
    """Add a sentence to what is shown of an error; Python 3.10 keeps it without showing it."""
    if sys.version_info >= (3, 11):
        error.add_note(note)
    else:
        error.__notes__ = [*getattr(error, "__notes__", ()), note]
