"""Episodes whose first pixels spell the truth, and a model that reads them."""

from __future__ import annotations

import numpy as np

from kibble.agents.benchmark.trials import Trial
from kibble.rewards import Episode, Estimate, ModelSpec, Status

STEPS = 31
TASKS = ("lift", "shift")
COLOURS = ("red", "green")


def course(kind, steps=STEPS):
    up = np.linspace(0.0, 1.0, steps - 6)
    curves = {
        "success": np.concatenate([up, np.ones(6)]),
        "partial": np.linspace(0.1, 0.7, steps),
        "near_miss": np.concatenate([0.9 * up, np.full(6, 0.9)]),
        "wrong_object": np.full(steps, 0.2),
        "regress": np.concatenate(
            [np.linspace(0, 1, steps // 2), np.linspace(1, 0.1, steps - steps // 2)]
        ),
    }
    return np.round(curves[kind] * 255) / 255


def toy_trial(task, kind, number=0, *, labelled=True, goal=0, outcome=None):
    """Two goals: red follows the course, green its half; the third pixel names the task."""
    progress = np.stack([course(kind), np.round(course(kind) * 127) / 255], axis=1)
    if goal == 1:
        progress = progress[:, ::-1]
    progress = progress.astype(np.float32)
    frames = np.full((STEPS, 8, 8, 3), 40, np.uint8)
    frames[:, 0, 0, :2] = np.round(progress * 255)
    frames[:, 0, 1] = 10 * (1 + TASKS.index(task))
    frames[:, 7, 7] = number  # no two trials look alike
    success = progress >= 1.0
    return Trial(
        name=f"{task}-{kind}-{number}",
        task=task,
        kind=kind if labelled else "recorded",
        load=lambda: {"front": frames.copy()},
        steps=STEPS,
        sentences=tuple((f"{task} {c}", f"please {task} the {c} one") for c in COLOURS),
        goal=goal,
        progress=progress if labelled else None,
        success=success if labelled else None,
        outcome=bool(success[-1, goal]) if labelled else outcome,
        state=None,
        goal_frames=({"front": frames[-1:]}, None),
    )


def toy_trials(per_kind=2):
    return [
        toy_trial(task, kind, number, goal=number % 2)
        for task in TASKS
        for kind in ("success", "partial", "near_miss", "wrong_object", "regress")
        for number in range(per_kind)
    ]


class PixelReader:
    """Reads what the first pixels spell, or what ``bend`` makes of it."""

    def __init__(self, bend=lambda progress: progress, version="0") -> None:
        self.bend = bend
        self.calls = 0
        self.spec = ModelSpec(
            name="pixel",
            version=version,
            views=("front",),
            required_views=("front",),
            image_size=(8, 8),
        )

    def begin(self, task, start_frames):
        return Episode(task=task)

    def estimate(self, episodes, frames):
        self.calls += 1
        images = frames["front"]
        read = np.zeros(len(images))
        for i, episode in enumerate(episodes):
            words = episode.task.instruction.split()
            for number, task in enumerate(TASKS):
                if task in words and (images[i, 0, 1] == 10 * (1 + number)).all():
                    read[i] = images[i, 0, 0, 0 if "red" in words else 1] / 255.0
        return Estimate(
            progress=self.bend(read).astype(np.float32),
            success=(read >= 1.0).astype(np.float32),
            confidence=np.where(read > 0, 1.0, 0.1).astype(np.float32),
            status=np.full(len(images), Status.OK, np.int8),
        )
