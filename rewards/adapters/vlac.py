"""VLAC, a critic that compares two frames and says when the task is done."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, final

from kibble.rewards.adapters.card import ModelCard
from kibble.rewards.adapters.generative import GenerativeReward, Pictures, Reading
from kibble.rewards.adapters.layout_spec import layout_spec
from kibble.rewards.adapters.pictures import resized
from kibble.rewards.adapters.remembered import recalled, recalled_number, remember
from kibble.rewards.adapters.spoken import Spoken, SpokenOptions, ask, read_spoken
from kibble.rewards.adapters.vlac_questions import ask_done, ask_score
from kibble.rewards.errors import ConfigError, WeightsError
from kibble.rewards.frames import check_frames
from kibble.rewards.types import Episode, ModelSpec, RewardModel
from kibble.rewards.vlm.opening import open_backend
from kibble.rewards.vlm.prompt import Picture
from kibble.rewards.vlm.questions import Answer, Failure, Question

if TYPE_CHECKING:
    import torch

__all__ = ["CARD", "Options", "VlacLayout", "open_reward"]

CARD = ModelCard(
    name="vlac",
    title="VLAC: signed progress between two frames, and a done signal; behind a server",
    opens="kibble.rewards.adapters.vlac:open_reward",
    options="kibble.rewards.adapters.vlac:Options",
    hub_ids=("InternRobotics/VLAC",),
    licence="CC-BY-NC-SA-4.0",
    views=("front",),
    history="the frame before, and the start beside a reference trajectory",
    needs_goal=False,
    causal=True,
    extra="vlm",
    source="VLAC: A Vision-Language-Action-Critic Model; github.com/InternRobotics/VLAC",
)

SIZE = (448, 448)
MOST_REFERENCES = 11


@dataclass(frozen=True, kw_only=True)
class Options(SpokenOptions):
    """How VLAC reads.

    Args:
        front: Camera that it looks through.
        references: Pictures of the task's demonstration that are shown first, 2 to 11, evenly
            spread; a task without a demonstration goes without.
        rich: Whether scores are means over the likeliest numbers instead of the one that was said.
        done: Whether it is also asked if the task is done; otherwise the probability of success is
            the progress. It needs a back end that gives log-probabilities.
    """

    front: str = "front"
    references: int = 6
    rich: bool = False
    done: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 2 <= self.references <= MOST_REFERENCES:
            raise ConfigError(
                f"`references` must lie in 2..{MOST_REFERENCES}, got {self.references}."
            )


@final
class VlacLayout:
    """Two pictures a question, the frame before and the newest, each 448 x 448 pixels.

    The answer c, a signed percentage of what is left to do, moves the progress:
    P' = P + (1 - P) c / 100, kept in [0, 1]; the start has progress 0. Between equal pictures c is
    0 and not asked for. With a demonstration in the task, its pictures come first, marked with
    their share of the way, then the episode's start and the two pictures.

    Whether the task is done is asked of the newest picture alone, answer 1 or 0, and read as the
    mean over both digits' probabilities, one that is below a tenth of the other left out: the
    probability of success.

    The confidence is that of the score: with ``rich`` its distribution's, without how near to the
    number that was said those are that were weighed besides, with several samples how near they
    are.

    ``Episode.memory`` holds ``start``, ``last``, the number ``value`` and, with a demonstration,
    ``reference0``, ``reference1`` …

    VLAC's files are InternVL2's, with code of their own that transformers' image-text-to-text
    class does not load. Serve them with vLLM, SGLang or LMDeploy and write
    ``vlac@InternRobotics/VLAC?backend=openai&url=…``; the server must keep pictures between the
    texts (vLLM: ``--interleave-mm-strings``). The local back end takes weights in transformers'
    own InternVL format.

    Args:
        options: How it reads.

    Source:
        github.com/InternRobotics/VLAC, evo_vlac/utils/model_utils.py: prompts, resizing
        (``_process_image_to_pil``), choice of references and order of pictures
        (``get_trajectory_critic``), digit expectation (``results_format``), value
        (``critic_to_value_simple`` with ``simple=True``, its default, which is not bounded). The
        template of ms-swift that it runs in puts a line break after each picture, and so does
        InternVL's own chat template. ``top_k=1`` there is greedy decoding.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._spec = layout_spec(CARD, options, views=(options.front,))

    @property
    def spec(self) -> ModelSpec:
        """What the model is; it takes frames as they come."""
        return self._spec

    def begin(self, episode: Episode, start: Pictures) -> float:
        """Note the start, its progress is 0, and the demonstration's pictures."""
        first = {self._options.front: self._shown(start)}
        remember(episode, "start", first)
        remember(episode, "last", first)
        episode.memory["value"] = 0.0
        demonstration = episode.task.demonstration
        if demonstration is not None:
            length = check_frames(demonstration, views=self._spec.required_views)
            frames = demonstration[self._options.front]
            for i in range(self._options.references):
                at = int(i * (length - 1) / (self._options.references - 1))
                shown = {self._options.front: resized(Picture(frames[at]), SIZE)}
                remember(episode, f"reference{i}", shown)
        return 0.0

    def questions(self, episode: Episode, newest: Pictures) -> Sequence[Question] | Failure:
        """Ask for the score since the last picture, and whether the task is done."""
        asked = self._asked(episode, newest)
        return [
            question
            for spoken in asked
            if spoken is not None
            for question in ask(spoken, self._options)
        ]

    def read(self, episode: Episode, newest: Pictures, answers: Sequence[Answer]) -> Reading:
        """Move the value by the score."""
        score, *done = self._asked(episode, newest)
        percent, confidence, rest = 0.0, 1.0, list(answers)
        if score is not None:
            own, rest = rest[: self._options.samples], rest[self._options.samples :]
            percent, confidence = read_spoken(score, own)
        success = None
        if done and done[0] is not None:
            success, _ = read_spoken(done[0], rest)
        value = recalled_number(episode, "value")
        value = min(max(value + (1.0 - value) * percent / 100.0, 0.0), 1.0)
        episode.memory["value"] = value
        remember(episode, "last", {self._options.front: self._shown(newest)})
        return Reading(
            progress=value, success=value if success is None else success, confidence=confidence
        )

    def _shown(self, newest: Pictures) -> Picture:
        return resized(newest[self._options.front], SIZE)

    def _asked(self, episode: Episode, newest: Pictures) -> list[Spoken | None]:
        """Return the question for the score, None between equal pictures, and for done."""
        task, front = episode.task.instruction, self._options.front
        after, before = self._shown(newest), recalled(episode, "last")[front]
        asked: list[Spoken | None] = [None]
        if after.key != before.key:
            references: list[Picture] = []
            if "reference0" in episode.memory:
                names = [f"reference{i}" for i in range(self._options.references)]
                references = [recalled(episode, name)[front] for name in names]
            start = recalled(episode, "start")[front]
            rich = self._options.rich
            asked = [ask_score(task, references, start, before, after, rich=rich)]
        if self._options.done:
            asked.append(ask_done(task, after))
        return asked


