"""LRM, Large Reward Models: three low-rank adapters over one base, each with a question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from kibble.rewards.adapters.card import ModelCard
from kibble.rewards.adapters.generative import GenerativeReward, Pictures, Reading
from kibble.rewards.adapters.layout_spec import layout_spec
from kibble.rewards.adapters.lrm_questions import ask_completion, ask_contrastive, ask_progress
from kibble.rewards.adapters.pictures import frame_pictures
from kibble.rewards.adapters.remembered import recalled, remember
from kibble.rewards.adapters.spoken import Spoken, SpokenOptions, ask, read_spoken
from kibble.rewards.errors import ConfigError
from kibble.rewards.frames import check_frames
from kibble.rewards.types import Episode, ModelSpec, RewardModel
from kibble.rewards.vlm.opening import open_backend
from kibble.rewards.vlm.prompt import Picture
from kibble.rewards.vlm.questions import Answer, Failure, Question

if TYPE_CHECKING:
    import torch

__all__ = ["CARD", "MODES", "LrmLayout", "Options", "open_reward"]

CARD = ModelCard(
    name="lrm",
    title="Large Reward Models: which frame is further, how far it is, whether it is done",
    opens="kibble.rewards.adapters.lrm:open_reward",
    options="kibble.rewards.adapters.lrm:Options",
    hub_ids=("USC-PSI-Lab/LRM-models",),
    licence="Apache-2.0",
    views=("front",),
    history="the start (progress), the frame before (contrastive, tri)",
    needs_goal=False,
    causal=True,
    extra="vlm",
    source="Wu et al. 2026, arXiv:2603.16065; "
    "github.com/physical-superintelligence-lab/Large-Reward-Models",
)

HEADS = ("contrastive", "progress", "completion")
MODES = (*HEADS, "tri")


@dataclass(frozen=True, kw_only=True)
class Options(SpokenOptions):
    """How the Large Reward Models read.

    Args:
        mode: contrastive, progress, completion, or tri (the mean of the three).
        base: Model that the adapters were trained over: directory, hub id, or name on a server.
        front: Camera that it looks through.
        initial: Whether the progress question shows the episode's start, as the authors' training
            does.
        step: How far one answer moves the progress, for mode=contrastive.
        contrastive: Directory, hub id or name on a server of that adapter; by default the folder
            of that name in the weights, or that name on the server.
        progress: The same of the progress adapter.
        completion: The same of the completion adapter.
    """

    mode: str = "progress"
    base: str = "Qwen/Qwen3-VL-8B-Instruct"
    front: str = "front"
    initial: bool = True
    step: float = 0.05
    contrastive: str = ""
    progress: str = ""
    completion: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.mode not in MODES:
            raise ConfigError(f"`mode` must be one of {', '.join(MODES)}, got {self.mode!r}.")
        if not 0.0 < self.step <= 1.0:
            raise ConfigError(f"`step` must lie in (0, 1], got {self.step}.")


@final
class LrmLayout:
    """One to three questions about the newest picture, each answered by an adapter of its own.

    ================  ========================================================================
    mode              progress
    ================  ========================================================================
    ``contrastive``   P' = P + step s, kept in [0, 1], s = +1 if the newest picture is further
                      than the one before, -1 if not; the start has 0
    ``progress``      v in {0.0, 0.1 … 1.0}, with the task's goal frame where it has one
    ``completion``    1 if done, else 0
    ``tri``           ((s + 1) / 2 + v + done) / 3; the start, with nothing before it, takes 0 for
                      the first term
    ================  ========================================================================

    A step of s has no size of its own, so the authors pay s itself; as a potential's change,
    ``step s`` is paid. Between equal pictures s is 0 and not asked for. The probability of success
    is that of completion where it is asked, else the progress. The confidence is the probability
    of the word that was said, or how near to the number that was said those are that were weighed
    besides, the least of the questions; with several samples, how near they are.

    The published progress adapter replaces the vision tower as well. The local back end applies
    that; vLLM's adapters cannot. Serve that adapter merged into the base, and name the merged
    model: ``lrm?base=NAME&progress=NAME&backend=openai&url=…``.

    With ``constrain`` the contrastive adapter answers at once, without the analysis that its
    prompt asks for.

    ``Episode.memory`` holds the pictures ``start`` and ``last`` and, where the task has one,
    ``goal``.

    Args:
        options: How it reads.

    Source:
        github.com/physical-superintelligence-lab/Large-Reward-Models,
        vlm_reward/vlm_reward_server.py: prompts, order of pictures, tokens; and
        envs/vlm_maniskill_env.py (``_compute_vlm_tri_rewards``): rescaling and mean. What cannot
        be read is 0 there and an error here.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._heads = HEADS if options.mode == "tri" else (options.mode,)
        self._spec = layout_spec(CARD, options, views=(options.front,))

    @property
    def spec(self) -> ModelSpec:
        """What the model is; it takes frames as they come."""
        return self._spec

    def begin(self, episode: Episode, start: Pictures) -> float | None:
        """Note the start; contrastive progress begins at 0, the others are asked for."""
        front = self._options.front
        first = {front: start[front]}
        remember(episode, "start", first)
        goal = episode.task.goal_frames
        if goal is not None and "progress" in self._heads:
            check_frames(goal, views=self._spec.required_views, count=1)
            remember(episode, "goal", {front: frame_pictures(goal)[front]})
        if self._options.mode != "contrastive":
            return None
        remember(episode, "last", first)
        return 0.0

    def questions(self, episode: Episode, newest: Pictures) -> Sequence[Question] | Failure:
        """Ask each adapter its question."""
        return [
            question
            for spoken in self._asked(episode, newest).values()
            if spoken is not None
            for question in ask(spoken, self._options)
        ]

    def read(self, episode: Episode, newest: Pictures, answers: Sequence[Answer]) -> Reading:
        """Read the answers and put them together."""
        value: dict[str, float] = {}
        confidence, rest = 1.0, list(answers)
        for head, spoken in self._asked(episode, newest).items():
            value[head] = 0.0
            if spoken is not None:
                own, rest = rest[: self._options.samples], rest[self._options.samples :]
                value[head], sure = read_spoken(spoken, own)
                confidence = min(confidence, sure)
        progress = self._progress(episode, value)
        if "contrastive" in self._heads:
            remember(episode, "last", {self._options.front: newest[self._options.front]})
        return Reading(
            progress=progress, success=value.get("completion", progress), confidence=confidence
        )

    def _progress(self, episode: Episode, value: dict[str, float]) -> float:
        if self._options.mode == "contrastive":
            moved = episode.progress + self._options.step * value["contrastive"]
            return min(max(moved, 0.0), 1.0)
        if self._options.mode != "tri":
            return value[self._options.mode]
        unit = (value["contrastive"] + 1.0) / 2.0 if "last" in episode.memory else 0.0
        return (unit + value["progress"] + value["completion"]) / 3.0

    def _asked(self, episode: Episode, newest: Pictures) -> dict[str, Spoken | None]:
        """Return the question of each head, None for a comparison that needs no asking."""
        task, now = episode.task.instruction, newest[self._options.front]
        asked: dict[str, Spoken | None] = {}
        for head in self._heads:
            if head == "contrastive":
                last = self._remembered(episode, "last")
                asked[head] = None
                if last is not None and last.key != now.key:
                    asked[head] = ask_contrastive(task, last, now)
            elif head == "progress":
                goal = self._remembered(episode, "goal")
                start = self._remembered(episode, "start") if self._options.initial else None
                asked[head] = ask_progress(task, goal, start, now)
            else:
                asked[head] = ask_completion(task, now)
        return asked

    def _remembered(self, episode: Episode, name: str) -> Picture | None:
        return recalled(episode, name)[self._options.front] if name in episode.memory else None


def open_reward(weights: str | None, options: Options, device: torch.device | None) -> RewardModel:
    """Open the base with the adapters that the mode needs.

    Args:
        weights: Directory or hub id with the folders contrastive, progress and completion; the
            published ones by default. Not used with ``backend=openai``, where the server holds
            base and adapters.
        options: How it reads and where it runs.
        device: Where a local model runs.

    Raises:
        WeightsError: If local weights are missing or damaged, or an adapter has no effect.
        ModelError: If the server does not serve the base or an adapter.
        ConnectionError: If the server cannot be reached.
    """
    heads = HEADS if options.mode == "tri" else (options.mode,)
    named = {
        "contrastive": options.contrastive,
        "progress": options.progress,
        "completion": options.completion,
    }
    folder = "" if options.backend == "openai" else f"{weights or CARD.hub_ids[0]}/"
    backend = open_backend(
        options.base,
        options,
        device=device,
        adapters={head: named[head] or f"{folder}{head}" for head in heads},
    )
    return GenerativeReward(LrmLayout(options), backend)
