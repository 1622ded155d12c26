"""A short recording with known readings: a bright bar that moves to the right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tests.reward_models import CentroidModel, FlakyModel
from tests.rewards.keypoints.scripted import SPEC, ScriptedLocator, frames, pushed
from tests.rewards.keypoints.test_sketching import above

from kibble.agents.footage.footage import Footage
from kibble.agents.score.curves import Curve, read_curve
from kibble.agents.score.results import Scores
from kibble.agents.score.summary import Flag, flags_of, summarise
from kibble.rewards.keypoints.reward import KeypointReward, PathSettings
from kibble.rewards.types import Status, Task

INSTRUCTION = 'move the bar to the right </script><b>"&amp;'
GAPS = [Status.OK] * 5 + [Status.TIMEOUT] * 2


def bar_frames(count: int, *, size: tuple[int, int] = (48, 64)) -> np.ndarray:
    frames = np.zeros((count, *size, 3), np.uint8)
    for number in range(count):
        left = round((size[1] - 4) * number / max(count - 1, 1))
        frames[number, :, left : left + 4] = (250, 120, 60)
    return frames


def bar_footage(count: int = 21, **changes: object) -> Footage:
    fields: dict[str, object] = {
        "name": "bar",
        "frames": {"front": bar_frames(count), "wrist": bar_frames(count)[:, :, ::-1].copy()},
        "times": np.arange(count) * 0.1,
        "oracle": np.linspace(0, 1, count, dtype=np.float32),
        "warnings": ("The frame rate varies.",),
    }
    return Footage(**{**fields, **changes})  # type: ignore[arg-type]


def bar_curves(footage: Footage) -> tuple[Curve, Curve]:
    task = Task(instruction=INSTRUCTION)
    return (
        read_curve(CentroidModel(), footage.frames, task, label="centroid"),
        read_curve(FlakyModel(GAPS), footage.frames, task, label="flaky"),
    )


def bar_scores(out: Path, footage: Footage | None = None) -> Scores:
    footage = bar_footage() if footage is None else footage
    curves = bar_curves(footage)
    summaries = tuple(summarise(curve, footage.times, footage.oracle) for curve in curves)
    flags = [flag for pair in zip(curves, summaries, strict=True) for flag in flags_of(*pair)]
    flags += [Flag(code="recording", text=text) for text in footage.warnings]
    out.mkdir(parents=True, exist_ok=True)
    return Scores(
        out=out,
        footage=footage,
        instruction=INSTRUCTION,
        curves=curves,
        summaries=summaries,
        flags=tuple(flags),
    )


def pushed_scores(out: Path) -> Scores:
    """A push that a keypoint reward follows to its end, seen through a camera above."""
    rows = pushed()
    footage = Footage(name="push", frames=frames(0, len(rows)), times=np.arange(len(rows)) * 0.1)
    model = KeypointReward(ScriptedLocator(rows), SPEC, PathSettings(), cameras={"front": above()})
    task = Task(instruction="push the red cube onto the green pad")
    curve = read_curve(model, footage.frames, task, label="keypoints")
    return Scores(
        out=out,
        footage=footage,
        instruction=task.instruction,
        curves=(curve,),
        summaries=(summarise(curve, footage.times, None),),
        flags=(),
    )