def open_reward(weights: str | None, options: Options, device: torch.device | None) -> RewardModel:
    """Open the model.

    Args:
        weights: Directory, hub id, or name on a server; the published weights by default.
        options: How it reads and where it runs.
        device: Where a local model runs.

    Raises:
        WeightsError: If local weights are missing, damaged, or in InternVL2's own format.
        ModelError: If the server does not serve that model.
        ConnectionError: If the server cannot be reached.
    """
    weights = weights or CARD.hub_ids[0]
    if options.backend == "local" and _is_own_format(weights):
        raise WeightsError(
            f"VLAC's weights must be in transformers' InternVL format to run in this process, got "
            f"{weights!r} in InternVL2's own. Serve them: `vllm serve {CARD.hub_ids[0]} "
            "--trust-remote-code --interleave-mm-strings`, and write "
            f"'vlac@{CARD.hub_ids[0]}?backend=openai&url=http://127.0.0.1:8000/v1'."
        )
    return GenerativeReward(VlacLayout(options), open_backend(weights, options, device=device))


def _is_own_format(weights: str) -> bool:
    """Whether weights are InternVL2's with code of their own, as VLAC's authors published them."""
    if weights in CARD.hub_ids:
        return True
    path = Path(weights).expanduser() / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # what is wrong with it is said where it is opened
        return False
    return isinstance(config, dict) and config.get("model_type") == "internvl_chat"
