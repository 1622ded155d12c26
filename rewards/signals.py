"""What is known of transitions, from which every reward is derived."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.errors import ShapingError

__all__ = ["Flags", "Floats", "Index", "Signals"]

Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
Index: TypeAlias = "NDArray[np.integer[Any]] | NDArray[np.bool_] | slice"


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Signals:
    """What is known of N transitions from s to s'.

    A reward rule is a pure function of these columns, so a buffer that keeps them can derive the
    reward anew whenever it is used. Whatever an episode's past contributes is a column too:
    ``start_progress``, ``recent``, the weights.

    Args:
        task: (N,) float64, the primary reward, never altered.
        phi: (N,) float64, Phi(s), without its weight.
        next_phi: (N,) float64, Phi(s') of the true frame reached, without its weight. Where the
            episode terminated it is not zeroed here: the rule does that.
        weight: (N,) float64, the weight of the potential in force at s.
        next_weight: (N,) float64, likewise at s'.
        terminated: (N,) bool.
        truncated: (N,) bool.
        queried: (N,) bool, whether Phi(s') is a fresh reading rather than a held one.
        progress: (N,) float64 in [0, 1], the reading held at s.
        next_progress: (N,) float64 in [0, 1], likewise at s'.
        start_progress: (N,) float64 in [0, 1], the reading of the episode's first frame.
        success: (N,) float64 in [0, 1], the model's probability at s'; NaN before the episode's
            first reading.
        last_confidence: (N,) float64 in [0, 1], the model's confidence at s; NaN likewise.
        confidence: (N,) float64 in [0, 1], the model's confidence at s'; NaN likewise.
        recent: (N, W) float64 in [0, 1], the episode's last W readings of progress up to s', the
            newest last, NaN where there were fewer. The start frame's reading is the first. A
            reading that is held is not entered again, so one reading never votes twice.
        penalty: (N,) float64 in [0, 1], product of the soft penalties of the step; 1 where there
            are none.
        infraction: (N,) bool, whether the step was a hard infraction.

    Raises:
        ShapingError: If a column's shape differs from ``task``'s, or ``recent`` is not (N, W).
    """

    task: Floats
    phi: Floats
    next_phi: Floats
    weight: Floats
    next_weight: Floats
    terminated: Flags
    truncated: Flags
    queried: Flags
    progress: Floats
    next_progress: Floats
    start_progress: Floats
    success: Floats
    last_confidence: Floats
    confidence: Floats
    recent: Floats
    penalty: Floats
    infraction: Flags

    def __post_init__(self) -> None:
        shape = self.task.shape
        for name in _COLUMNS:
            got = getattr(self, name).shape
            if name == "recent":
                if len(got) != 2 or got[:1] != shape or got[1] < 1:
                    raise ShapingError(
                        f"`recent` must have shape (N, W) with N = {shape} and W >= 1, got {got}; "
                        "pass the window of readings that the rule asks for."
                    )
            elif got != shape or len(shape) != 1:
                raise ShapingError(
                    f"`{name}` must have shape (N,) like `task`, {shape}, got {got}; "
                    "pass one value per transition."
                )

    def __len__(self) -> int:
        return int(self.task.shape[0])

    def __getitem__(self, index: Index) -> Signals:
        """Return the transitions of a slice, a mask or an array of integers, in that order."""
        return Signals(**{name: getattr(self, name)[index] for name in _COLUMNS})

    @property
    def window(self) -> int:
        """W, how many recent readings are kept."""
        return int(self.recent.shape[1])

    def columns(self) -> dict[str, Floats | Flags]:
        """Return the columns by name, as they are; ``Signals(**columns)`` makes them anew."""
        return {name: getattr(self, name) for name in _COLUMNS}

    @staticmethod
    def stack(parts: Sequence[Signals]) -> Signals:
        """Return the transitions of all parts, one part after another.

        Raises:
            ShapingError: If there is no part, or windows differ.
        """
        if not parts:
            raise ShapingError("`parts` must hold at least one `Signals`, got none.")
        windows = {part.window for part in parts}
        if len(windows) > 1:
            raise ShapingError(
                f"`recent` must have the same window in every part, got {sorted(windows)}; "
                "derive all parts for one rule."
            )
        return Signals(
            **{name: np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS}
        )

    @staticmethod
    def sparse(task: Floats, terminated: Flags, truncated: Flags, *, window: int = 1) -> Signals:
        """Return transitions of which no model has read anything: potential and progress are 0.

        Args:
            task: (N,) float64, the primary reward.
            terminated: (N,) bool.
            truncated: (N,) bool.
            window: W of ``recent``.

        >>> flags = np.zeros(2, np.bool_)
        >>> Signals.sparse(np.array([0.0, 1.0]), flags, flags).next_phi
        array([0., 0.])
        """
        count = len(task)
        zero, one, unknown = np.zeros(count), np.ones(count), np.full(count, np.nan)
        never = np.zeros(count, np.bool_)
        return Signals(
            task=np.asarray(task, np.float64),
            phi=zero,
            next_phi=zero,
            weight=one,
            next_weight=one,
            terminated=terminated,
            truncated=truncated,
            queried=never,
            progress=zero,
            next_progress=zero,
            start_progress=zero,
            success=unknown,
            last_confidence=unknown,
            confidence=unknown,
            recent=np.full((count, window), np.nan),
            penalty=one,
            infraction=never,
        )


_COLUMNS = tuple(field.name for field in fields(Signals))
