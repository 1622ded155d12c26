"""What the reward node says once per period: ``kibble_msgs/msg/Reward``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from kibble.rewards.node.episodes import EpisodeState, Outcome
from kibble.rewards.ros.clock import stamp_fields
from kibble.rewards.ros.transport import Fields
from kibble.rewards.types import Status

__all__ = ["RewardMessage"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RewardMessage:
    """One message; the definition in ``ros/kibble_msgs`` says what each field means.

    Args:
        stamp: Of the newest frame that was read, ns; 0 before the first.
        frame_id: Of its camera.
        task: The instruction in force.
        episode: Unique name; "" before the first.
        episode_state: Whether one runs.
        outcome: How it ended.
        step: Messages of this episode before this one.
        progress: In [0, 1]; NaN before the first reading.
        potential: scale * (progress + shift); NaN before the first reading.
        reward: Shaping term since the episode's last message; 0 where there was none.
        success: Probability in [0, 1]; NaN where unknown.
        confidence: In [0, 1]; NaN where unknown.
        status: What became of the newest frames.
        status_text: What is wrong; "" where ``status`` is OK.
        latency: s from the stamp to this message; NaN before the first reading.
        model_time: s that the model took; NaN before the first reading.
        model: Name of the reward model.
        model_version: Fingerprint of its weights.
    """

    stamp: int
    frame_id: str
    task: str
    episode: str
    episode_state: EpisodeState
    outcome: Outcome
    step: int
    progress: float
    potential: float
    reward: float
    success: float
    confidence: float
    status: Status
    status_text: str
    latency: float
    model_time: float
    model: str
    model_version: str

    def fields(self) -> Fields:
        """Return the fields to publish."""
        return {
            "header": {"stamp": stamp_fields(self.stamp), "frame_id": self.frame_id},
            "task": self.task,
            "episode": self.episode,
            "episode_state": int(self.episode_state),
            "outcome": int(self.outcome),
            "step": self.step,
            "progress": self.progress,
            "potential": self.potential,
            "reward": self.reward,
            "success": self.success,
            "confidence": self.confidence,
            "status": int(self.status),
            "status_text": self.status_text,
            "latency": self.latency,
            "model_time": self.model_time,
            "model": self.model,
            "model_version": self.model_version,
        }
