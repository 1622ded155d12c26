"""How far a keypoint network is off on recorded samples, per task."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from kibble.agents.keypoint_training.samples import Samples
from kibble.agents.keypoint_training.shards import HIDDEN, VISIBLE
from kibble.rewards.keypoints.embedded.network import STRIDE, Heard, KeypointNetwork
from kibble.rewards.keypoints.embedded.readout import read_points
from kibble.rewards.keypoints.roles import ROLES

__all__ = ["Accuracy", "accuracies", "choose_samples"]

_PICTURES = 32  # looked at in one batch
_TOLD = 0.5  # confidence from which a keypoint counts as told
_NEAR = 5.0  # pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """Figures of one task's scenes; errors in pixels of the network's picture.

    Args:
        task: Name of the task.
        samples: Sentences that name what is there, one per frame.
        median: Median distance of visible keypoints from the truth.
        gripper, grasp, function, target: The same, of one role; NaN where the task lacks it.
        tail: 95 % of the distances are below it.
        within: Share of visible keypoints at most 5 pixels off.
        told: Share of visible keypoints with a confidence of 0.5 or more.
        refused: Share of sentences about what is not there of which no keypoint but the
            gripper has that confidence.
        hidden: Area under the ROC curve of telling visible from hidden points.
        plan: Share of sentences whose plan is right.
    """

    task: str
    samples: int
    median: float
    gripper: float
    grasp: float
    function: float
    target: float
    tail: float
    within: float
    told: float
    refused: float
    hidden: float
    plan: float


def choose_samples(samples: Samples, look: str, *, per_task: int, seed: int) -> NDArray[np.int64]:
    """Choose numbers of samples at random.

    Args:
        samples: What to choose from.
        look: Look of the frames.
        per_task: Samples of each task that name what is there; half as many that do not.
        seed: Seed of the choice.
    """
    rng = np.random.default_rng(seed)
    frames = np.repeat(np.arange(len(samples.frames)), np.diff(samples.first))
    right = samples.looks[frames] == look
    chosen = []
    for task in range(len(samples.tasks)):
        for named, count in ((True, per_task), (False, per_task // 2)):
            of_task = right & (samples.scenes[frames] == task)
            pool = np.flatnonzero(of_task & (samples.named == named))
            chosen.append(rng.choice(pool, size=min(count, len(pool)), replace=False))
    return np.concatenate(chosen)


@torch.no_grad()
def accuracies(
    network: KeypointNetwork, samples: Samples, chosen: NDArray[np.int64]
) -> list[Accuracy]:
    """Compare a network with the truth.

    Args:
        network: As trained, or folded; it is put into evaluation mode.
        samples: Recorded keypoints.
        chosen: Numbers of the samples to look at, each with one of its wordings.

    Returns:
        A row per task, in the order of ``samples.tasks``.
    """
    network.eval()
    frames = np.repeat(np.arange(len(samples.frames)), np.diff(samples.first))[chosen]
    wording = chosen % samples.phrasings.shape[1]
    sentences = [samples.sentences[i] for i in samples.phrasings[chosen, wording]]
    pixels, confidence, visible, plans = [], [], [], []
    width = network.config.image_size[1] // STRIDE
    for begin in range(0, len(chosen), _PICTURES):
        part = slice(begin, begin + _PICTURES)
        images = torch.from_numpy(samples.frames[frames[part]]).permute(0, 3, 1, 2)
        heard: Heard = network.hear(network.tokenizer.batch(sentences[part]))
        sight = network.look(network.encode(images.float() / 255.0), heard)
        points = read_points(sight, width=width)
        pixels.append(points.pixels.numpy())
        confidence.append(points.confidence.numpy())
        visible.append(points.visible.numpy())
        plans.append(heard.plans.argmax(dim=-1).numpy())
    judged = _Judged(
        away=np.linalg.norm(np.concatenate(pixels) - samples.pixels[chosen], axis=-1),
        told=np.concatenate(confidence) >= _TOLD,
        seen=np.concatenate(visible),
        right=np.concatenate(plans) == samples.plans[chosen],
        states=samples.visibility[chosen],
        named=samples.named[chosen],
    )
    scenes = samples.scenes[frames]
    return [_row(task, judged.at(scenes == number)) for number, task in enumerate(samples.tasks)]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Judged:
    """N samples: distances, told, probability of sight and truth (N, R); plan, named (N,)."""

    away: NDArray[np.float32]
    told: NDArray[np.bool_]
    seen: NDArray[np.float32]
    states: NDArray[np.uint8]
    right: NDArray[np.bool_]
    named: NDArray[np.bool_]

    def at(self, mask: NDArray[np.bool_]) -> _Judged:
        return _Judged(
            away=self.away[mask],
            told=self.told[mask],
            seen=self.seen[mask],
            states=self.states[mask],
            right=self.right[mask],
            named=self.named[mask],
        )


def _row(task: str, judged: _Judged) -> Accuracy:
    named = judged.at(judged.named)
    sight = named.states == VISIBLE  # (N, R)
    by_role = [_median(named.away[:, r][sight[:, r]]) for r in range(len(ROLES))]
    away = named.away[sight]
    vain = judged.at(~judged.named)
    return Accuracy(
        task=task,
        samples=len(named.right),
        median=_median(away),
        gripper=by_role[0],
        grasp=by_role[1],
        function=by_role[2],
        target=by_role[3],
        tail=float(np.quantile(away, 0.95)) if len(away) else math.nan,
        within=_mean(away <= _NEAR),
        told=_mean(named.told[sight]),
        refused=_mean(~vain.told[:, 1:].any(axis=1)),
        hidden=_ranked(named.seen[sight], named.seen[named.states == HIDDEN]),
        plan=_mean(named.right),
    )


def _median(values: NDArray[np.float32]) -> float:
    return float(np.median(values)) if len(values) else math.nan


def _mean(values: NDArray[np.bool_] | np.bool_) -> float:
    return float(values.mean()) if values.size else math.nan


def _ranked(high: NDArray[np.float32], low: NDArray[np.float32]) -> float:
    """Share of pairs in which the first is higher, ties counting half."""
    if not len(high) or not len(low):
        return math.nan
    difference = high[:, None] - low
    return float((difference > 0).mean() + 0.5 * (difference == 0).mean())
