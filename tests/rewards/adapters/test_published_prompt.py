"""The prompts that released weights were trained on, held fixed word for word."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from kibble.rewards.adapters import published_prompt
from kibble.rewards.adapters.published_prompt import joined_texts, prompt_parts, prompt_text
from kibble.rewards.vlm.prompt import Picture

# SHA-256 of the texts, taken from the authors' source files by a script that ran their own code;
# GRM's from examples/inference.py, and equal to the one in eval/evaluation_grm.py.
GOLDEN = {
    "grm": "6baabeeecf35c731",
    "vlac_system": "03d4553e3c49b0b6",
    "vlac_pair": "e613b29085457037",
    "vlac_pair_in_context": "1fe67aebec753444",
    "vlac_done": "24b0b6cbc6b03510",
    "lrm_contrastive": "3302ebc9a60aa1be",
    "lrm_progress": "a0c51ed3d252a397",
    "lrm_progress_initial": "0f4c18f2f29ac19a",
    "lrm_progress_goal": "ee7d3bed85f9f410",
    "lrm_progress_goal_initial": "3de0035ba28cef9c",
    "lrm_completion": "e19fbd6475a5eb87",
    "trend": "180320cf57a89397",
}


def _entries() -> dict[str, dict[str, object]]:
    path = Path(published_prompt.__file__).with_name("published_prompts.json")
    return json.loads(path.read_text(encoding="utf-8"))


def test_every_prompt_is_as_published() -> None:
    assert set(_entries()) == set(GOLDEN)
    for name, digest in GOLDEN.items():
        assert hashlib.sha256(prompt_text(name).encode()).hexdigest()[:16] == digest, name


def test_every_prompt_names_its_source() -> None:
    for name, entry in _entries().items():
        assert "github.com/" in str(entry["source"]), name


@pytest.mark.parametrize("task", ["{task}", "<image>", "a <image> b <image>", "{0} {x!r} %s"])
def test_an_instruction_moves_no_picture(task: str) -> None:
    shown = [Picture(np.full((2, 2, 3), i, np.uint8)) for i in range(8)]
    parts = prompt_parts("grm", task, shown)
    assert [part for part in parts if isinstance(part, Picture)] == shown
    text = "".join(part for part in parts if isinstance(part, str))
    assert text.count(task) >= 2
    assert text == prompt_text("grm").replace("<image>", "").replace("{task}", task)


def test_texts_that_follow_each_other_become_one() -> None:
    picture = Picture(np.zeros((2, 2, 3), np.uint8))
    assert joined_texts(("a", "b", picture, "c", "d")) == ("ab", picture, "cd")
