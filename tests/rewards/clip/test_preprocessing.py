"""Our batched preparation equals that of the libraries, frame by frame."""

from __future__ import annotations

import numpy as np
import open_clip
import pytest
import torch
import transformers
from PIL import Image
from tests.rewards.clip.tiny_open_clip import open_clip_directory
from tests.rewards.vlm import tiny_models

from kibble.rewards.clip.opening import open_towers

SIZES = [(32, 32), (33, 32), (48, 96), (95, 61), (20, 29), (240, 320), (61, 200)]


def frames(size, count=2):
    rng = np.random.default_rng(size[0])
    return rng.integers(0, 256, (count, *size, 3), dtype=np.uint8)


def prepared(directory, images):
    preprocessing = open_towers(str(directory), torch.float32).preprocessing
    return preprocessing.scaled(torch.from_numpy(preprocessing.pictures(images)))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mode", ["shortest", "longest", "squash"])
def test_open_clip_prepares_the_same(mode, size):
    directory = open_clip_directory(resize_mode=mode)
    _, own = open_clip.create_model_from_pretrained(f"local-dir:{directory}")
    expected = torch.stack([own(Image.fromarray(image)) for image in frames(size)])
    torch.testing.assert_close(prepared(directory, frames(size)), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("build", [tiny_models.clip, tiny_models.siglip])
def test_transformers_prepares_the_same(build, size):
    own = transformers.AutoImageProcessor.from_pretrained(build(), backend="pil")
    expected = own(list(frames(size)), return_tensors="pt").pixel_values
    got = prepared(build(), frames(size))
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-6)
    # its torchvision back end resizes by another arithmetic: at most a level or two of 255
    fast = transformers.AutoImageProcessor.from_pretrained(build(), backend="torchvision")
    other = fast(list(frames(size)), return_tensors="pt").pixel_values
    torch.testing.assert_close(got, other, rtol=0, atol=0.04)
