"""The command with models that read videos: at their own rate, and whole episodes at once."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.agents.footage.clips import write_clip
from tests.rewards.vlm.tiny_models import qwen3_vl

from kibble.agents.cli import run
from kibble.rewards import Status


@pytest.mark.slow
def test_each_model_reads_a_recording_in_its_own_way(tmp_path, capsys):
    rng = np.random.default_rng(0)
    frames = np.repeat(rng.integers(0, 256, (12, 8, 8, 3), dtype=np.uint8), 8, 1).repeat(8, 2)
    clip = write_clip(tmp_path / "push.mp4", frames, times=[t / 10 for t in range(12)])
    video = f"topreward@{qwen3_vl()}?dtype=float32&size=64&low=-40"
    whole = f"gvl@{qwen3_vl()}?dtype=float32&max_tokens=8"
    words = ["score", f"input={clip}", "instruction=push", f"reward=['{video}','{whole}']"]
    assert run([*words, f"out={tmp_path / 'out'}", "device=cpu"]) == 0
    document = json.loads((tmp_path / "out" / "scores.json").read_text())
    first, second = document["curves"]
    assert (first["label"], second["label"]) == ("topreward", "gvl")
    assert set(first["status"]) == {Status.OK}
    progress = first["progress"]
    assert [len(set(progress[i : i + 5])) for i in (0, 5, 10)] == [1, 1, 1]  # 2 frames a second
    assert len(set(progress)) == 3
    assert set(second["status"]) == {Status.PARSE_ERROR}  # random weights list no frames
    assert second["progress"] == [None] * 12
    assert "gvl gave no answer for 12 of 12 frames" in capsys.readouterr().out
