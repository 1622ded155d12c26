"""Opens the reward model of a robot's node: one that answers in time or not at all."""

from __future__ import annotations

import time

from kibble.rewards.catalogue import open_model
from kibble.rewards.errors import ServiceAwayError
from kibble.rewards.node.parameters import NodeParameters
from kibble.rewards.reference import parse_reference
from kibble.rewards.types import RewardModel

__all__ = ["open_node_model"]

_OUTAGE = 1e9  # s that a service may be away: a robot's node never gives up
_SHORTEST = 1.0  # s that an answer may take at least
_PAUSE = 0.5  # s between two attempts to find a service


def open_node_model(parameters: NodeParameters, *, patience: float = 10.0) -> RewardModel:
    """Open the model that the parameter ``reward`` names.

    Of a remote model, what its options do not say is chosen for a robot: it never waits for a
    service that has gone (``wait=0``), gives up an answer after the deadline, a second at least,
    (``timeout``), and never stops asking (``max_outage``).

    Args:
        parameters: The node's.
        patience: s for which a service that is not there yet is waited for.

    Raises:
        ConfigError: If the reference does not follow the grammar, or an option is out of range.
        ServiceAwayError: If no service answers.
        WeightsError: If the model is not known.
    """
    reference = parse_reference(parameters.reward)
    if reference.name == "remote":
        reference = reference.with_defaults(
            wait="0",
            timeout=f"{max(_SHORTEST, parameters.deadline):g}",
            max_outage=f"{_OUTAGE:g}",
        )
    until = time.monotonic() + patience
    while True:
        try:
            return open_model(reference, views=parameters.views)
        except ServiceAwayError:
            if time.monotonic() + _PAUSE > until:
                raise
            time.sleep(_PAUSE)
