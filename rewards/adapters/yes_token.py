"""The probability of "yes": any vision-language model as a judge, without training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from kibble.rewards.adapters.card import ModelCard
from kibble.rewards.adapters.generative import GenerativeReward, Pictures, Reading
from kibble.rewards.adapters.layout_spec import layout_spec
from kibble.rewards.adapters.pictures import frame_pictures
from kibble.rewards.adapters.remembered import recalled, remember
from kibble.rewards.errors import ConfigError, WeightsError
from kibble.rewards.frames import check_frames
from kibble.rewards.types import Episode, ModelSpec, RewardModel
from kibble.rewards.vlm.instruction import check_instruction
from kibble.rewards.vlm.opening import BackendOptions, open_backend
from kibble.rewards.vlm.prompt import Part, Prompt, Turn
from kibble.rewards.vlm.questions import Answer, Failure, Question, Rate
from kibble.rewards.vlm.readouts.expectation import expectation
from kibble.rewards.vlm.readouts.reply import rated

if TYPE_CHECKING:
    import torch

__all__ = ["CARD", "Options", "YesTokenLayout", "open_reward"]

CARD = ModelCard(
    name="yes_token",
    title='probability of "yes" to: is image A further than image B, under given criteria',
    opens="kibble.rewards.adapters.yes_token:open_reward",
    options="kibble.rewards.adapters.yes_token:Options",
    hub_ids=(),
    licence="that of the weights you name",
    views=("front",),
    history="the start",
    needs_goal=False,
    causal=True,
    extra="vlm",
    source="RewardDance (Wu et al. 2025), arXiv:2509.08826; the words are ours",
)

REFERENCES = ("start", "goal", "none")
YES, NO = ("yes", "Yes"), ("no", "No")
_CRITERIA = (
    "Judge only what the task needs: positions, contacts and states of the objects it names. "
    "Ignore lighting, background and how the robot looks."
)
_QUESTIONS = {
    "start": "Image B shows the scene when the robot began. Is the task clearly further along in "
    "image A than in image B?",
    "goal": "Image B shows the task finished. Is the task as far along in image A as in image B?",
    "none": "Is the task finished in image A?",
}


@dataclass(frozen=True, kw_only=True)
class Options(BackendOptions):
    """What is asked.

    Args:
        reference: What the newest picture is compared with: start, goal (needs goal frames) or
            none (it is asked whether the task is finished).
        criteria: What to judge by, in plain words.
        front: Camera that it looks through.
    """

    reference: str = "start"
    criteria: str = _CRITERIA
    front: str = "front"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_instruction(self.criteria)
        if self.reference not in REFERENCES:
            raise ConfigError(
                f"`reference` must be one of {', '.join(REFERENCES)}, got {self.reference!r}."
            )


@final
class YesTokenLayout:
    """One question a frame, answered by a probability and not by a word.

    Progress and the probability of success are ``P("yes") + P("Yes")``. The confidence is one
    minus the entropy of yes against no in bits, times their share of all probability: a model
    that would rather say something else is not sure.

    The reference comes first: it is the same in every question of an episode, and its encoding and
    prefix are found again.

    ``Episode.memory`` holds the picture ``reference``.

    Args:
        options: What is asked.

    Source:
        RewardDance: r = P("yes" | image, reference, criteria). Its model was not released; that a
        picture of a task is compared with its start or its goal is ours.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._spec = layout_spec(
            CARD, options, views=(options.front,), needs_goal=options.reference == "goal"
        )

    @property
    def spec(self) -> ModelSpec:
        """What the model is; it takes frames as they come."""
        return self._spec

    def begin(self, episode: Episode, start: Pictures) -> None:
        """Note the reference; the start is asked about like any other frame."""
        shown = start
        if self._options.reference == "goal":
            goal = episode.task.goal_frames
            assert goal is not None, "checked where episodes are opened"
            check_frames(goal, views=self._spec.required_views, count=1)
            shown = frame_pictures(goal)
        remember(episode, "reference", {self._options.front: shown[self._options.front]})

    def questions(self, episode: Episode, newest: Pictures) -> Sequence[Question] | Failure:
        """Ask how likely each answer is."""
        now = newest[self._options.front]
        reference = recalled(episode, "reference")[self._options.front]
        shown: tuple[Part, ...] = ("Image A:\n", now)
        if self._options.reference != "none":
            shown = ("Image B, for reference:\n", reference, "\nImage A:\n", now)
        words = (
            f"\nThe robot's task: {episode.task.instruction}\n{self._options.criteria}\n"
            f"{_QUESTIONS[self._options.reference]} Answer with one word, yes or no."
        )
        prompt = Prompt(turns=(Turn("user", (*shown, words)),))
        return (Rate(prompt=prompt, answers=YES + NO),)

    def read(self, episode: Episode, newest: Pictures, answers: Sequence[Answer]) -> Reading:
        """Read the probability of yes."""
        logprobs = rated(answers[0], len(YES) + len(NO))
        yes = float(np.logaddexp.reduce(logprobs[: len(YES)]))
        no = float(np.logaddexp.reduce(logprobs[len(YES) :]))
        both = expectation(np.minimum([yes, no], 0.0), [1.0, 0.0])
        probability = float(np.exp(min(yes, 0.0)))
        return Reading(
            progress=probability,
            success=probability,
            confidence=both.confidence * (1.0 - both.outside),
        )


def open_reward(weights: str | None, options: Options, device: torch.device | None) -> RewardModel:
    """Open the model.

    Args:
        weights: Directory, hub id, or name on a server of any vision-language model.
        options: What is asked and where it runs.
        device: Where a local model runs.

    Raises:
        WeightsError: If no weights are named, or local ones are missing or damaged.
        ModelError: If the server does not serve that model.
        ConnectionError: If the server cannot be reached.
    """
    if weights is None:
        raise WeightsError(
            "`yes_token` has no weights of its own, got none; name a vision-language model, such "
            "as yes_token@Qwen/Qwen3-VL-4B-Instruct."
        )
    return GenerativeReward(YesTokenLayout(options), open_backend(weights, options, device=device))
