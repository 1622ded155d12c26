"""Episodes steered by messages: ``kibble_msgs/msg/EpisodeCommand``."""

from __future__ import annotations

import logging
from typing import final

from kibble.rewards.node.episodes import Answer, Outcome
from kibble.rewards.node.reward_node import RewardNode

__all__ = ["EPISODE_COMMAND", "HUMAN_TOPIC", "EpisodeCommands"]

_LOGGER = logging.getLogger(__name__)

EPISODE_COMMAND = "kibble_msgs/msg/EpisodeCommand"
"""The messages' type."""
HUMAN_TOPIC = "/kibble/human"
"""Where all hear what a human says; a node takes the confirmations."""

_SET_TASK, _START, _END, _CONFIRM = range(4)  # as in the definition; READY is for the robot


@final
class EpisodeCommands:
    """Does what commands say; nobody waits for an answer, so what is refused goes into the log.

    Args:
        node: The node that is steered.
    """

    def __init__(self, node: RewardNode) -> None:
        self._node = node

    def obey(self, message: object) -> None:
        """Do what a command to this node says."""
        command: int = message.command  # type: ignore[attr-defined]  # an EpisodeCommand
        instruction: str = message.instruction  # type: ignore[attr-defined]  # likewise
        if command == _SET_TASK:
            _warn(self._node.set_task(instruction))
        elif command == _START:
            _warn(self._node.start(instruction)[0])
        elif command == _END:
            _warn(self._node.end(message.outcome))  # type: ignore[attr-defined]  # likewise
        else:
            self.hear(message)

    def hear(self, message: object) -> None:
        """Take the confirmation of a human, who speaks to all; what else is said is not for us."""
        if message.command != _CONFIRM:  # type: ignore[attr-defined]  # an EpisodeCommand
            return
        outcome: int = message.outcome  # type: ignore[attr-defined]  # likewise
        if outcome not in (Outcome.SUCCESS, Outcome.FAILURE):
            _LOGGER.warning(
                "A CONFIRM must have outcome 1 (success) or 2 (failure), got %d.", outcome
            )
            return
        by: str = message.by  # type: ignore[attr-defined]  # likewise
        _warn(self._node.confirm(outcome == Outcome.SUCCESS, by))


def _warn(answer: Answer) -> None:
    if not answer.accepted:
        _LOGGER.warning("A command was refused: %s", answer.message)
