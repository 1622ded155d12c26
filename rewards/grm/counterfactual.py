"""Instructions that a scene cannot follow: what they ask for is not there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import numpy as np

from kibble.rewards.grm.clips import Clip

__all__ = ["CounterfactualInstructions"]

_OTHER_TASK, _ABSENT_THING = 0.5, 0.35  # shares; the rest is words without a sense
_LONGEST_JUNK = 8  # words


@final
class CounterfactualInstructions:
    """Draws instructions for a clip that name nothing in its scene, or no task at all.

    A clip lists the sentences of every goal that its scene allows. So a sentence of the same task
    that it does not list names a thing that is absent, such as a cube of another colour; a
    sentence of another task is a wrong-task pair; and a few words drawn at random are junk. All of
    them are labelled with no progress and no success.

    Args:
        clips: The clips whose sentences are drawn from.
        rng: Source of every draw.

    Source: counterfactual relabelling of RoboReward, with absent things beside other tasks.
    """

    def __init__(self, clips: Sequence[Clip], rng: np.random.Generator) -> None:
        self._rng = rng
        self._sentences: dict[str, list[str]] = {}
        for clip in clips:
            told = {sentence for phrasings in clip.phrasings for sentence in phrasings}
            self._sentences.setdefault(clip.task, []).extend(sorted(told))
        self._sentences = {task: sorted(set(told)) for task, told in self._sentences.items()}
        every = {w for told in self._sentences.values() for text in told for w in text.split()}
        self._words = sorted(every)

    def draw(self, clip: Clip) -> str:
        """Draw one sentence that the clip's scene cannot follow."""
        rng = self._rng
        own = {sentence for phrasings in clip.phrasings for sentence in phrasings}
        others = [task for task in self._sentences if task != clip.task]
        kind = rng.random()
        if kind < _OTHER_TASK and others:
            told = self._sentences[others[int(rng.integers(len(others)))]]
            sentence = told[int(rng.integers(len(told)))]
        elif kind < _OTHER_TASK + _ABSENT_THING:
            told = self._sentences[clip.task]
            sentence = told[int(rng.integers(len(told)))]
        else:
            sentence = ""
        return sentence if sentence and sentence not in own else self._junk()

    def _junk(self) -> str:
        """Known words and strangers in no order."""
        rng = self._rng
        words = [
            self._words[int(rng.integers(len(self._words)))]
            if rng.random() < 0.6
            else f"x{rng.integers(10**6)}"
            for _ in range(int(rng.integers(1, _LONGEST_JUNK + 1)))
        ]
        return " ".join(words)
