"""GRM, the General Reward Model of Robo-Dopamine: hops between two sets of three views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from kibble.rewards.adapters.card import ModelCard
from kibble.rewards.adapters.generative import GenerativeReward, Pictures, Reading
from kibble.rewards.adapters.grm_question import ask_hop
from kibble.rewards.adapters.layout_spec import layout_spec
from kibble.rewards.adapters.pictures import frame_pictures
from kibble.rewards.adapters.remembered import recalled, recalled_number, remember
from kibble.rewards.adapters.spoken import Spoken, SpokenOptions, ask, read_spoken
from kibble.rewards.adapters.views import ViewSlots, view_slot
from kibble.rewards.errors import ConfigError
from kibble.rewards.frames import check_frames
from kibble.rewards.grm.readings import apply_hop, backward_progress, consistency_gate
from kibble.rewards.types import Episode, ModelSpec, RewardModel
from kibble.rewards.vlm.opening import open_backend
from kibble.rewards.vlm.questions import Answer, Failure, Question

if TYPE_CHECKING:
    import torch

__all__ = ["CARD", "GrmLayout", "Options", "open_reward"]

CARD = ModelCard(
    name="grm",
    title="General Reward Model of Robo-Dopamine: how far from before to after, in three views",
    opens="kibble.rewards.adapters.grm:open_reward",
    options="kibble.rewards.adapters.grm:Options",
    hub_ids=("tanhuajie2001/Robo-Dopamine-GRM-3B",),
    licence="unknown",
    views=("front", "left_wrist", "right_wrist"),
    history="the start and the frame before",
    needs_goal=True,
    causal=True,
    extra="vlm",
    source="Tan et al. 2025, arXiv:2512.23703; github.com/FlagOpen/Robo-Dopamine",
)

_ASKED = {
    "incremental": ("incremental",),
    "forward": ("forward",),
    "backward": ("backward",),
    "mean": ("incremental", "forward", "backward"),
    "gated": ("incremental", "forward", "backward"),
}


@dataclass(frozen=True, kw_only=True)
class Options(SpokenOptions):
    """How the General Reward Model reads.

    Args:
        reading: How hops become progress: incremental (from the frame before), forward (from the
            start), backward (from the goal), mean of the three, or gated (forward and backward as
            far as they agree).
        alpha: How fast trust falls with disagreement, for reading=gated.
        front: Camera of the front view.
        left_wrist: Camera of the left wrist; by default left_wrist, wrist_left or wrist.
        right_wrist: Camera of the right wrist; by default right_wrist or wrist_right.
        missing_view: What stands where a wrist camera is missing: repeat (the front view), blank
            (a black picture) or flag (such frames count as unanswered).
    """

    reading: str = "mean"
    alpha: float = 2.0
    front: str = "front"
    left_wrist: str = ""
    right_wrist: str = ""
    missing_view: str = "repeat"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reading not in _ASKED:
            raise ConfigError(
                f"`reading` must be one of {', '.join(_ASKED)}, got {self.reading!r}."
            )
        if not self.alpha > 0.0:
            raise ConfigError(f"`alpha` must be above 0, got {self.alpha}.")


@final
class GrmLayout:
    """Eight pictures a question: start and goal for reference, then before and after in 3 views.

    ===============  =========================================================================
    reading          progress after a hop H in [-1, 1] to the newest frame
    ===============  =========================================================================
    ``incremental``  from the frame before: P + (1 - P) H where H >= 0, else P + P H
    ``forward``      from the start: H, at least 0
    ``backward``     from the goal: 1 + H, at most 1; H is then 0 or less
    ``mean``         the mean of the three
    ``gated``        forward and backward as far as they agree, see
                     :func:`kibble.rewards.grm.readings.consistency_gate`
    ===============  =========================================================================

    The reference of the start is the episode's own, or the task's ``start_frames`` where it has
    them. The start has progress 0 by definition, and is not asked about. Between equal pictures
    the hop is 0 by the prompt's own rule, and is not asked either: static frames cost nothing. A
    wrist view that the goal frames lack is the goal's front view, as the authors have it for all.
    The probability of success is the progress: the authors take 0.95 and more for done.

    The confidence is how near to the percentage that was said those are that the model weighed
    besides, the least of the readings; with several samples, how near they are.

    ``Episode.memory`` holds pictures by camera under ``start``, ``last``, ``goal`` and, from the
    task, ``reference``; ``incremental``, a number; and with forward and backward read
    ``disagreement``, their distance.

    Args:
        options: How it reads.

    Source:
        Robo-Dopamine, github.com/FlagOpen/Robo-Dopamine, examples/inference.py: order of pictures
        (``build_samples_json``), read-back (``run_pipeline``), pixels, clamping. Decoding there is
        at temperature 0.1; here it is greedy. A text that is no score is an error here, 0.0 there.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._slots = ViewSlots(
            CARD.name,
            [
                view_slot("front", options.front),
                view_slot("left wrist", options.left_wrist),
                view_slot("right wrist", options.right_wrist),
            ],
            missing=options.missing_view,
        )
        self._spec = layout_spec(
            CARD,
            options,
            views=self._slots.views,
            required_views=self._slots.required,
            needs_goal=True,
        )

    @property
    def spec(self) -> ModelSpec:
        """What the model is; it takes frames as they come and needs goal frames."""
        return self._spec

    def begin(self, episode: Episode, start: Pictures) -> float:
        """Note the start; its progress is 0."""
        goal = episode.task.goal_frames
        assert goal is not None, "checked where episodes are opened"
        check_frames(goal, views=self._slots.required, count=1)
        remember(episode, "goal", self._slots.chosen(frame_pictures(goal)))
        chosen = self._slots.chosen(start)
        remember(episode, "start", chosen)
        remember(episode, "last", chosen)
        episode.memory["incremental"] = 0.0
        shown = episode.task.start_frames
        if shown is not None:
            check_frames(shown, views=self._slots.required, count=1)
            remember(episode, "reference", self._slots.chosen(frame_pictures(shown)))
        return 0.0

    def questions(self, episode: Episode, newest: Pictures) -> Sequence[Question] | Failure:
        """Ask for the hop of each reading, but for those between equal pictures."""
        hops = self._hops(episode, newest)
        if isinstance(hops, Failure):
            return hops
        return [
            question
            for spoken in hops.values()
            if spoken is not None
            for question in ask(spoken, self._options)
        ]

    def read(self, episode: Episode, newest: Pictures, answers: Sequence[Answer]) -> Reading:
        """Read hops and follow them."""
        hops = self._hops(episode, newest)
        assert not isinstance(hops, Failure), "then nothing was asked"
        hop, confidence, rest = {}, 1.0, list(answers)
        for name, spoken in hops.items():
            hop[name] = 0.0
            if spoken is not None:
                own, rest = rest[: self._options.samples], rest[self._options.samples :]
                hop[name], sure = read_spoken(spoken, own)
                confidence = min(confidence, sure)
        progress = self._progress(episode, hop)
        remember(episode, "last", self._slots.chosen(newest))
        return Reading(progress=progress, success=progress, confidence=confidence)

    def _progress(self, episode: Episode, hop: Mapping[str, float]) -> float:
        read: dict[str, float] = {}
        if "incremental" in hop:
            before = recalled_number(episode, "incremental")
            read["incremental"] = float(apply_hop(before, hop["incremental"]))
            episode.memory["incremental"] = read["incremental"]
        if "forward" in hop:
            read["forward"] = float(apply_hop(0.0, hop["forward"]))
        if "backward" in hop:
            read["backward"] = float(backward_progress(hop["backward"]))
        if "forward" in read and "backward" in read:
            episode.memory["disagreement"] = abs(read["forward"] - read["backward"])
        if self._options.reading == "gated":
            previous = episode.progress
            return float(
                consistency_gate(
                    previous,
                    read["forward"],
                    read["backward"],
                    float(apply_hop(previous, hop["incremental"])) - previous,
                    alpha=self._options.alpha,
                )
            )
        return sum(read.values()) / len(read)

    def _hops(self, episode: Episode, newest: Pictures) -> dict[str, Spoken | None] | Failure:
        """Return the question of each reading, None for one between equal pictures."""
        start = recalled(episode, "start")
        after = self._slots.fill(newest, list(start))
        if isinstance(after, Failure):
            return after
        task, goal = episode.task.instruction, recalled(episode, "goal")
        end = goal[self._slots.required[0]]
        reference = recalled(episode, "reference") if "reference" in episode.memory else start
        references = (reference[self._slots.required[0]], end)
        hops: dict[str, Spoken | None] = {}
        for name in _ASKED[self._options.reading]:
            if name == "backward":
                shown = {camera: goal.get(camera, end) for camera in start}
            else:
                shown = recalled(episode, "last") if name == "incremental" else start
            before = self._slots.fill(shown, list(start))
            if isinstance(before, Failure):
                return before
            same = [picture.key for picture in before] == [picture.key for picture in after]
            hops[name] = None if same else ask_hop(task, (*references, *before, *after))
        return hops


def open_reward(weights: str | None, options: Options, device: torch.device | None) -> RewardModel:
    """Open the model.

    Args:
        weights: Directory, hub id, or name on a server; the published weights by default.
        options: How it reads and where it runs.
        device: Where a local model runs.

    Raises:
        WeightsError: If local weights are missing or damaged.
        ModelError: If the server does not serve that model.
        ConnectionError: If the server cannot be reached.
    """
    backend = open_backend(weights or CARD.hub_ids[0], options, device=device)
    return GenerativeReward(GrmLayout(options), backend)
