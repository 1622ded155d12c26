"""Convolutions of the embedded networks: reduced precision and folded norms."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from kibble.rewards.convolution import Convolution, Residual, convolve, fold_norms


def used() -> nn.Sequential:
    """Blocks whose norms have seen something."""
    torch.manual_seed(0)
    blocks = nn.Sequential(Convolution(3, 8, 3, stride=2), Residual(8))
    for _ in range(3):
        blocks(torch.randn(4, 3, 16, 16))
    return blocks.eval()


@torch.no_grad()
def test_folding_keeps_the_result_and_drops_the_norms():
    blocks, pictures = used(), torch.randn(2, 3, 16, 16)
    folded = copy.deepcopy(blocks)
    fold_norms(folded)
    assert any(isinstance(part, nn.BatchNorm2d) for part in blocks.modules())
    assert not any(isinstance(part, nn.BatchNorm2d) for part in folded.modules())
    torch.testing.assert_close(folded(pictures), blocks(pictures), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("bias", [True, False])
def test_the_input_s_dtype_decides_and_the_weights_stay_float32(bias):
    layer = nn.Conv2d(3, 4, 3, padding=1, bias=bias)
    pictures = torch.randn(1, 3, 8, 8)
    reduced = convolve(layer, pictures.bfloat16())
    assert reduced.dtype == torch.bfloat16
    assert layer.weight.dtype == torch.float32
    torch.testing.assert_close(reduced.float(), layer(pictures), rtol=0.05, atol=0.05)


def test_sizes_are_kept_up_to_the_stride():
    assert used()(torch.randn(1, 3, 16, 20)).shape == (1, 8, 8, 10)
