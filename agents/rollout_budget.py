"""A budget in finished episodes, beside the one in steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, final

from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback, CallbackList

if TYPE_CHECKING:
    from kibble.agents.builders import Algorithm
    from kibble.agents.episode_monitor import EpisodeMonitor

__all__ = ["learn_within"]


class _SpentError(Exception):
    """All episodes of the budget are finished."""


@final
class _RolloutBudget(BaseCallback):
    """Ends learning once so many episodes are finished.

    An algorithm with a replay buffer ends between two steps, when the last transition is stored
    and learned from; PPO ends at once, because the rest of its rollout would exceed the budget.
    """

    def __init__(self, monitor: EpisodeMonitor, rollouts: int) -> None:
        super().__init__()
        self._monitor = monitor
        self._rollouts = rollouts

    def _on_rollout_start(self) -> None:
        if self._monitor.episodes >= self._rollouts:
            raise _SpentError

    def _on_step(self) -> bool:
        spent = self._monitor.episodes >= self._rollouts
        return not (spent and isinstance(self.model, PPO))


def learn_within(
    agent: Algorithm,
    monitor: EpisodeMonitor,
    callbacks: Sequence[BaseCallback],
    *,
    steps: int,
    rollouts: int | None,
) -> None:
    """Learn until one of two budgets is spent.

    Args:
        agent: What learns; its counter of steps goes on.
        monitor: Outermost wrapper of its environments, which counts episodes.
        callbacks: Called as in Stable-Baselines3.
        steps: Steps to take, all environments together.
        rollouts: Episodes to finish, those of earlier parts of a resumed run included, or
            ``None``. Those that end in the same step all count, so environments side by side can
            finish ``n_envs - 1`` more.
    """
    budgets = [] if rollouts is None else [_RolloutBudget(monitor, rollouts)]
    listed = CallbackList([*callbacks, *budgets])
    try:
        agent.learn(steps, callback=listed, log_interval=1, reset_num_timesteps=False)
    except _SpentError:
        listed.on_training_end()
