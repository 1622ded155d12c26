"""From a run's configuration to its reward rule and to what reads its frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kibble.agents.transform_config import build_rule
from kibble.rewards.blended_rule import BlendedRule
from kibble.rewards.potential import Potential
from kibble.rewards.rule import RewardRule, ShapingRule
from kibble.rewards.shaper import Shaper
from kibble.rewards.shaping import ShapingMode
from kibble.rewards.smoothing import make_smoother
from kibble.rewards.types import RewardModel

if TYPE_CHECKING:
    from kibble.agents.config import TrainConfig

__all__ = ["build_shaper", "run_rule"]


def run_rule(config: TrainConfig) -> RewardRule:
    """Return what turns signals into rewards; a sparse reward is the task's own and nothing else.

    Args:
        config: The run.
    """
    gamma = config.agent.decision_gamma
    if config.reward.kind == "sparse":
        rule: RewardRule = ShapingRule(gamma=gamma, mode=ShapingMode.NONE)
    else:
        rule = build_rule(config.shaping, gamma=gamma)
    return BlendedRule(rule, initial=config.blend.initial) if config.blend.learn else rule


def build_shaper(
    config: TrainConfig, model: RewardModel, slots: int, *, patient: bool = False
) -> Shaper:
    """Build what reads frames and pays by the run's rule.

    Args:
        config: The run.
        model: What reads; another one than the run began with after it was adapted.
        slots: Episodes side by side.
        patient: Whether failures wait until they are asked for; see :class:`Potential`.
    """
    shaping = config.shaping
    potential = Potential(
        model,
        slots=slots,
        scale=shaping.scale,
        shift=shaping.shift,
        smoothing=make_smoother(
            shaping.smoothing, lag=shaping.smoothing_lag, band=shaping.smoothing_band
        ),
        max_failure_share=shaping.max_failure_share,
        patient=patient,
    )
    # An oracle hears no sentence, so an environment need not have one.
    silent = config.task.name if config.reward.kind == "oracle" else None
    return Shaper(
        potential,
        slots=slots,
        gamma=config.agent.decision_gamma,
        instruction=config.task.instruction or silent,
        rule=run_rule(config),
    )
