"""Whether a run's shaping makes the step that succeeds cost more than it pays."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kibble.agents.config import TrainConfig

__all__ = ["success_warning"]


def success_warning(config: TrainConfig) -> str | None:
    """Return a warning where success may be punished, or ``None``.

    A terminated step counts the potential that follows as 0, so success pays ``1 - Phi(s)``.
    With m = scale * (1 + shift), the largest potential, it is never worth less than a step that
    goes on from there if ``1 + bonus >= 1 + gamma * m``.

    Args:
        config: The run; a task whose success pays 1 and ends the episode is assumed.
    """
    shaping = config.shaping
    largest = shaping.scale * (1.0 + shaping.shift)
    names = {str(entry["name"]): entry for entry in shaping.transforms}
    if config.reward.kind == "sparse" or shaping.mode != "potential" or "clip" in names:
        return None
    bonus = float(names.get("success_bonus", {}).get("value", 0.0))
    needed = config.agent.gamma * largest
    if bonus >= needed - 1e-9:
        return None
    return (
        f"Warning: Phi reaches {largest:g}, so the step that ends an episode in success may pay "
        f"no more than {1.0 + bonus - largest:g} while others are paid for progress, and the "
        "agent may learn to hover. Write shaping.shift=-1, which makes 0 the largest potential, "
        f"or shaping.transforms='[{{name: success_bonus, value: {needed:.4g}}}]'."
    )
