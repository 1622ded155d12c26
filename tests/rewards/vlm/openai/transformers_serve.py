"""Run ``transformers serve`` where torchvision may lack its compiled half."""

from __future__ import annotations

import io
import sys

import numpy as np
import PIL.Image
import tests.conftest  # noqa: F401  # makes torchvision importable
import torch
import torchvision.io
from transformers.cli.transformers import main


def _decode_image(data: torch.Tensor, mode: object, apply_exif_orientation: bool) -> torch.Tensor:
    image = PIL.Image.open(io.BytesIO(data.numpy().tobytes())).convert("RGB")
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


if __name__ == "__main__":
    file = io.BytesIO()
    PIL.Image.new("RGB", (1, 1)).save(file, "PNG")
    try:
        torchvision.io.decode_image(torch.tensor(list(file.getvalue()), dtype=torch.uint8))
    except RuntimeError:
        torchvision.io.decode_image = _decode_image
    sys.exit(main())
