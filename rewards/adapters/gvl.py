"""GVL: a vision-language model puts a percentage to each of an episode's frames, shuffled.

Published use, and the only one: some frames of an episode that has ended are shown in random order
after the first, which counts as 0 %; the model lists a percentage for each. Shuffled, because in
order it would count up whatever happens. The last frame is among the first that it sees, so this
model is not causal: ``kibble score`` and ``kibble benchmark`` read episodes with it, training,
serving and robots refuse it.

- progress of a frame that was shown = its percentage / 100, 0 for the first; linear between them
- success = progress (the model says nothing of success)
- confidence = 1 - 2 s, s the standard deviation over ``samples`` shuffles; 1 for one shuffle

One answer that leaves out a frame, or names one twice, is an answer for none: every frame of the
episode has the status ``PARSE_ERROR``. The words of the prompt are this project's; the order of
its parts and the form of the answer are the published ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.adapters.card import ModelCard
from kibble.rewards.adapters.layout_spec import layout_spec
from kibble.rewards.errors import ConfigError, WeightsError
from kibble.rewards.frames import check_frames
from kibble.rewards.types import Episode, Estimate, Frames, ModelSpec, RewardModel, Status, Task
from kibble.rewards.vlm.backend import Backend
from kibble.rewards.vlm.instruction import check_instruction
from kibble.rewards.vlm.opening import BackendOptions, open_backend
from kibble.rewards.vlm.prompt import Part, Picture, Prompt, Turn
from kibble.rewards.vlm.questions import Answer, Failure, Say
from kibble.rewards.vlm.readouts.errors import AnswerError
from kibble.rewards.vlm.readouts.frame_list import frame_percentages
from kibble.rewards.vlm.readouts.reply import finished_text
from kibble.rewards.vlm.readouts.uncertainty import sample_confidence
from kibble.rewards.whole_episode import require_causal

if TYPE_CHECKING:
    import torch

__all__ = ["CARD", "GVL", "Options", "open_reward"]

CARD = ModelCard(
    name="gvl",
    title="GVL: percentages for an episode's shuffled frames, by any model of pictures",
    opens="kibble.rewards.adapters.gvl:open_reward",
    options="kibble.rewards.adapters.gvl:Options",
    hub_ids=(),
    licence="that of the model you name",
    views=("front",),
    history="the whole episode",
    needs_goal=False,
    causal=False,
    extra="vlm",
    source="Ma et al. 2025, arXiv:2411.04549 (ICLR)",
)

_BEFORE = (
    "You judge how far a robot has come with a task, in percent: 0 at the initial scene, 100 when "
    "the task is complete. The task: {task}\nThe frames of the robot are shown in random order, "
    "so judge each by what it shows, not by its place.\nInitial robot scene: "
)
_BETWEEN = (
    "\nIn the initial robot scene, the task completion percentage is 0.\nNow give the task "
    "completion percentage of each of the {count} frames that follow, in random order, for the "
    "task: {task}\nAnswer with one JSON list that has every frame once, and nothing after it:\n"
    '[{{"frame_number": i, "frame_description": "...", "task_completion_percentage": 0-100}}, '
    "...]\n"
)


@dataclass(frozen=True, kw_only=True)
class Options(BackendOptions):
    """How GVL is asked.

    Args:
        view: The camera whose frames it reads.
        frames: Frames of an episode that are shown, the first and the last among them.
        samples: Shuffles that are asked about; several are averaged, and the confidence says how
            near they are to each other.
        seed: Seed of the shuffles.
        max_tokens: Most tokens of an answer; it needs some 40 for each frame.
    """

    view: str = "front"
    frames: int = 15
    samples: int = 1
    seed: int = 0
    max_tokens: int = 4096

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.frames < 2 or self.samples < 1 or self.max_tokens < 1 or self.seed < 0:
            raise ConfigError(
                "`frames` must be at least 2, `samples` and `max_tokens` at least 1 and `seed` at "
                f"least 0, got {self.frames}, {self.samples}, {self.max_tokens} and {self.seed}."
            )


@final
class GVL:
    """Reads whole episodes; see the module.

    Args:
        options: How it is asked.
        backend: What answers.

    Source:
        Ma et al. 2025 (arXiv:2411.04549); order of parts and form of the answer as in
        github.com/robometer/robometer, robometer/evals/baselines/gvl.py; 15 frames as in
        github.com/TOPReward/TOPReward, configs/experiments/predict_topreward.yaml.
    """

    def __init__(self, options: Options, backend: Backend) -> None:
        self._options = options
        self._backend = backend

    @property
    def spec(self) -> ModelSpec:
        """One view, at the size it comes in; not causal."""
        view, weights = self._options.view, self._backend.spec.version
        return layout_spec(CARD, self._options, views=(view,), weights=weights)

    @property
    def backend(self) -> Backend:
        """What answers."""
        return self._backend

    @property
    def device(self) -> str:
        """Where the back end computes."""
        return self._backend.spec.device

    def begin(self, task: Task, start_frames: Frames) -> Episode:
        """Refuse: frames are not read as they come.

        Raises:
            ConfigError: Always.
        """
        self._refuse()

    def estimate(self, episodes: Sequence[Episode], frames: Frames) -> Estimate:
        """Refuse: frames are not read as they come.

        Raises:
            ConfigError: Always.
        """
        self._refuse()

    def read_episode(self, task: Task, frames: Frames) -> Estimate:
        """Read an episode that has ended.

        Args:
            task: What success looks like.
            frames: (T, H, W, 3) uint8 RGB of the view.

        Returns:
            The estimate of each frame, (T,); all have one status.

        Raises:
            ConfigError: If the instruction holds a control token.
            FrameError: If the view is missing.
            ConnectionError: If the back end is a server that cannot be reached.
        """
        check_instruction(task.instruction)
        steps = check_frames(frames, views=(self._options.view,))
        images = frames[self._options.view]
        count = min(self._options.frames, steps)
        places = np.rint(np.linspace(0, steps - 1, count)).astype(int)
        shown = [Picture(np.ascontiguousarray(images[place])) for place in places]
        if count == 1:
            return _estimate(np.zeros((1, 1)), places, steps)
        orders = [
            np.random.default_rng((self._options.seed, sample)).permutation(count - 1) + 1
            for sample in range(self._options.samples)
        ]
        answers = self._backend.answer([self._question(task, shown, order) for order in orders])
        readings = []
        for answer, order in zip(answers, orders, strict=True):
            reading = _in_time(answer, order)
            if isinstance(reading, Status):
                return _unanswered(steps, reading)
            readings.append(reading)
        return _estimate(np.stack(readings), places, steps)

    def _question(self, task: Task, shown: Sequence[Picture], order: NDArray[np.intp]) -> Say:
        between = _BETWEEN.format(count=len(order), task=task.instruction)
        parts: list[Part] = [_BEFORE.format(task=task.instruction), shown[0], between]
        for number, place in enumerate(order, start=1):
            parts += [f"Frame {number}: ", shown[place]]
        prompt = Prompt((Turn("user", tuple(parts)),))
        return Say(prompt=prompt, max_tokens=self._options.max_tokens)

    def _refuse(self) -> NoReturn:
        require_causal(self.spec)
        raise AssertionError("a model that is not causal was let through")


def _in_time(answer: Answer, order: NDArray[np.intp]) -> NDArray[np.float64] | Status:
    """Return (count,) progress in the order of time, 0 first; or why there is none."""
    if isinstance(answer, Failure):
        return answer.status
    try:
        listed = frame_percentages(finished_text(answer), len(order))
    except AnswerError:
        return Status.PARSE_ERROR
    progress = np.zeros(len(order) + 1)
    progress[order] = listed
    return progress


def _estimate(readings: NDArray[np.float64], places: NDArray[np.intp], steps: int) -> Estimate:
    """Average (S, count) readings and fill in the frames between them."""
    mean = np.interp(np.arange(steps), places, readings.mean(axis=0))
    sure = np.ones(len(places))
    if len(readings) > 1:
        sure = np.array([sample_confidence(list(values), low=0, high=1) for values in readings.T])
    progress = np.clip(mean, 0.0, 1.0).astype(np.float32)
    return Estimate(
        progress=progress,
        success=progress.copy(),
        confidence=np.clip(np.interp(np.arange(steps), places, sure), 0.0, 1.0).astype(np.float32),
        status=np.full(steps, Status.OK, np.int8),
    )


def _unanswered(steps: int, status: Status) -> Estimate:
    unknown = np.full(steps, np.nan, np.float32)
    return Estimate(
        progress=unknown,
        success=unknown,
        confidence=unknown,
        status=np.full(steps, status, np.int8),
    )


def open_reward(weights: str | None, options: Options, device: torch.device | None) -> RewardModel:
    """Open GVL over a model.

    Args:
        weights: Directory or hub id of any model that sees several pictures; on a server the name
            it serves.
        options: How it is asked.
        device: Where a local model runs; the CPU by default.

    Raises:
        WeightsError: If no weights are named, or they are missing or damaged.
    """
    if weights is None:
        raise WeightsError(
            "`gvl` has no weights of its own, so a model must be named, got none; write for "
            "example gvl@Qwen/Qwen3-VL-8B-Instruct."
        )
    return GVL(options, open_backend(weights, options, device=device))
