"""A copy of the policy for the thread that acts, brought up to date between its steps."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, cast, final

import torch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kibble.agents.off_policy import OffPolicyAgent

__all__ = ["PolicyCopy"]


@final
class PolicyCopy:
    """Acts by the weights that were published last, all of one moment.

    :meth:`publish` copies the actor's weights and hands the copy over in one assignment;
    :meth:`act` takes what lies there before it acts. Neither waits for the other, and no weights
    are half new. It acts on the CPU: one observation is not worth the way to a GPU.

    Args:
        agent: What learns. :meth:`publish` is called in the thread that does.

    Attributes:
        updates: Gradient steps behind the weights that act.
    """

    def __init__(self, agent: OffPolicyAgent) -> None:
        self.updates = 0
        self._agent = agent
        self._policy = copy.deepcopy(agent.policy).to("cpu")
        self._policy.set_training_mode(False)
        self._fresh: tuple[int, dict[str, torch.Tensor]] | None = None
        self.publish()

    def publish(self) -> None:
        """Have the agent's present weights act from the next action on."""
        weights = self._agent.actor.state_dict()
        # Copied even where it lies on the CPU already: learning writes into its own in place.
        copied = {name: value.detach().to("cpu", copy=True) for name, value in weights.items()}
        self._fresh = (self._agent._n_updates, copied)

    def act(self, observation: NDArray[np.generic]) -> NDArray[np.float32]:
        """Sample an action, (A,) in the units of the environment; in the thread that acts.

        Args:
            observation: As the environment shows it, without a batch axis.
        """
        fresh, self._fresh = self._fresh, None
        if fresh is not None:
            self.updates, weights = fresh
            self._policy.actor.load_state_dict(weights)
        action, _ = self._policy.predict(cast("NDArray[np.float32]", observation))
        return cast("NDArray[np.float32]", action)
