"""Smoothing of a noisy progress, frame by frame, before it becomes a potential.

A smoother sees the readings of one episode in order, each once, and gives one value per frame from
the readings until then. What comes out is again one potential per frame, fixed once it is there: a
potential that changes with time, F = gamma * Phi(s', t') - Phi(s, t), which leaves the optimal
policies as they are whatever its values (Devlin and Kudenko 2012). The sum of F still telescopes
exactly, because each Phi is used twice and never computed again. Smoothing a *reward* has no such
guarantee.

What it costs is lag, and that the agent cannot see the history that the value depends on. What it
gains is stated by each class, for noise that is independent from reading to reading.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.errors import ShapingError

__all__ = ["SMOOTHERS", "Ema", "Hysteresis", "RunningMedian", "Smoother", "make_smoother"]

FloatArray = NDArray[np.float64]


class Smoother(Protocol):
    """A causal filter of scalars as two pure functions; its memory is an array."""

    def begin(self, reading: float) -> FloatArray:
        """Return the memory (K,) after the first reading; its first entry is the value."""
        ...

    def step(self, memory: FloatArray, reading: float) -> FloatArray:
        """Return the memory (K,) after one more reading; its first entry is the value."""
        ...


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Ema:
    """Exponential moving average: y' = m y + (1 - m) x, m = lag / (1 + lag), y_0 = x_0.

    A steady rise of c per reading is followed ``lag`` readings late, c * lag below. Noise of
    variance v on each reading leaves variance v (1 - m) / (1 + m) = v / (1 + 2 lag) once the start
    is forgotten (as m^t), and 2 v (1 - m)^2 / (1 + m) instead of 2 v on a difference y' - y.

    Args:
        lag: Readings by which a steady rise is followed late, >= 0; 0 changes nothing.

    Raises:
        ShapingError: If the lag is negative or not finite.
    """

    lag: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.lag < np.inf:
            raise ShapingError(f"`lag` must be 0 readings or more, got {self.lag}.")

    def begin(self, reading: float) -> FloatArray:
        """Begin at the first reading."""
        return np.array([reading])

    def step(self, memory: FloatArray, reading: float) -> FloatArray:
        """Move towards the reading by 1 / (1 + lag) of the way."""
        return memory + (reading - memory) / (1.0 + self.lag)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RunningMedian:
    """Median of the last 2 lag + 1 readings; of fewer in the episode's first ones.

    ``lag`` wild readings among them do not move the value out of the range of the others, however
    wild they are. A steady rise is followed ``lag`` readings late. Normal noise of variance v
    leaves about v pi / (2 (2 lag + 1)).

    Args:
        lag: Readings by which a steady rise is followed late, >= 0; 0 changes nothing.

    Raises:
        ShapingError: If the lag is negative.
    """

    lag: int = 1

    def __post_init__(self) -> None:
        if self.lag < 0:
            raise ShapingError(f"`lag` must be 0 readings or more, got {self.lag}.")

    def begin(self, reading: float) -> FloatArray:
        """Begin at the first reading; places of readings that are still to come hold NaN."""
        memory = np.full(2 + 2 * self.lag, np.nan)  # the value, then the readings, newest last
        memory[[0, -1]] = reading
        return memory

    def step(self, memory: FloatArray, reading: float) -> FloatArray:
        """Take the median of the window that ends at the reading."""
        readings = np.append(memory[2:], reading)
        return np.concatenate([[np.nanmedian(readings)], readings])


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Hysteresis:
    """Stays where it is until a reading lies further away than the band: |y - x| <= band.

    y' = clip(y, x - band, x + band), the play of a gear. Noise of at most ``band`` on a constant
    never moves the value again once it has come within all readings, and an oscillation of the
    reading by less than 2 band comes out as no oscillation at all, so that nobody can be paid for
    one. The value is never further than ``band`` from the reading, whatever the readings are.

    Args:
        band: Half the width that noise may take up, in progress, >= 0; 0 changes nothing.

    Raises:
        ShapingError: If the band is negative or not finite.
    """

    band: float = 0.05

    def __post_init__(self) -> None:
        if not 0.0 <= self.band < np.inf:
            raise ShapingError(f"`band` must be 0 or more, got {self.band}.")

    def begin(self, reading: float) -> FloatArray:
        """Begin at the first reading."""
        return np.array([reading])

    def step(self, memory: FloatArray, reading: float) -> FloatArray:
        """Move no further than the band asks for."""
        return np.clip(memory, reading - self.band, reading + self.band)


SMOOTHERS = ("none", "ema", "median", "hysteresis")
"""Names of smoothers; see :func:`make_smoother`."""


def make_smoother(kind: str, *, lag: float, band: float) -> Smoother | None:
    """Return the smoother of that name, or ``None`` for ``none``.

    Args:
        kind: One of :data:`SMOOTHERS`.
        lag: Of ``ema`` and ``median``, in readings; whole for ``median``.
        band: Of ``hysteresis``, in progress.

    Raises:
        ShapingError: If there is none of that name, or a number is out of range.
    """
    if kind == "none":
        return None
    if kind == "ema":
        return Ema(lag=lag)
    if kind == "median":
        if lag != int(lag):
            raise ShapingError(f"`lag` must be whole for a median, got {lag}.")
        return RunningMedian(lag=int(lag))
    if kind == "hysteresis":
        return Hysteresis(band=band)
    raise ShapingError(f"`smoothing` must be one of {', '.join(SMOOTHERS)}, got {kind!r}.")
