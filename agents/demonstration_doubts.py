"""Whether a reward model believes what demonstrations are said to show."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import gymnasium
import numpy as np

from kibble.agents.demonstrations.episode import RecordedEpisode
from kibble.rewards.signals import Signals

__all__ = ["report_doubts", "said_by"]

_LOGGER = logging.getLogger(__name__)
_DONE = 0.5  # of progress or success at the end, whichever is higher
_RESETS = 30  # enough to hear every word that a task of the suite uses
_READ_AS = 3  # of the run's sentences

Read = Callable[[Sequence[RecordedEpisode]], list[Signals]]


def report_doubts(
    episodes: Sequence[RecordedEpisode],
    signals: Sequence[Signals],
    *,
    sentences: Sequence[str],
    read: Read,
) -> int:
    """Warn of demonstrations whose frames do not show to the model what they should.

    Two doubts are looked for. The model reads the end as not done: progress and success are both
    below one half. Or the demonstration speaks of something else than the run does, in words that
    the run's task never uses, and the model, asked with up to three of the run's own sentences,
    reads none of them as done. Either may as well be the model's mistake, so nothing is refused.

    Args:
        episodes: The demonstrations.
        signals: What the model reads of each, with its own sentence.
        sentences: What the run's environment says.
        read: Has the model read episodes, each with its own sentence.

    Returns:
        How many demonstrations are doubtful.
    """
    failed = [i for i, one in enumerate(signals) if not _done(one)]
    if failed:
        worst = min(failed, key=lambda i: signals[i].next_progress[-1])
        _LOGGER.warning(
            "%d of %d demonstrations read as not done at their end, for example number %d, "
            "%r: progress %.2f, success %.2f. The agent will take them for successes that pay "
            "little; look at them with `kibble score`, or adapt the model with `kibble adapt`.",
            len(failed),
            len(episodes),
            worst,
            episodes[worst].instruction,
            signals[worst].next_progress[-1],
            signals[worst].success[-1],
        )
    known = {word for sentence in sentences for word in _words(sentence)}
    strange = [
        i
        for i, episode in enumerate(episodes)
        if known and i not in failed and not _words(episode.instruction) <= known
    ]
    if strange:
        asked = list(dict.fromkeys(sentences))[:_READ_AS]
        kept = set(strange)
        for sentence in asked:
            chosen = [_saying(episodes[i], sentence) for i in strange]
            kept -= {i for i, one in zip(strange, read(chosen), strict=True) if _done(one)}
        strange = sorted(kept)
    if strange:
        _LOGGER.warning(
            "%d of %d demonstrations seem to be of another task, for example number %d: it says "
            "%r, the run says for example %r, and as that its frames read as not done. Check the "
            "folder, or set task.instruction.",
            len(strange),
            len(episodes),
            strange[0],
            episodes[strange[0]].instruction,
            sentences[0],
        )
    return len(failed) + len(strange)


def said_by(env: gymnasium.Env[object, object], told: str | None) -> list[str]:
    """Return what an environment says at its resets, or what it is told to say if it is silent."""
    heard: list[str] = []
    for seed in range(_RESETS):
        _, info = env.reset(seed=seed)
        sentence = info.get("instruction")
        if not isinstance(sentence, str):
            return [] if told is None else [told]
        heard.append(sentence)
    return heard


def _done(signals: Signals) -> bool:
    ends = np.array([signals.next_progress[-1], signals.success[-1]])
    return bool(np.nanmax(ends) >= _DONE)  # success is NaN where the model never answered


def _saying(episode: RecordedEpisode, sentence: str) -> RecordedEpisode:
    return replace(episode, instruction=sentence)


def _words(sentence: str) -> set[str]:
    return set(re.findall(r"\w+", sentence.lower()))
