"""TOPReward: how likely a frozen model of videos finds it that this one shows the task done.

Published use: for prefixes of a rollout, log P("True") after a sentence that claims that the video
completes the task, at two frames per second; the values of one rollout are then stretched to
[0, 1] between their least and greatest. The claim and its answer stand in the user's own turn,
without an end of turn or an answer's header (``chat_template=true`` adds them: the authors' other
setting).

Online use, as here: the prefix at every step is the video so far. The stretch needs the end of the
rollout, so a fixed one takes its place: it keeps the order of the published values, hence value-
order correlation and ranking, but not where 0 and 1 lie.

- progress = clip((log P("True") - low) / (high - low), 0, 1)
- success = P("True") / (P("True") + P("False"))
- confidence = 1 - entropy / ln 2 of those two

Frames that lie between two of the model's (``fps`` against ``frame_rate``) change nothing, as
published: the reading is held, and nothing is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast, final

import numpy as np
from PIL import Image

from kibble.rewards.adapters.card import ModelCard
from kibble.rewards.adapters.frame_history import FrameHistory
from kibble.rewards.adapters.generative import GenerativeReward, Pictures, Reading
from kibble.rewards.adapters.layout_spec import layout_spec
from kibble.rewards.errors import ConfigError
from kibble.rewards.types import Episode, ModelSpec, RewardModel
from kibble.rewards.vlm.opening import BackendOptions, open_backend
from kibble.rewards.vlm.prompt import Picture, Prompt, Turn
from kibble.rewards.vlm.questions import Answer, Question, Rate
from kibble.rewards.vlm.readouts.expectation import probabilities_within
from kibble.rewards.vlm.readouts.reply import rated
from kibble.rewards.vlm.readouts.uncertainty import entropy_confidence

if TYPE_CHECKING:
    import torch

__all__ = ["CARD", "Options", "TOPReward", "open_reward"]

CARD = ModelCard(
    name="topreward",
    title="TOPReward: how likely any video model finds it that the task is done",
    opens="kibble.rewards.adapters.topreward:open_reward",
    options="kibble.rewards.adapters.topreward:Options",
    hub_ids=("Qwen/Qwen3-VL-8B-Instruct",),
    licence="Apache-2.0",
    views=("front",),
    history="the video so far, at 2 frames per second",
    needs_goal=False,
    causal=True,
    extra="vlm",
    source="Chen et al. 2026, arXiv:2602.19313; github.com/TOPReward/TOPReward",
)

# Word for word: the likelihood of the last word hangs on them. topreward/clients/qwen.py.
CLAIM = (
    "The above video shows a robot manipulation trajectory that completes the following task: "
    "{task} Decide whether the above statement is True or not. The answer is:"
)


@dataclass(frozen=True, kw_only=True)
class Options(BackendOptions):
    """How TOPReward is asked and read.

    Args:
        view: The camera whose frames it reads.
        fps: Frames per second of the video that it is shown.
        frame_rate: Frames per second of what you give it, so that those in between are left out;
            0 takes the recording's or the task's own, where known, else every frame as if it came
            at `fps`.
        max_frames: Most frames of a video; of longer ones every other frame is left out.
        size: Height and width in pixels to which frames are resized; 0 leaves them as they come.
        chat_template: Whether the model answers in a turn of its own.
        low: Log-probability of "True" that counts as no progress; -26 to -7 has been reported of
            Qwen3-VL on robot videos without a chat template. Take what your model gives at starts.
        high: Log-probability that counts as all of it, at most 0.
    """

    view: str = "front"
    fps: float = 2.0
    frame_rate: float = 0.0
    max_frames: int = 64
    size: int = 244
    chat_template: bool = False
    low: float = -25.0
    high: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not -np.inf < self.low < self.high <= 0.0:
            raise ConfigError(
                "`low` must lie below `high`, and `high` at or below 0 (both are logarithms of "
                f"probabilities), got {self.low} and {self.high}."
            )
        if self.size < 0:
            raise ConfigError(f"`size` must be at least 0 (0: as it comes), got {self.size}.")


@final
class TOPReward:
    """The layout; see the module.

    Args:
        options: How it is asked and read.

    Source:
        Chen et al. 2026 (arXiv:2602.19313); topreward/clients/qwen.py and
        configs/experiments/predict_topreward.yaml at bc61380.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._history = FrameHistory(
            fps=options.fps, frame_rate=options.frame_rate, max_frames=options.max_frames
        )

    @property
    def spec(self) -> ModelSpec:
        """One view, at the size it comes in."""
        return layout_spec(CARD, self._options, views=(self._options.view,))

    def at_frame_rate(self, frame_rate: float) -> TOPReward:
        """See :class:`kibble.rewards.frame_rate.ThinsFrames`."""
        if self._options.frame_rate:
            return self
        return TOPReward(replace(self._options, frame_rate=frame_rate))

    def begin(self, episode: Episode, start: Pictures) -> float | None:
        """The start is read like every other frame."""
        return None

    def questions(self, episode: Episode, newest: Pictures) -> Sequence[Question]:
        """Ask how likely the claim is of the video so far; nothing if it has not grown."""
        self._history.note(episode, self._resized(newest[self._options.view]))
        if self._history.ticked(episode):
            episode.memory.pop("reading", None)
        elif "reading" in episode.memory:
            return ()
        clip = self._history.clip(episode, newest=False)
        claim = CLAIM.format(task=episode.task.instruction)
        spoken = self._options.chat_template
        prompt = Prompt((Turn("user", (clip, claim)),), open_ended=not spoken)
        return (Rate(prompt=prompt, answers=("True", "False") if spoken else (" True", " False")),)

    def read(self, episode: Episode, newest: Pictures, answers: Sequence[Answer]) -> Reading:
        """Read the likelihood; see :meth:`kibble.rewards.adapters.generative.Layout.read`."""
        if answers:
            logprobs = rated(answers[0], 2)
            within, _ = probabilities_within(logprobs)
            low, high = self._options.low, self._options.high
            episode.memory["reading"] = [
                float(np.clip((logprobs[0] - low) / (high - low), 0.0, 1.0)),
                float(within[0]),
                entropy_confidence(within),
            ]
        progress, success, confidence = cast("list[float]", episode.memory["reading"])
        return Reading(progress=progress, success=success, confidence=confidence)

    def _resized(self, picture: Picture) -> Picture:
        size = self._options.size
        if size == 0 or picture.pixels.shape[:2] == (size, size):
            return picture
        image = Image.fromarray(picture.pixels).resize((size, size), Image.Resampling.BICUBIC)
        return Picture(np.asarray(image))


def open_reward(weights: str | None, options: Options, device: torch.device | None) -> RewardModel:
    """Open TOPReward over a video model.

    Args:
        weights: Directory or hub id of any Qwen3-VL; the 8B one by default. On a server the name
            it serves, which must go on with a user's turn (vLLM: ``continue_final_message``)
            unless ``chat_template=true``.
        options: How it is asked and read.
        device: Where a local model runs; the CPU by default.

    Raises:
        WeightsError: If the weights are missing or damaged.
        ConfigError: If an option is out of range.
    """
    layout = TOPReward(options)
    backend = open_backend(weights or CARD.hub_ids[0], options, device=device)
    return GenerativeReward(layout, backend)
