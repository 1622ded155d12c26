"""Which words of an instruction a reward model has never been trained on."""

from __future__ import annotations

from kibble.agents.score.summary import Flag
from kibble.rewards.grm.instructions import Tokenizer
from kibble.rewards.grm.model import GeneralRewardModel
from kibble.rewards.types import RewardModel

__all__ = ["flag_words", "unknown_words"]

_SHOWN = 6


def unknown_words(model: RewardModel, instruction: str) -> list[str]:
    """Return the words outside the model's vocabulary, in order; none for models without one.

    An instruction without any word in Latin letters is returned whole.
    """
    if not isinstance(model, GeneralRewardModel):
        return []
    words = dict.fromkeys(Tokenizer.words(instruction)) or [instruction]
    return [word for word in words if word not in model.network.tokenizer.vocabulary]


def flag_words(model: RewardModel, instruction: str, *, label: str) -> list[Flag]:
    """Warn where an instruction says something that the model cannot know."""
    unknown = unknown_words(model, instruction)
    if not unknown:
        return []
    shown = ", ".join(f'"{word}"' for word in unknown[:_SHOWN])
    if len(unknown) > _SHOWN:
        shown += f" and {len(unknown) - _SHOWN} more words"
    mostly = 2 * len(unknown) >= len(set(Tokenizer.words(instruction)))
    text = (
        f"{label} does not recognise this instruction: it was never trained on {shown}. "
        "Do not rely on its numbers."
        if mostly
        else f"{label} was never trained on {shown}; what these name may mean nothing to it."
    )
    return [Flag(code="unknown_words", curve=label, text=text, grave=mostly)]
