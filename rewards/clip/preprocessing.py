"""What a model does with a picture before it looks at it, for a whole batch of frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

__all__ = ["Preprocessing"]

_FILTERS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """Resizing, cropping and scaling of a published model.

    Pictures are resized by Pillow, as in training of all these models, and equal those of the
    model's own preparation bit for bit; only then are they sent to the device, a quarter of the
    bytes that floats would be.

    Args:
        size: (height, width) in pixels that the model sees.
        fit: ``shortest`` (the shorter side fits, the rest is cut off on both sides), ``longest``
            (the longer side fits, the rest is filled) or ``squash`` (proportions are given up).
        shortest: Length of the shorter side before cutting; ``None`` takes what just covers
            ``size``. For ``fit=shortest``.
        filter: ``bicubic`` or ``bilinear``, both with antialiasing.
        mean: Mean of red, green and blue in [0, 1], which is taken away.
        std: What the rest is divided by.
        fill: Brightness in [0, 255] of what is filled.
        cuts_to_even: Whether half a pixel of cutting is rounded to an even number, as torchvision
            and open_clip do, and not down, as transformers does.
    """

    size: tuple[int, int]
    fit: Literal["shortest", "longest", "squash"]
    shortest: int | None = None
    filter: Literal["bicubic", "bilinear"] = "bicubic"
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    fill: int = 0
    cuts_to_even: bool = False

    def pictures(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Bring frames to the size that the model sees.

        Args:
            images: (N, H, W, 3) uint8 RGB.

        Returns:
            (N, height, width, 3) uint8 RGB.
        """
        height, width = self._resized(images.shape[1], images.shape[2])
        if images.shape[1:3] != (height, width):
            kind = _FILTERS[self.filter]
            images = np.stack(
                [np.asarray(Image.fromarray(i).resize((width, height), kind)) for i in images]
            )
        return self._cut(self._filled(images))

    def scaled(self, pictures: Tensor) -> Tensor:
        """Scale pictures to what the first layer takes.

        Args:
            pictures: (N, height, width, 3) uint8 on any device.

        Returns:
            (N, 3, height, width) float32 on that device.
        """
        mean = torch.tensor(self.mean, device=pictures.device).view(3, 1, 1)
        std = torch.tensor(self.std, device=pictures.device).view(3, 1, 1)
        return pictures.permute(0, 3, 1, 2).float().div_(255.0).sub_(mean).div_(std).contiguous()

    def _resized(self, height: int, width: int) -> tuple[int, int]:
        if self.fit == "squash":
            return self.size
        if self.fit == "longest" or (self.shortest is None and self.size[0] != self.size[1]):
            ratios = (height / self.size[0], width / self.size[1])
            ratio = max(ratios) if self.fit == "longest" else min(ratios)
            return round(height / ratio), round(width / ratio)
        short = self.size[0] if self.shortest is None else self.shortest
        if width <= height:
            return int(short * height / width), short
        return short, int(short * width / height)

    def _filled(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        lacking = [
            max(0, want - have) for want, have in zip(self.size, images.shape[1:3], strict=True)
        ]
        if not any(lacking):
            return images
        around = [(n // 2, n - n // 2) for n in lacking]
        return np.pad(images, [(0, 0), *around, (0, 0)], constant_values=self.fill)

    def _cut(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        spare = [have - want for want, have in zip(self.size, images.shape[1:3], strict=True)]
        top, left = (round(n / 2) if self.cuts_to_even else n // 2 for n in spare)
        return images[:, top : top + self.size[0], left : left + self.size[1]]
