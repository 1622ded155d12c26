"""RoboReward: a vision-language model that scores the end of a video from 1 to 5.

Published use: the whole rollout at one frame per second, one score for its final state. Raw score
s in 1..5, progress (s - 1) / 4.

Online use, as here: the video so far, from the start to the newest frame, is asked about at every
step, so that the "final state" of the rubric is the newest frame. Scores of unfinished videos are
what the authors' negatives by clipping train.

===============  ===========================================  =================================
``readout``      progress                                     success; confidence
===============  ===========================================  =================================
``answer``       (s - 1) / 4 of the score that the model      1 for the score 5, else 0;
                 says (the published read-out)                how near to s the scores are that
                                                              might have been said instead, 1
                                                              where it is not told
``expectation``  Σ p_s (s - 1) / 4 over the five scores, the  p_5; 1 - entropy / ln 5 of p
                 answer begun with "ANSWER: "
===============  ===========================================  =================================

The video stands before the text: after the text it scores far worse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, final

from kibble.rewards.adapters.card import ModelCard
from kibble.rewards.adapters.frame_history import FrameHistory
from kibble.rewards.adapters.generative import GenerativeReward, Pictures, Reading
from kibble.rewards.adapters.layout_spec import layout_spec
from kibble.rewards.errors import ConfigError
from kibble.rewards.types import Episode, ModelSpec, RewardModel
from kibble.rewards.vlm.opening import BackendOptions, open_backend
from kibble.rewards.vlm.prompt import Clip, Prompt, Turn
from kibble.rewards.vlm.questions import Answer, Question, Rate, Say
from kibble.rewards.vlm.readouts.expectation import expectation, probabilities_within
from kibble.rewards.vlm.readouts.reply import finished_reply, rated
from kibble.rewards.vlm.readouts.rubric import rubric_score
from kibble.rewards.vlm.readouts.said import number_confidence

if TYPE_CHECKING:
    import torch

__all__ = ["CARD", "Options", "RoboReward", "open_reward"]

CARD = ModelCard(
    name="roboreward",
    title="RoboReward: a score from 1 to 5 for the end of the video so far",
    opens="kibble.rewards.adapters.roboreward:open_reward",
    options="kibble.rewards.adapters.roboreward:Options",
    hub_ids=("teetone/RoboReward-4B", "teetone/RoboReward-8B"),
    licence="CC-BY-4.0",
    views=("front",),
    history="the video so far, at 1 frame per second",
    needs_goal=False,
    causal=True,
    extra="vlm",
    source="Lee et al. 2026, arXiv:2601.00675; huggingface.co/teetone/RoboReward-4B",
)

# The text that the released weights were trained on: README of the weights at the address above.
RUBRIC = """\
Given the task, assign a discrete progress score reward (1,2,3,4,5) for the robot in the video in \
the format: ANSWER: <score>
Rubric for end-of-episode progress (judge only the final state without time limits):
1 - No Success: Final state shows no goal-relevant change for the command.
2 - Minimal Progress: Final state shows a small but insufficient change toward the goal.
3 - Partial Completion: The final state shows good progress toward the goal but violates more \
than one requirement or a major requirement.
4 - Near Completion: Final state is correct in region and intent but misses a single minor \
requirement.
5 - Perfect Completion: Final state satisfies all requirements.

