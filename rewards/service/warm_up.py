"""The proof that a model works: a real forward pass."""

from __future__ import annotations

import numpy as np

from kibble.rewards.errors import ConfigError, ModelError
from kibble.rewards.types import Frames, ModelSpec, RewardModel, Status, Task
from kibble.rewards.vlm.readouts.errors import AnswerError

__all__ = ["warm_up"]

_SIDE = 224  # px, for models that take any size


def warm_up(model: RewardModel) -> None:
    """Open an episode of noise and read one frame of it.

    An answer that cannot be parsed is fine: noise says nothing of the weights, but the pass ran.

    Raises:
        ConfigError: If the model reads whole episodes only.
        ModelError: If it fails, or takes too long by its own measure.
    """
    spec = model.spec
    if not spec.causal:
        raise ConfigError(
            f"Reward model {spec.name!r} reads whole episodes after their end, and a service "
            "reads frames as they come; use `kibble score` for it, or serve a causal model."
        )
    rng = np.random.default_rng(0)
    start, newest = _noise(spec, rng), _noise(spec, rng)
    task = Task(
        instruction="push the red cube onto the green pad",
        goal_frames=_noise(spec, rng) if spec.needs_goal else None,
    )
    try:
        episode = model.begin(task, start)
        status = Status(int(model.estimate([episode], newest).status[0]))
    except AnswerError:
        return
    if status in (Status.MODEL_ERROR, Status.TIMEOUT):
        raise ModelError(
            f"Reward model {spec.name!r} must read a frame before it is served, got {status.name}."
        )


def _noise(spec: ModelSpec, rng: np.random.Generator) -> Frames:
    height, width = spec.image_size or (_SIDE, _SIDE)
    return {view: rng.integers(0, 256, (1, height, width, 3), np.uint8) for view in spec.views}
