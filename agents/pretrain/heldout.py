"""How well a reward model agrees with the oracle on clips that it has not seen."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from kibble.rewards.grm.clips import Clip
from kibble.rewards.types import Episode, Estimate, RewardModel, Task

__all__ = ["Agreement", "agreement", "read_clip"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Agreement with the oracle over clips of one task.

    Args:
        task: Name of the task.
        frames: Frames compared.
        error: Mean absolute error of progress towards the instructed goal.
        other_error: The same towards the goals that were not instructed.
        noise: Standard deviation of the error of the step-to-step differences of progress.
        order: Mean Spearman correlation of progress with time up to success in expert clips
            (value-order correlation).
        oracle_order: The same of the oracle.
        success_auc: Area under the receiver operating characteristic of success, all goals.
        false_positives: Share of frames without success that are judged successes.
        true_positives: Share of frames with success that are judged successes.
        told_apart: Share of frames in which the instructed goal is met and no other is, where its
            progress is the highest of all goals.
    """

    task: str
    frames: int
    error: float
    other_error: float
    noise: float
    order: float
    oracle_order: float
    success_auc: float
    false_positives: float
    true_positives: float
    told_apart: float


def read_clip(model: RewardModel, clip: Clip, *, instruction: str) -> Estimate:
    """Estimate every frame of a clip for one instruction.

    Args:
        model: A model whose estimates depend on the start and the present frame alone.
        clip: The clip.
        instruction: What success looks like.
    """
    views = [view for view in model.spec.views if view in clip.frames]
    start = {view: np.ascontiguousarray(clip.frames[view][:1]) for view in views}
    opened = model.begin(Task(instruction=instruction), start)
    episodes: list[Episode] = [
        dataclasses.replace(opened, memory=dict(opened.memory)) for _ in range(len(clip))
    ]
    frames = {view: np.ascontiguousarray(clip.frames[view]) for view in views}
    return model.estimate(episodes, frames)


def agreement(model: RewardModel, clips: Sequence[Clip]) -> Agreement:
    """Compare a model with the oracle.

    Args:
        model: A model whose estimates depend on the start and the present frame alone.
        clips: Clips of one task, recorded at every control step; those of kind ``success`` tell
            the order. Each goal is asked for with its last phrasing, which training never sees.
    """
    errors, other_errors, noise, orders, oracle_orders = [], [], [], [], []
    judged, met, apart = [], [], []
    for clip in clips:
        estimates = [
            read_clip(model, clip, instruction=phrasings[-1]) for phrasings in clip.phrasings
        ]
        progress = np.stack([e.progress for e in estimates], axis=1)  # (T, G)
        error = progress - clip.progress
        others = [g for g in range(len(clip.phrasings)) if g != clip.goal]
        errors.append(np.abs(error[:, clip.goal]))
        other_errors.append(np.abs(error[:, others]).ravel())
        noise.append(np.diff(error[:, clip.goal]))
        judged.append(np.stack([e.success for e in estimates], axis=1).ravel())
        met.append(clip.success.ravel())
        only = clip.success[:, clip.goal] & ~clip.success[:, others].any(axis=1)
        apart.append(progress[only].argmax(axis=1) == clip.goal)
        done = np.flatnonzero(clip.success[:, clip.goal])
        if clip.kind == "success" and len(done) and done[0] >= 3:
            upto = slice(0, int(done[0]) + 1)
            orders.append(_order(progress[upto, clip.goal]))
            oracle_orders.append(_order(clip.progress[upto, clip.goal]))
    scores, labels = np.concatenate(judged), np.concatenate(met)
    return Agreement(
        task=clips[0].task,
        frames=sum(map(len, clips)),
        error=_mean(errors),
        other_error=_mean(other_errors),
        noise=float(np.concatenate(noise).std()),
        order=float(np.mean(orders)) if orders else float("nan"),
        oracle_order=float(np.mean(oracle_orders)) if orders else float("nan"),
        success_auc=_area(scores, labels),
        false_positives=_mean([scores[~labels] > 0.5]),
        true_positives=_mean([scores[labels] > 0.5]),
        told_apart=_mean(apart),
    )


def _mean(parts: Sequence[NDArray[np.generic]]) -> float:
    whole = np.concatenate(parts)
    return float(whole.mean()) if len(whole) else float("nan")


def _order(progress: NDArray[np.float32]) -> float:
    if np.ptp(progress) == 0.0:
        return 0.0
    return float(stats.spearmanr(np.arange(len(progress)), progress).statistic)


def _area(scores: NDArray[np.float32], labels: NDArray[np.bool_]) -> float:
    """Mann-Whitney estimate of P(score of a success > score of a failure)."""
    positive, negative = int(labels.sum()), int((~labels).sum())
    if not positive or not negative:
        return float("nan")
    ranks = stats.rankdata(scores)
    return float((ranks[labels].sum() - positive * (positive + 1) / 2) / (positive * negative))
