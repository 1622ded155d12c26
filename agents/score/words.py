"""Which words of an instruction a reward model has never been trained on."""

from __future__ import annotations

from kibble.agents.score.summary import Flag
from kibble.rewards.grm.model import GeneralRewardModel
from kibble.rewards.types import RewardModel

__all__ = ["flag_words", "unknown_words"]


def unknown_words(model: RewardModel, instruction: str) -> list[str]:
    """Return the words outside the model's vocabulary, in order; none for models without one."""
    if not isinstance(model, GeneralRewardModel):
        return []
    tokenizer = model.network.tokenizer
    words = dict.fromkeys(tokenizer.words(instruction))
    return [word for word in words if word not in tokenizer.vocabulary]


def flag_words(model: RewardModel, instruction: str, *, label: str) -> list[Flag]:
    """Warn where an instruction says something that the model cannot know."""
    unknown = unknown_words(model, instruction)
    if not unknown:
        return []
    shown = ", ".join(f'"{word}"' for word in unknown)
    text = (
        f"{label} was never trained on {shown}; what the instruction names may mean nothing to it."
    )
    return [Flag(code="unknown_words", curve=label, text=text)]
