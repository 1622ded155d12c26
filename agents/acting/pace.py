"""How much is learned between two steps of a robot that waits for nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from stable_baselines3.common.callbacks import BaseCallback

from kibble.agents.acting.choosers import DEMONSTRATED
from kibble.agents.acting.executed import INTERVENTION, LATE
from kibble.agents.acting.policy_copy import weights_of

if TYPE_CHECKING:
    from kibble.agents.acting.acting_thread import Acting
    from kibble.agents.acting.acting_vec_env import ActingVecEnv
    from kibble.agents.off_policy import OffPolicyAgent

__all__ = ["Pace"]

_MOST_OWED = 100  # steps of the environment: what is older is not made up for


@final
class Pace(BaseCallback):
    """Learns whenever no step waits to be stored, and publishes the policy after it.

    A step earns the agent's ``gradient_steps`` updates. They are done at once where no further
    step waits, and made up for where the robot lets the learner catch up, as in a reset. So there
    are never more updates than that for a step, and there are fewer where learning is slower than
    the robot. It is to be the last callback.

    Args:
        acting: The environment that acts.
        begin: What it is to do from when training begins.
    """

    model: OffPolicyAgent

    def __init__(self, acting: ActingVecEnv, begin: Acting) -> None:
        super().__init__()
        self._acting = acting
        self._begin = begin
        self._earned = 1  # updates that a step earns
        self._owed = 0
        self._updates = 0
        self._steps = 0
        self._late = 0

    def _on_training_start(self) -> None:
        self._earned, self.model.gradient_steps = self.model.gradient_steps, 0
        self._acting.begin(self._begin)

    def _on_training_end(self) -> None:
        self.model.gradient_steps = self._earned

    def _on_step(self) -> bool:
        (info,) = self.locals["infos"]
        self._steps += 1
        if LATE in info:
            self._late += bool(info[LATE])
            self.logger.record("acting/on_time", 1.0 - self._late / self._steps)
        self.logger.record_mean("acting/interventions", float(bool(info.get(INTERVENTION))))
        self.logger.record_mean("acting/demonstrated", float(bool(info.get(DEMONSTRATED))))
        self.logger.record_mean("acting/waiting", float(self._acting.waiting))
        self.logger.record("acting/updates", self._updates / self._steps)
        return True

    def _on_rollout_end(self) -> None:
        if self.num_timesteps <= self.model.learning_starts:
            return
        self._owed = min(self._owed + self._earned, _MOST_OWED * self._earned)
        while self._owed >= self._earned and self._acting.waiting == 0:
            self.model.train(gradient_steps=self._earned, batch_size=self.model.batch_size)
            self._owed -= self._earned
            self._updates += self._earned
            self._acting.offer(weights_of(self.model))
