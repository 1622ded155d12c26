"""How an agent acts while it learns: beside it or in turn, and by whose actions."""

from __future__ import annotations

from dataclasses import dataclass

from kibble.agents.near_names import one_of
from kibble.rewards.errors import ConfigError

__all__ = ["EXPLORATIONS", "ActingConfig"]

EXPLORATIONS = ("policy", "return", "guided")


@dataclass(frozen=True, kw_only=True)
class ActingConfig:
    """How the agent acts while it learns.

    Args:
        asynchronous: Whether acting goes on while others score and learn, so that it waits for
            neither; null: where task.real_time. Such a run cannot be repeated exactly.
        process: Whether what acts then is a process of its own, which learning does not slow down;
            false takes a thread, which needs less memory.
        backlog: The most steps that may wait to be learned from where an episode begins; with
            more, the robot waits there. An episode that runs is never held up.
        interventions: Whether a human's steps are drawn as demonstrations are too, for
            agent.demonstration_share of each batch.
        exploration: policy (what the algorithm does by itself), return (an episode may begin with
            the actions of a demonstration, up to a moment drawn at random) or guided (a step may
            take the action that a demonstration took where things were most alike).
        share: Probability of that at the start of training, of an episode (return) or a step
            (guided).
        steps: Steps over which this probability falls to 0.
    """

    asynchronous: bool | None = None
    process: bool = True
    backlog: int = 300
    interventions: bool = True
    exploration: str = "policy"
    share: float = 0.5
    steps: int = 3_000

    def __post_init__(self) -> None:
        one_of("acting.exploration", self.exploration, EXPLORATIONS)
        for key in ("backlog", "steps"):
            if getattr(self, key) < 1:
                raise ConfigError(
                    f"`acting.{key}` must be at least 1 step, got {getattr(self, key)}."
                )
        if not 0.0 <= self.share <= 1.0:
            raise ConfigError(
                f"`acting.share` must lie in [0, 1], got {self.share}; 0.5 begins with every "
                "other episode or step."
            )
