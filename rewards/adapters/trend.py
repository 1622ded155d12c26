"""Trend words: whether the last five frames, from two cameras, went the right way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, final

from kibble.rewards.adapters.card import ModelCard
from kibble.rewards.adapters.generative import GenerativeReward, Pictures, Reading
from kibble.rewards.adapters.layout_spec import layout_spec
from kibble.rewards.adapters.published_prompt import prompt_parts
from kibble.rewards.adapters.remembered import recalled, remember
from kibble.rewards.adapters.spoken import Spoken, SpokenOptions, ask, read_spoken
from kibble.rewards.adapters.views import ViewSlots, view_slot
from kibble.rewards.errors import ConfigError
from kibble.rewards.types import Episode, ModelSpec, RewardModel
from kibble.rewards.vlm.opening import open_backend
from kibble.rewards.vlm.prompt import Clip, Prompt, Turn
from kibble.rewards.vlm.questions import Answer, Failure, Question, Reply
from kibble.rewards.vlm.readouts.said import said_probability
from kibble.rewards.vlm.readouts.word import one_word

if TYPE_CHECKING:
    import torch

__all__ = ["CARD", "Options", "TrendLayout", "open_reward"]

CARD = ModelCard(
    name="trend",
    title="trend words of RLinf: positive, negative or unclear for the last five frames",
    opens="kibble.rewards.adapters.trend:open_reward",
    options="kibble.rewards.adapters.trend:Options",
    hub_ids=("Qwen/Qwen3-VL-4B-Instruct",),
    licence="Apache-2.0",
    views=("front", "side"),
    history="the last five frames",
    needs_goal=False,
    causal=True,
    extra="vlm",
    source="RLinf; github.com/RLinf/RLinf, VLM trend reward",
)

WINDOW = 5
SHOWN = (0, 1, 3, 4)
FPS = 24.0
_FRAMES = tuple(f"frame{i}" for i in range(WINDOW))
MAX_TOKENS = 16
WORDS = {"positive": 1.0, "negative": -0.2, "unclear": 0.0}


@dataclass(frozen=True, kw_only=True)
class Options(SpokenOptions):
    """How trend words are read.

    Args:
        front: Camera of the main view.
        third_person: Camera of the third-person view; by default side or third_person.
        missing_view: What stands where the third-person camera is missing: repeat (the main view),
            blank (a black picture) or flag (such frames count as unanswered).
        step: How far "positive" moves the progress; "negative" moves it back by a fifth of that.
        adapter: Directory (as peft saves it), hub id, or name on a server of a low-rank adapter
            that was fine-tuned for this; none by default.
    """

    front: str = "front"
    third_person: str = ""
    missing_view: str = "repeat"
    step: float = 0.05
    adapter: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0.0 < self.step <= 1.0:
            raise ConfigError(f"`step` must lie in (0, 1], got {self.step}.")


@final
class TrendLayout:
    """Two clips a question, of the same five frames, the newest last.

    P' = P + step r, kept in [0, 1], with r = 1 for "positive", -0.2 for "negative" and 0 for
    "unclear", the rewards that the authors pay; the start has progress 0. Until five frames have
    been seen nothing is asked and the progress stays. The probability of success is the progress.
    The confidence is the probability of the word that was said; with several samples, how near
    they are.

    The authors hand five frames at 24 per second to Qwen3-VL's processor, which samples four of
    them, the first two and the last two; those are shown.

    ``Episode.memory`` holds the last frames under ``frame0`` (the oldest) … ``frame4``.

    The authors fine-tune weights on their own simulated episodes and release none; the model that
    they start from is the default, and answers as well as it can.

    Args:
        options: How it reads.

    Source:
        github.com/RLinf/RLinf, rlinf/models/embodiment/reward/vlm_reward_utils: prompt
        (``VLMTrendRewardInputBuilder``) and rewards (``VLMTrendRewardParser``, which reads 0 from
        what is no such word; here it is an error); rlinf/data/datasets/vlm/vlm_trend_reward.py:
        place and rate of the clips. A potential's change is paid here, the word itself there.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._slots = ViewSlots(
            CARD.name,
            [
                view_slot("front", options.front),
                view_slot("third person", options.third_person),
            ],
            missing=options.missing_view,
        )
        self._spec = layout_spec(
            CARD, options, views=self._slots.views, required_views=self._slots.required
        )

    @property
    def spec(self) -> ModelSpec:
        """What the model is; it takes frames as they come."""
        return self._spec

    def begin(self, episode: Episode, start: Pictures) -> float:
        """Note the start; its progress is 0."""
        remember(episode, _FRAMES[0], self._slots.chosen(start))
        return 0.0

    def questions(self, episode: Episode, newest: Pictures) -> Sequence[Question] | Failure:
        """Note the newest frame and ask about the last five, once there are so many."""
        cameras = list(recalled(episode, _FRAMES[0]))
        filled = self._slots.fill(newest, cameras)
        if isinstance(filled, Failure):
            return filled
        seen = sum(name in episode.memory for name in _FRAMES)
        if seen == WINDOW:
            for older, newer in pairwise(_FRAMES):
                episode.memory[older] = episode.memory[newer]
        remember(episode, _FRAMES[min(seen, WINDOW - 1)], {c: newest[c] for c in cameras})
        spoken = self._asked(episode)
        return [] if spoken is None else list(ask(spoken, self._options))

    def read(self, episode: Episode, newest: Pictures, answers: Sequence[Answer]) -> Reading:
        """Move the progress by the word."""
        spoken = self._asked(episode)
        reward, confidence = 0.0, 1.0
        if spoken is not None:
            reward, confidence = read_spoken(spoken, answers)
        progress = min(max(episode.progress + self._options.step * reward, 0.0), 1.0)
        return Reading(progress=progress, success=progress, confidence=confidence)

    def _asked(self, episode: Episode) -> Spoken | None:
        if _FRAMES[-1] not in episode.memory:
            return None
        views = []
        for i in SHOWN:
            shown = recalled(episode, _FRAMES[i])
            filled = self._slots.fill(shown, list(shown))
            assert not isinstance(filled, Failure), "checked as each frame came"
            views.append(filled)
        clips = [Clip(frames=frames, fps=FPS) for frames in zip(*views, strict=True)]
        parts = prompt_parts("trend", episode.task.instruction, clips, place="<video>")
        return Spoken(
            prompt=Prompt(turns=(Turn("user", parts),)),
            max_tokens=MAX_TOKENS,
            choices=tuple(WORDS),
            read=_read,
            low=min(WORDS.values()),
            high=max(WORDS.values()),
            adapter="trend" if self._options.adapter else "",
        )


def _read(reply: Reply) -> tuple[float, float]:
    reward = one_word(reply.text, WORDS)
    return reward, said_probability(reply.tokens, reply.text.strip().removesuffix("."))


def open_reward(weights: str | None, options: Options, device: torch.device | None) -> RewardModel:
    """Open the model.

    Args:
        weights: Directory, hub id, or name on a server; the model that the authors fine-tune by
            default.
        options: How it reads and where it runs.
        device: Where a local model runs.

    Raises:
        WeightsError: If local weights are missing or damaged, or the adapter has no effect.
        ModelError: If the server does not serve that model.
        ConnectionError: If the server cannot be reached.
    """
    adapters = {"trend": options.adapter} if options.adapter else {}
    backend = open_backend(weights or CARD.hub_ids[0], options, device=device, adapters=adapters)
    return GenerativeReward(TrendLayout(options), backend)
