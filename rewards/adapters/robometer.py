"""Robometer: a vision-language model with heads that read progress and success at each frame.

Published use: eight frames, evenly spread over a trajectory, as pictures, each followed by a
special token; the last hidden state over each token goes through a progress head (ten bins in
[0, 1]) and a success head. No text is generated and none is parsed.

Online use, as the authors' own wrapper does it: the eight frames are spread over the video so far,
the newest the last of them; where there are fewer, the newest is repeated. The reading of the last
token counts. The frames shift at every step, so each is encoded once but read anew. Here the video
so far is kept as at most ``max_frames`` frames (``frame_rate`` and ``fps`` thin it further); the
eight are spread over those.

- progress = Σ_i p_i i / 9 over the bins, p = softmax(logits)
- success = 1 / (1 + exp(-logit))
- confidence = 1 - entropy / ln 10 of p

The heads are computed in float64 here; the authors compute them in the model's bfloat16. A server
shows no hidden states, so this model runs in this process (``backend=local``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, final

from kibble.rewards.adapters.card import ModelCard
from kibble.rewards.adapters.frame_history import FrameHistory
from kibble.rewards.adapters.generative import GenerativeReward, Pictures, Reading
from kibble.rewards.adapters.layout_spec import layout_spec
from kibble.rewards.adapters.robometer_heads import Head, read_heads
from kibble.rewards.errors import ConfigError
from kibble.rewards.types import Episode, ModelSpec, RewardModel
from kibble.rewards.vlm.opening import BackendOptions, check_torchvision
from kibble.rewards.vlm.prompt import Part, Prompt, Turn
from kibble.rewards.vlm.questions import Answer, Probe, Question
from kibble.rewards.vlm.readouts.bins import expected_bin, logistic
from kibble.rewards.vlm.readouts.errors import AnswerError
from kibble.rewards.vlm.readouts.reply import hidden_states

if TYPE_CHECKING:
    import torch

__all__ = ["CARD", "Options", "Robometer", "open_reward"]

CARD = ModelCard(
    name="robometer",
    title="Robometer: progress and success heads over frames of the video so far",
    opens="kibble.rewards.adapters.robometer:open_reward",
    options="kibble.rewards.adapters.robometer:Options",
    hub_ids=("robometer/Robometer-4B",),
    licence="Apache-2.0",
    views=("front",),
    history="8 frames spread over the video so far",
    needs_goal=False,
    causal=True,
    extra="vlm",
    source="Liang et al. 2026, arXiv:2603.02115; github.com/robometer/robometer",
)

# Word for word as trained: robometer/data/collators/rbm_heads.py.
INSTRUCTION = (
    "The task for the robot is '{task}'. Given the trajectory video, predict the task progress at "
    "each frame, how far along the robot is towards completing the task, a float between 0 and 1, "
    "where 0 is the starting state and 1 is when the task is completed. If the robot is not "
    "performing the same task, predict 0 progress."
)
TOKEN = "<|prog_token|>"
# Added to the tokenizer in this order: robometer/utils/setup_utils.py.
SPECIAL_TOKENS = (
    "<|split_token|>",
    "<|reward_token|>",
    "<|pref_token|>",
    "<|sim_token|>",
    TOKEN,
)
_PIXELS = (4 * 32**2, 16_384 * 32**2)  # image bounds of qwen-vl-utils for this family


@dataclass(frozen=True, kw_only=True)
class Options(BackendOptions):
    """How Robometer is shown a video.

    Args:
        view: The camera whose frames it reads.
        frames: Frames that it is shown; the released weights were trained with 8.
        fps: Frames per second of the video out of which they are taken; counts with `frame_rate`
            alone.
        frame_rate: Frames per second of what you give it, so that those in between are left out;
            0 takes the recording's or the task's own, where known, else every frame.
        max_frames: Most frames that are remembered; of longer videos every other one is left out.
        processor: Directory or hub id of tokenizer and picture settings, for weights that come
            without them, as the published ones do.
    """

    view: str = "front"
    frames: int = 8
    fps: float = 3.0
    frame_rate: float = 0.0
    max_frames: int = 128
    processor: str = "Qwen/Qwen3-VL-4B-Instruct"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.backend != "local":
            raise ConfigError(
                f"`backend` of robometer must be local, got {self.backend!r}: its heads read "
                "hidden states, which servers of OpenAI's protocol do not show."
            )
        if self.frames < 1:
            raise ConfigError(f"`frames` must be at least 1, got {self.frames}.")


@final
class Robometer:
    """The layout; see the module.

    Args:
        options: How it is shown a video.
        progress: Head of B >= 2 bins.
        success: Head of one logit.

    Source:
        Liang et al. 2026 (arXiv:2603.02115); robometer/data/collators/rbm_heads.py (prompt,
        order, "Picture i: " before each), robometer/models/utils.py (bins),
        robometer/evals/eval_utils.py (spread and padding), at c7f38e2.
    """

    def __init__(self, options: Options, *, progress: Head, success: Head) -> None:
        self._options = options
        self._progress, self._success = progress, success
        self._mark = f"{progress.mark} {success.mark}"
        self._history = FrameHistory(
            fps=options.fps, frame_rate=options.frame_rate, max_frames=options.max_frames
        )

    @property
    def spec(self) -> ModelSpec:
        """One view, at the size it comes in."""
        return layout_spec(CARD, self._options, views=(self._options.view,), weights=self._mark)

    def at_frame_rate(self, frame_rate: float) -> Robometer:
        """See :class:`kibble.rewards.frame_rate.ThinsFrames`."""
        if self._options.frame_rate:
            return self
        return Robometer(
            replace(self._options, frame_rate=frame_rate),
            progress=self._progress,
            success=self._success,
        )

    def begin(self, episode: Episode, start: Pictures) -> float | None:
        """The start is read like every other frame."""
        return None

    def questions(self, episode: Episode, newest: Pictures) -> Sequence[Question]:
        """Look at the states over the tokens that follow the frames."""
        self._history.note(episode, newest[self._options.view])
        parts: list[Part] = [INSTRUCTION.format(task=episode.task.instruction)]
        shown = self._history.spread(episode, self._options.frames)
        for number, picture in enumerate(shown, start=1):
            parts += [f"Picture {number}: ", picture, TOKEN]
        return (Probe(prompt=Prompt((Turn("user", tuple(parts)),), _PIXELS), tokens=(TOKEN,)),)

    def read(self, episode: Episode, newest: Pictures, answers: Sequence[Answer]) -> Reading:
        """Read the heads; see :meth:`kibble.rewards.adapters.generative.Layout.read`."""
        (answer,) = answers
        state = hidden_states(answer, TOKEN, self._options.frames)[-1:]  # (1, D)
        if state.shape[1] != self._progress.first[0].shape[1]:
            raise AnswerError(
                f"Hidden states must be {self._progress.first[0].shape[1]} wide, as the heads "
                f"are, got {state.shape[1]}."
            )
        mean = expected_bin(self._progress(state)[0])
        return Reading(
            progress=mean.value,
            success=logistic(float(self._success(state)[0, 0])),
            confidence=mean.confidence,
        )


def open_reward(weights: str | None, options: Options, device: torch.device | None) -> RewardModel:
    """Open Robometer.

    Args:
        weights: Directory or hub id of its checkpoint, heads included; the 4B one by default.
        options: How it is shown a video.
        device: Where the model runs; the CPU by default.

    Raises:
        WeightsError: If the weights are missing or damaged, or have no heads.
        ConfigError: If an option is out of range.
    """
    from kibble.rewards.vlm.local.weight_files import locate

    reference = weights or CARD.hub_ids[0]
    folder = locate(reference)
    check_torchvision()
    from kibble.rewards.vlm.local.backend import open_local

    progress, success = read_heads(folder)
    backend = open_local(
        reference,
        options,
        device=device,
        processor=None if (folder / "tokenizer_config.json").is_file() else options.processor,
        special_tokens=SPECIAL_TOKENS,
    )
    return GenerativeReward(Robometer(options, progress=progress, success=success), backend)
