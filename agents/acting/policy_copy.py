"""A copy of the policy for whoever acts, brought up to date between its steps."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, TypeAlias, cast, final

import numpy as np
import torch
from numpy.typing import NDArray

if TYPE_CHECKING:
    from kibble.agents.off_policy import OffPolicyAgent

__all__ = ["PolicyCopy", "Weights", "weights_of"]

Weights: TypeAlias = dict[str, NDArray[np.generic]]
"""An actor's parameters and buffers by name."""


def weights_of(agent: OffPolicyAgent) -> Weights:
    """Return a copy of the weights that the actor has now."""
    # Copied even where it lies on the CPU already: learning writes into its own in place.
    return {
        name: value.detach().to("cpu", copy=True).numpy()
        for name, value in agent.actor.state_dict().items()
    }


@final
class PolicyCopy:
    """Acts by the weights that it was offered last, all of one moment.

    :meth:`offer` leaves weights in one assignment, and :meth:`act` takes what lies there before it
    acts. Neither waits for the other, and no weights are half new. It acts on the CPU: one
    observation is not worth the way to a GPU.

    Args:
        agent: Whose policy it begins with.
    """

    def __init__(self, agent: OffPolicyAgent) -> None:
        self._policy = copy.deepcopy(agent.policy).to("cpu")
        self._policy.set_training_mode(False)
        self._offered: Weights | None = None

    def offer(self, weights: Weights) -> None:
        """Have these weights act from the next action on; they are not to be written to again."""
        self._offered = weights

    def act(self, observation: NDArray[np.generic]) -> NDArray[np.float32]:
        """Sample an action, (A,) in the units of the environment.

        Args:
            observation: As the environment shows it, without a batch axis.
        """
        offered, self._offered = self._offered, None
        if offered is not None:
            tensors = {name: torch.as_tensor(value) for name, value in offered.items()}
            self._policy.actor.load_state_dict(tensors)
        action, _ = self._policy.predict(cast("NDArray[np.float32]", observation))
        return cast("NDArray[np.float32]", action)
