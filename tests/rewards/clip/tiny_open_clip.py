"""A model of open_clip with random weights, written as its hub directories are."""

from __future__ import annotations

import atexit
import functools
import json
import shutil
import tempfile
from pathlib import Path

import open_clip
import torch
from safetensors.torch import save_file

__all__ = ["open_clip_directory"]


@functools.cache
def open_clip_directory(*, resize_mode: str = "shortest", size: int = 32, seed: int = 0) -> Path:
    """Write a CLIP with pictures of ``size`` pixels and the real tokenizer of 49,408 words."""
    directory = Path(tempfile.mkdtemp(prefix="tiny-open-clip-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    architecture = {
        "embed_dim": 24,
        "vision_cfg": {
            "image_size": size,
            "layers": 2,
            "width": 32,
            "head_width": 16,
            "patch_size": 8,
        },
        "text_cfg": {
            "context_length": 32,
            "vocab_size": 49408,
            "width": 16,
            "heads": 2,
            "layers": 2,
        },
    }
    preparation = {
        "mean": [0.48, 0.45, 0.4],
        "std": [0.27, 0.26, 0.28],
        "interpolation": "bicubic",
        "resize_mode": resize_mode,
        "fill_color": 7,
    }
    (directory / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": architecture, "preprocess_cfg": preparation})
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = open_clip.CLIP(**architecture)
    save_file(
        {key: value.contiguous() for key, value in model.state_dict().items()},
        directory / "open_clip_model.safetensors",
    )
    return directory
