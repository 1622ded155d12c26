"""How fast a model reads."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kibble.agents.benchmark.measures.evidence import Measured
from kibble.agents.benchmark.trials import Trial, trial_task
from kibble.rewards.frames import resize_frames
from kibble.rewards.metrics.bootstrap import bootstrap
from kibble.rewards.types import Frames, RewardModel

__all__ = ["measure_speed"]

_DIFFERENT = 8  # batches that take turns, more than a model's cache of encodings holds
_WARM_UP = 2


def measure_speed(
    model: RewardModel,
    trials: Sequence[Trial],
    *,
    with_goal: bool,
    batch: int = 32,
    seconds: float = 2.0,
    seed: int = 0,
    resamples: int = 1000,
) -> Measured:
    """Time a model on frames of its own size.

    ``frames_per_second`` counts camera frames, one for each view: views times batch over the
    seconds of one ``estimate`` of ``batch`` episodes. ``latency_ms`` is one ``estimate`` of one
    episode, all views. Both are measured while the machine does whatever else it does.

    Args:
        model: The model.
        trials: Where frames and instructions come from.
        with_goal: Whether it is given goal frames.
        batch: Episodes at once.
        seconds: How long each of the two is measured.
        seed: Seed of frames and intervals.
        resamples: Bootstrap resamples over calls.
    """
    if not model.spec.causal:
        reason = "reads whole episodes only, not frames as they come"
        return {"frames_per_second": reason, "latency_ms": reason}
    rng = np.random.default_rng(seed)
    for i, trial in enumerate(trials):
        task = trial_task(trials, i, trial.goal, with_goal=with_goal)
        if task is not None:
            break
    else:
        reason = "needs goal frames for the model, and the data have none"
        return {"frames_per_second": reason, "latency_ms": reason}
    size = model.spec.image_size
    known = {
        view: resize_frames(array, size)
        for view, array in trial.load().items()
        if view in model.spec.views
    }

    def some(count: int) -> Frames:
        drawn: dict[str, NDArray[np.uint8]] = {}
        for view, array in known.items():
            noise = rng.integers(0, 4, (count, *array.shape[1:]), dtype=np.uint8)
            drawn[view] = array[rng.integers(len(array), size=count)] ^ noise
        return drawn

    first = {view: array[:1] for view, array in known.items()}
    measured: Measured = {}
    for name, count in (("frames_per_second", batch), ("latency_ms", 1)):
        episodes = [model.begin(task, first) for _ in range(count)]
        batches = [some(count) for _ in range(_DIFFERENT)]
        taken: list[float] = []
        while sum(taken[_WARM_UP:]) < seconds or len(taken) < _WARM_UP + 5:
            began = time.perf_counter()
            model.estimate(episodes, batches[len(taken) % _DIFFERENT])
            taken.append(time.perf_counter() - began)
        calls = np.array(taken[_WARM_UP:])
        frames = count * len(known)

        def rate(
            drawn: NDArray[np.int64], calls: NDArray[np.float64] = calls, f: int = frames
        ) -> float:
            return float(f / np.mean(calls[drawn]))

        def median(drawn: NDArray[np.int64], calls: NDArray[np.float64] = calls) -> float:
            return float(1e3 * np.median(calls[drawn]))

        figure = bootstrap(
            rate if name == "frames_per_second" else median,
            len(calls),
            rng=np.random.default_rng([seed, count]),
            resamples=min(resamples, 200),
        )
        assert figure is not None  # there are calls
        measured[name] = figure
    return measured
