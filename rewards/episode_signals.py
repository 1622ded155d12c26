"""The signals of one whole episode, from the series of its readings."""

from __future__ import annotations

import numpy as np

from kibble.rewards.errors import ShapingError
from kibble.rewards.signals import Flags, Floats, Signals

__all__ = ["episode_signals"]


def episode_signals(
    *,
    task: Floats,
    terminated: bool,
    truncated: bool,
    phi: Floats,
    progress: Floats,
    queried: Flags | None = None,
    success: Floats | None = None,
    confidence: Floats | None = None,
    weight: Floats | None = None,
    penalty: Floats | None = None,
    infraction: Flags | None = None,
    window: int = 1,
) -> Signals:
    """Return the T transitions of an episode, the same as a :class:`Shaper` gives step by step.

    Args:
        task: (T,) float64, primary rewards, T >= 1.
        terminated: Whether the last step ended the episode for good.
        truncated: Whether the last step ran out of time.
        phi: (T + 1,) float64, the potential held at each frame, from the first on.
        progress: (T + 1,) float64 in [0, 1], the reading held at each frame.
        queried: (T,) bool, whether each step renewed the reading; by default every step did.
        success: (T,) float64, the model's probability after each step; by default unknown.
        confidence: (T,) float64, the model's confidence after each step; by default unknown.
        weight: (T + 1,) float64, the weight in force at each frame; 1 by default.
        penalty: (T,) float64 in [0, 1], product of soft penalties; 1 by default.
        infraction: (T,) bool; none by default.
        window: W of ``Signals.recent``.

    Raises:
        ShapingError: If a length does not fit.

    >>> readings = np.array([0.0, 0.5, 1.0])
    >>> signals = episode_signals(task=np.array([0.0, 1.0]), terminated=True, truncated=False,
    ...                           phi=readings, progress=readings, window=2)
    >>> signals.recent
    array([[0. , 0.5],
           [0.5, 1. ]])
    """
    steps = len(task)
    frames = {"phi": phi, "progress": progress}
    if weight is not None:
        frames["weight"] = weight
    for name, series in frames.items():
        if series.shape != (steps + 1,):
            raise ShapingError(
                f"`{name}` must have one value per frame, ({steps + 1},) for {steps} steps, got "
                f"{series.shape}; the first frame of the episode counts."
            )
    fresh = np.ones(steps, np.bool_) if queried is None else queried
    weights = np.ones(steps + 1) if weight is None else weight
    unknown, last = np.full(steps, np.nan), np.arange(steps) == steps - 1
    sure = unknown if confidence is None else confidence
    return Signals(
        task=np.asarray(task, np.float64),
        phi=phi[:-1],
        next_phi=phi[1:],
        weight=weights[:-1],
        next_weight=weights[1:],
        terminated=last & terminated,
        truncated=last & truncated,
        queried=fresh,
        progress=progress[:-1],
        next_progress=progress[1:],
        start_progress=np.full(steps, progress[0]),
        success=unknown if success is None else success,
        last_confidence=np.concatenate([[np.nan], sure[:-1]]),
        confidence=sure,
        recent=_recent(progress, fresh, window),
        penalty=np.ones(steps) if penalty is None else penalty,
        infraction=np.zeros(steps, np.bool_) if infraction is None else infraction,
    )


def _recent(progress: Floats, fresh: Flags, window: int) -> Floats:
    """Return the last W readings after each step, (T, W), each reading once."""
    taken = np.concatenate([[True], fresh])  # (T + 1,) the start frame is read too
    padded = np.concatenate([np.full(window, np.nan), progress[taken]])
    newest = window + np.cumsum(taken)[1:] - 1  # (T,) place of the newest reading in `padded`
    return np.asarray(padded[newest[:, None] + np.arange(1 - window, 1)])
