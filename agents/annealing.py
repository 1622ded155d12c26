"""A learning rate that falls towards the end of the budget, so that the last policy is settled."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.utils import ConstantSchedule

if TYPE_CHECKING:
    from kibble.agents.episode_monitor import EpisodeMonitor

__all__ = ["Annealing", "annealed"]

_LEAST = 0.1  # of the learning rate, at the end


def annealed(spent: float, *, share: float) -> float:
    """Return the factor on the learning rate once so much of the budget is spent.

    It is 1 until the last ``share`` of the budget begins and falls linearly to a tenth.

    Args:
        spent: Part of the budget, in [0, 1].
        share: Part of the budget over which the rate falls, in [0, 1].

    >>> [round(annealed(spent, share=0.5), 2) for spent in (0.0, 0.5, 0.75, 1.0)]
    [1.0, 1.0, 0.55, 0.1]
    """
    if share == 0.0:
        return 1.0
    return 1.0 - (1.0 - _LEAST) * min(max(spent - (1.0 - share), 0.0) / share, 1.0)


@final
class Annealing(BaseCallback):
    """Lowers the learning rate of an agent in the last part of its budget.

    The budget is that of steps or that of episodes, whichever is spent further, and a resumed run
    goes on where it was.

    Args:
        monitor: Outermost wrapper of the environments, which counts episodes.
        learning_rate: The rate to begin with.
        share: Part of the budget, at its end, over which the rate falls, in [0, 1].
        steps: Budget of decisions, those of earlier parts included.
        rollouts: Budget of episodes, likewise, or ``None``.
    """

    def __init__(
        self,
        monitor: EpisodeMonitor,
        *,
        learning_rate: float,
        share: float,
        steps: int,
        rollouts: int | None,
    ) -> None:
        super().__init__()
        self._monitor = monitor
        self._rate = learning_rate
        self._share = share
        self._steps = steps
        self._rollouts = rollouts

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        spent = self.num_timesteps / self._steps
        if self._rollouts is not None:
            spent = max(spent, self._monitor.episodes / self._rollouts)
        rate = self._rate * annealed(spent, share=self._share)
        self.model.lr_schedule = ConstantSchedule(rate)
