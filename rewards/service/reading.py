"""One call of a model for frames of many clients, none of which spoils another's."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from kibble.rewards.errors import FrameError, ModelError
from kibble.rewards.frames import concatenate_frames
from kibble.rewards.service.answers import Outcome
from kibble.rewards.service.failures import Code
from kibble.rewards.types import Episode, Estimate, Frames, RewardModel, Status

__all__ = ["failed_outcome", "read_batch"]

_LOGGER = logging.getLogger(__name__)


def read_batch(
    model: RewardModel, episodes: Sequence[Episode], frames: Sequence[Frames]
) -> list[Outcome]:
    """Read the newest frame of each of N episodes, together as far as their sizes allow.

    If the model runs out of memory, halves of the batch are tried, down to single frames. If it
    raises anything else, each frame is tried alone: what fails then is that frame's own.

    Args:
        model: The model.
        episodes: N distinct open episodes.
        frames: N times (1, H, W, 3) uint8 RGB per view.

    Returns:
        N outcomes; it raises nothing that a model raises.
    """
    groups: dict[object, list[int]] = {}
    for i, newest in enumerate(frames):
        form = tuple(sorted((view, images.shape) for view, images in newest.items()))
        groups.setdefault(form, []).append(i)
    outcomes: dict[int, Outcome] = {}
    for group in groups.values():
        read = _read_group(model, [episodes[i] for i in group], [frames[i] for i in group])
        outcomes |= zip(group, read, strict=True)
    return [outcomes[i] for i in range(len(frames))]


def _read_group(
    model: RewardModel, episodes: Sequence[Episode], frames: Sequence[Frames]
) -> list[Outcome]:
    count = len(episodes)
    try:
        estimate = model.estimate(episodes, concatenate_frames(frames))
        return _outcomes(model, estimate, episodes)
    except TimeoutError as error:
        return [Outcome(status=Status.TIMEOUT, message=str(error))] * count
    except ConnectionError as error:  # what the model asks is away: it is so for all of them
        return [failed_outcome(error)] * count
    # Whatever a model raises, the service goes on and the other clients get their answers.
    except Exception as error:
        if count == 1:
            _LOGGER.exception("reward model %r failed on a frame", model.spec.name)
            return [failed_outcome(error)]
        size = (count + 1) // 2 if _is_out_of_memory(error) else 1
        _LOGGER.warning(
            "reward model %r failed on %d frames (%s: %s); trying %d at a time",
            model.spec.name,
            count,
            type(error).__name__,
            error,
            size,
        )
        return [
            outcome
            for begin in range(0, count, size)
            for outcome in _read_group(
                model, episodes[begin : begin + size], frames[begin : begin + size]
            )
        ]


def _outcomes(
    model: RewardModel, estimate: Estimate, episodes: Sequence[Episode]
) -> list[Outcome]:
    if len(estimate) != len(episodes):
        raise ModelError(
            f"Reward model {model.spec.name!r} must answer one value per frame, "
            f"{len(episodes)}, got {len(estimate)}; mend the model."
        )
    columns = zip(
        episodes,
        estimate.status.tolist(),
        estimate.progress.tolist(),
        estimate.success.tolist(),
        estimate.confidence.tolist(),
        strict=True,
    )
    return [
        Outcome(
            status=Status.OK,
            progress=progress,
            success=success,
            confidence=confidence,
            disagreement=_number(episode.memory.get("disagreement")),
        )
        if status == Status.OK
        else Outcome(status=Status(status))
        for episode, status, progress, success, confidence in columns
    ]


def _number(value: object) -> float:
    return value if isinstance(value, float) else float("nan")


def failed_outcome(error: Exception) -> Outcome:
    """Return the outcome of a frame on which the model raised."""
    code = Code.UNSUITABLE if isinstance(error, FrameError) else Code.MODEL_FAILED
    return Outcome(
        status=Status.MODEL_ERROR, code=code, message=f"{type(error).__name__}: {error}"
    )


def _is_out_of_memory(error: Exception) -> bool:
    text = str(error)
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"  # torch's, of any device
        or (isinstance(error, RuntimeError) and "allocate memory" in text)  # torch's on the CPU
    )
