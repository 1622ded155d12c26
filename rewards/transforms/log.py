"""Log-tamed sums: a potential of many readings whose extremes do not drown the rest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from kibble.rewards.errors import ShapingError
from kibble.rewards.signals import Floats, Signals

__all__ = ["Log"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Phi becomes sign(Phi) * unit * log(1 + |Phi| / unit).

    Near 0 it is Phi itself; far from 0 a reading ten times as large adds a constant. Meant for
    potentials with a large scale or a sum of several readings. The mode ``potential`` keeps the
    optimal policies, since the map is applied to Phi and not to the term.

    Args:
        unit: Where taming sets in, above 0, in units of Phi.

    Raises:
        ShapingError: If it is not above 0.

    Source:
        Hafner et al. 2023, "Mastering Diverse Domains through World Models", the symlog function,
        with a unit.
    """

    unit: float = 1.0

    def __post_init__(self) -> None:
        if not self.unit > 0.0 or not np.isfinite(self.unit):
            raise ShapingError(f"`unit` must be above 0, got {self.unit}.")

    @property
    def window(self) -> int:
        """1."""
        return 1

    def map(self, signals: Signals) -> Signals:
        """Tame Phi(s) and Phi(s')."""
        return replace(
            signals, phi=self._tamed(signals.phi), next_phi=self._tamed(signals.next_phi)
        )

    def _tamed(self, phi: Floats) -> Floats:
        return np.asarray(np.sign(phi) * self.unit * np.log1p(np.abs(phi) / self.unit))
