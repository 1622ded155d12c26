"""Agreement with the oracle, measured on models whose agreement is known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from kibble.agents.pretrain.heldout import agreement
from kibble.rewards import Episode, Estimate, ModelSpec, Status
from kibble.rewards.grm.clips import Clip

STEPS = 9


class PixelReader:
    """Reads the progress that a clip's first pixel spells, red for goal 0 and green for goal 1."""

    spec = ModelSpec(
        name="pixel", version="0", views=("front",), required_views=("front",), image_size=(8, 8)
    )

    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset

    def begin(self, task, start_frames):
        return Episode(task=task)

    def estimate(self, episodes, frames):
        pixels = frames["front"][:, 0, 0] / 255.0
        channel = [0 if "red" in episode.task.instruction else 1 for episode in episodes]
        read = pixels[np.arange(len(pixels)), channel]
        return Estimate(
            progress=np.clip(read + self.offset, 0.0, 1.0).astype(np.float32),
            success=(read >= 1.0).astype(np.float32),
            confidence=np.ones(len(pixels), np.float32),
            status=np.full(len(pixels), Status.OK, np.int8),
        )


@pytest.fixture
def clip():
    progress = np.zeros((STEPS, 2), np.float32)
    progress[:, 0] = np.linspace(0, 255, STEPS).astype(np.uint8) / 255.0
    frames = np.zeros((STEPS, 8, 8, 3), np.uint8)
    frames[:, 0, 0, :2] = np.round(progress * 255)
    return Clip(
        task="toy",
        frames={"front": frames},
        progress=progress,
        success=progress >= 1.0,
        stage=(progress >= 0.5).astype(np.int8),
        state=np.zeros((STEPS, 0), np.float32),
        phrasings=(("blue", "red"), ("blue", "green")),
        kind="success",
    )


def test_a_perfect_model_agrees(clip):
    row = agreement(PixelReader(), [clip, dataclasses.replace(clip, kind="mixed")])
    assert row.error == pytest.approx(0.0, abs=1e-6)
    assert row.noise == pytest.approx(0.0, abs=1e-6)
    assert row.order == row.oracle_order == pytest.approx(1.0)
    assert row.success_auc == row.true_positives == row.told_apart == 1.0
    assert row.false_positives == 0.0
    assert row.frames == 2 * STEPS


def test_a_constant_offset_is_an_error_but_no_noise(clip):
    row = agreement(PixelReader(offset=-0.1), [clip])
    assert row.error == pytest.approx(0.1 * (STEPS - 1) / STEPS, abs=0.01)
    assert row.other_error == pytest.approx(0.0, abs=1e-6)
    assert row.noise < 0.05
