"""What goes wrong with cameras while they are used."""

from __future__ import annotations

from kibble.rewards.errors import ModelError

__all__ = ["CalibrationError"]


class CalibrationError(ModelError):
    """A calibration does not fit what its camera shows; readings fail, the potential is held."""
