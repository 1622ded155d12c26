"""The picture of the finished scene that a node's parameters name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from kibble.rewards.errors import ConfigError
from kibble.rewards.frames import single_frame
from kibble.rewards.node.parameters import NodeParameters
from kibble.rewards.types import Frames

__all__ = ["read_goal"]


def read_goal(parameters: NodeParameters) -> Frames | None:
    """Read the picture named by the parameter ``goal`` as a frame of the first view.

    Returns:
        The frame, N = 1, or ``None`` where none is named.

    Raises:
        ConfigError: If it is no picture.
    """
    if not parameters.goal:
        return None
    try:
        with Image.open(Path(parameters.goal)) as image:
            pixels = np.array(image.convert("RGB"))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise ConfigError(
            f"Parameter `goal` must be a picture file, got {parameters.goal!r}: {error}."
        ) from error
    return single_frame(parameters.views[0], pixels)
