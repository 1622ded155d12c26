"""Convolutions that train in reduced precision and fold their norms for inference."""

from __future__ import annotations

from typing import final

import torch.nn.functional as F  # noqa: N812 (the name that torch's own documentation uses)
from torch import Tensor, nn

__all__ = ["Convolution", "Residual", "convolve", "fold_norms"]


def convolve(layer: nn.Conv2d, x: Tensor) -> Tensor:
    """Apply a convolution whose master weights stay float32 in the dtype of its input."""
    weight, bias = layer.weight, layer.bias
    if weight.dtype != x.dtype:
        weight = weight.to(x.dtype)
        bias = None if bias is None else bias.to(x.dtype)
    return F.conv2d(x, weight, bias, layer.stride, layer.padding)


@final
class Convolution(nn.Module):
    """Convolution, batch norm, SiLU; sizes are kept up to the stride.

    Args:
        inputs: Channels in.
        outputs: Channels out.
        size: Odd side of the kernel.
        stride: Step of the kernel.
    """

    def __init__(self, inputs: int, outputs: int, size: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H / stride, W / stride), in the input's dtype."""
        out: Tensor = F.silu(self.norm(convolve(self.conv, x)))
        return out


@final
class Residual(nn.Module):
    """A bottleneck that is added to its input.

    Args:
        channels: Channels in and out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = Convolution(channels, channels // 2, 1)
        self.second = Convolution(channels // 2, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) to the same."""
        out: Tensor = x + self.second(self.first(x))
        return out


def fold_norms(module: nn.Module) -> None:
    """Fold the batch norms of every :class:`Convolution` into its kernel, in place.

    Args:
        module: A module in evaluation mode, not to be trained any further.
    """
    for part in module.modules():
        if isinstance(part, Convolution) and isinstance(part.norm, nn.BatchNorm2d):
            part.conv = nn.utils.fusion.fuse_conv_bn_eval(part.conv, part.norm)
            part.norm = nn.Identity()
