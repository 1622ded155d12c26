"""Makes a trained network's probability of success honest, on scenes that it never saw."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from kibble.agents.pretrain.heldout import read_clip
from kibble.agents.pretrain.heldout_recording import heldout_clips
from kibble.agents.pretrain.kinds import SHARES
from kibble.rewards.calibration import fit_scale_and_bias
from kibble.rewards.loading import load, load_network, save

__all__ = ["calibrate"]

_LOOKS = ("default", "training")
_SEED = 555_001  # other scenes than those that models are judged by
_CLOSEST = 1e-6  # to 0 and 1, before the logit


def calibrate(
    directory: Path,
    *,
    name: str,
    tasks: Sequence[str],
    episodes: int,
    on_progress: Callable[[int, int], None],
) -> tuple[float, float]:
    """Fit scale and bias of the success logit and write the weights with both folded in.

    The clips show every kind of behaviour in its share of training, in the plain scene and in the
    looks of training; the held-out looks stay unseen.

    Args:
        directory: Directory of the weights; overwritten.
        name: Name of the model.
        tasks: Task names.
        episodes: Clips of each task and kind of behaviour, in both looks together.
        on_progress: Called with the number of recordings read and wanted.

    Returns:
        Scale and bias of the logit.
    """
    model = load(directory)
    logits, labels = [], []
    jobs = list(itertools.product(tasks, _LOOKS))
    for done, (task, look) in enumerate(jobs, start=1):
        per_kind = dict.fromkeys(SHARES, max(1, episodes // len(_LOOKS)))
        for clip in heldout_clips(task, per_kind=per_kind, appearance=look, seed=_SEED):
            for goal, phrasings in enumerate(clip.phrasings):
                estimate = read_clip(model, clip, instruction=phrasings[0])
                share = np.clip(estimate.success.astype(np.float64), _CLOSEST, 1.0 - _CLOSEST)
                logits.append(np.log(share / (1.0 - share)))
                labels.append(clip.success[:, goal])
        on_progress(done, len(jobs))
    scale, bias = fit_scale_and_bias(np.concatenate(logits), np.concatenate(labels))
    network = load_network(directory)
    network.rescale_success(scale, bias)
    save(network, directory, name=name)
    return scale, bias
