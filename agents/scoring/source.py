"""What a buffer needs of whatever shapes the rewards: numbered steps, and their signals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias, final

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper

from kibble.rewards.rule import RewardRule
from kibble.rewards.shaped_step import ShapedStep
from kibble.rewards.signals import Signals
from kibble.rewards.types import RewardModel

__all__ = ["Listener", "Rescored", "Scored", "SignalSource", "find_source"]


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scored:
    """One step of N slots was scored.

    Args:
        number: Steps of the vector environment before it, over the whole run.
        step: What it was paid, and why.
        versions: Of each slot, version of the model that reads its episode; "" where none does.
    """

    number: int
    step: ShapedStep
    versions: tuple[str, ...]


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rescored:
    """Frames that were kept have been read again, by the model that the run goes on with.

    Args:
        model: That model.
        numbers: (M,) int64, the step of each transition.
        slots: (M,) int64, its slot.
        signals: M transitions.
        version: Its version.
    """

    model: RewardModel
    numbers: NDArray[np.int64]
    slots: NDArray[np.int64]
    signals: Signals
    version: str


Listener: TypeAlias = Callable[[Scored | Rescored], None]


class SignalSource(Protocol):
    """Where signals come from: a layer of vector environments that shapes rewards, or does not.

    Attributes:
        listeners: Called, in the thread that steps the environments, with every step in order once
            it is scored, and with what was scored again.
        newest: Number of the newest step taken; -1 before the first.
        paid: (N,) float64, what that step returned as its rewards: the whole of them where they
            were known by then, the primary ones otherwise.
        followed: Whether a buffer derives rewards from the signals.
        exact: Whether a replay buffer is to draw from transitions that are not scored yet, too.
    """

    listeners: list[Listener]
    newest: int
    paid: NDArray[np.float64]
    followed: bool
    exact: bool

    @property
    def rule(self) -> RewardRule:
        """What turns signals into rewards."""
        ...

    def settle(self) -> None:
        """Score all that waits, and tell the listeners."""
        ...

    def forget_before(self, number: int) -> None:
        """Drop what is kept of episodes whose steps all lie before that number."""
        ...


def find_source(venv: VecEnv) -> SignalSource | None:
    """Return the source of the outermost layer that has one, or ``None``."""
    while isinstance(venv, VecEnvWrapper):
        source: SignalSource | None = vars(venv).get("scoring")
        if source is not None:
            return source
        venv = venv.venv
    return None