Task: {task}"""

_SCORES = ("1", "2", "3", "4", "5")
_PROGRESS = (0.0, 0.25, 0.5, 0.75, 1.0)
_ANSWER = "ANSWER: "


@dataclass(frozen=True, kw_only=True)
class Options(BackendOptions):
    """How RoboReward is asked and read.

    Args:
        view: The camera whose frames it reads.
        readout: answer (the score that it says) or expectation (the mean over all five scores).
        constrain: Whether an answer is held to the five that the prompt allows, so that nothing
            else can be said, whatever stands in a frame or an instruction. The authors do not.
        fps: Frames per second of the video that it is shown; 1 is what it was trained on.
        frame_rate: Frames per second of what you give it, so that those in between are left out;
            0 takes the recording's or the task's own, where known, else every frame as if it came
            at `fps`.
        max_frames: Most frames of a video; of longer ones every other frame is left out.
        pixels: Least and most pixels of a frame, which others are resized to; the default is that
            of qwen-vl-utils, by which the weights were evaluated.
    """

    view: str = "front"
    readout: str = "answer"
    constrain: bool = False
    fps: float = 1.0
    frame_rate: float = 0.0
    max_frames: int = 64
    pixels: tuple[int, int] = (128 * 32**2, 768 * 32**2)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.readout not in ("answer", "expectation"):
            raise ConfigError(f"`readout` must be answer or expectation, got {self.readout!r}.")
        if not 0 < self.pixels[0] <= self.pixels[1]:
            raise ConfigError(
                f"`pixels` must be the least and the most, both above 0, got {self.pixels}."
            )


@final
class RoboReward:
    """The layout; see the module.

    Args:
        options: How it is asked and read.

    Source:
        Lee et al. 2026 (arXiv:2601.00675); prompt of the weights' page; video before text, one
        frame per second and at least two frames as in github.com/robometer/robometer,
        robometer/evals/baselines/roboreward.py.
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

    def at_frame_rate(self, frame_rate: float) -> RoboReward:
        """See :class:`kibble.rewards.frame_rate.ThinsFrames`."""
        if self._options.frame_rate:
            return self
        return RoboReward(replace(self._options, frame_rate=frame_rate))

    def begin(self, episode: Episode, start: Pictures) -> float | None:
        """The start is scored like every other frame."""
        return None

    def questions(self, episode: Episode, newest: Pictures) -> Sequence[Question]:
        """Ask for the score of the video that ends with the newest frame."""
        self._history.note(episode, newest[self._options.view])
        clip, pixels = self._history.clip(episode, newest=True), self._options.pixels
        if len(clip.frames) == 1:
            clip = Clip(clip.frames * 2, clip.fps)
        asked = Turn("user", (clip, RUBRIC.format(task=episode.task.instruction)))
        if self._options.readout == "expectation":
            begun = Turn("assistant", (_ANSWER,))
            return (Rate(prompt=Prompt((asked, begun), pixels), answers=_SCORES),)
        choices = tuple(_ANSWER + score for score in _SCORES) if self._options.constrain else None
        return (Say(prompt=Prompt((asked,), pixels), max_tokens=128, choices=choices, top=10),)

    def read(self, episode: Episode, newest: Pictures, answers: Sequence[Answer]) -> Reading:
        """Read the score; see :meth:`kibble.rewards.adapters.generative.Layout.read`."""
        (answer,) = answers
        if self._options.readout == "expectation":
            logprobs = rated(answer, len(_SCORES))
            within, _ = probabilities_within(logprobs)
            mean = expectation(logprobs, _PROGRESS)
            return Reading(
                progress=mean.value, success=float(within[-1]), confidence=mean.confidence
            )
        reply = finished_reply(answer)
        score = rubric_score(reply.text)
        return Reading(
            progress=_PROGRESS[score - 1],
            success=float(score == 5),
            confidence=number_confidence(
                reply.tokens, str(score), lambda text: rubric_score(_ANSWER + text), low=1, high=5
            ),
        )


def open_reward(weights: str | None, options: Options, device: torch.device | None) -> RewardModel:
    """Open RoboReward.

    Args:
        weights: Directory or hub id; the 4B weights by default. On a server the name it serves.
        options: How it is asked and read.
        device: Where a local model runs; the CPU by default.

    Raises:
        WeightsError: If the weights are missing or damaged.
        ConfigError: If an option is out of range.
    """
    layout = RoboReward(options)
    backend = open_backend(weights or CARD.hub_ids[0], options, device=device)
    return GenerativeReward(layout, backend)
