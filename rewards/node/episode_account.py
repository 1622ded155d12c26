"""What is said and paid for the episodes of a reward node, message by message."""

from __future__ import annotations

from typing import final

from kibble.rewards.node.episodes import Answer, EpisodeMachine, EpisodeState
from kibble.rewards.node.held_potential import HeldPotential
from kibble.rewards.node.parameters import NodeParameters
from kibble.rewards.node.reward_message import RewardMessage
from kibble.rewards.node.scorer import Scored
from kibble.rewards.node.verdict import Verdict
from kibble.rewards.ros.clock import seconds
from kibble.rewards.types import ModelSpec

__all__ = ["EpisodeAccount"]

_NAN = float("nan")


@final
class EpisodeAccount:
    """Counts and pays the messages of one episode after another.

    The message after an episode's end is its last: it says the outcome and is paid for. What
    follows until the next start is neither paid nor counted. Not for several threads at once.

    Args:
        parameters: The node's.
        run: Distinguishes this node's episodes; ``None`` for at random.

    Attributes:
        episodes: The state machine.
        closing: Whether an episode's last message is still to be said.
    """

    def __init__(self, parameters: NodeParameters, run: str | None) -> None:
        self.episodes = EpisodeMachine(parameters.instruction, run=run)
        self.closing = False
        self._held = HeldPotential(parameters)
        self._step = 0

    @property
    def shown(self) -> Scored | None:
        """The reading in force; ``None`` before the episode's first."""
        return self._held.shown

    @property
    def idle(self) -> str:
        """Why nothing of an episode can be said now; "" where it can."""
        if self.episodes.running or self.closing:
            return ""
        if self.episodes.state is EpisodeState.NONE:
            return "no episode was started yet; call ~/start_episode"
        outcome = self.episodes.outcome.name.lower()
        return f"the episode has ended ({outcome}); call ~/start_episode for the next"

    def start(self, now: int, instruction: str) -> Answer:
        """Start an episode at ``now``, ns; see :class:`EpisodeMachine`."""
        answer = self.episodes.start(now, instruction)
        if answer.accepted:
            self._held.begin()
            self._step, self.closing = 0, False
        return answer

    def end(self, outcome: int) -> Answer:
        """End the running episode."""
        answer = self.episodes.end(outcome)
        self.closing |= answer.accepted
        return answer

    def confirm(self, success: bool, by: str) -> Answer:
        """Take a human's word."""
        self.closing |= self.episodes.running
        return self.episodes.confirm(success, by)

    def expire(self, now: int, limit: int) -> None:
        """End the running episode where its time is up, ns."""
        self.closing |= self.episodes.expire(now, limit)

    def take(self, scored: Scored) -> None:
        """Renew the potential from a reading with status OK."""
        self._held.take(scored)

    def message(self, now: int, verdict: Verdict, spec: ModelSpec) -> RewardMessage:
        """Return the next message, and take note that it was said.

        Args:
            now: ns.
            verdict: What is said of the newest reading.
            spec: Of the reward model.
        """
        episodes, shown = self.episodes, self._held.shown
        counts = episodes.running or self.closing
        terminated = self.closing and episodes.outcome.terminated
        reading = None if shown is None else shown.reading
        message = RewardMessage(
            stamp=0 if shown is None else shown.stamp,
            frame_id="" if shown is None else shown.frame_id,
            task=episodes.task,
            episode=episodes.episode,
            episode_state=episodes.state,
            outcome=episodes.outcome,
            step=self._step,
            progress=_NAN if reading is None else reading.progress,
            potential=self._held.phi,
            reward=self._held.pay(terminated=terminated) if counts else 0.0,
            success=_NAN if reading is None else reading.success,
            confidence=_NAN if reading is None else reading.confidence,
            status=verdict.status,
            status_text=verdict.text,
            latency=_NAN if shown is None else max(0.0, seconds(now - shown.stamp)),
            model_time=_NAN if shown is None else shown.model_time,
            model=spec.name,
            model_version=spec.version if shown is None else shown.version,
        )
        self._step += counts
        self.closing = False
        return message
