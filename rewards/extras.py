"""Which optional packages belong to which extra of this one."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping

__all__ = ["EXTRA_OF_MODULE", "missing_modules"]

EXTRA_OF_MODULE: Mapping[str, str] = {
    "fastapi": "serve",
    "cv2": "keypoints",
    "cyclonedds": "ros",
    "httpx": "remote",
    "hydra": "train",
    "omegaconf": "train",
    "open_clip": "vlm",
    "openai": "openai",
    "peft": "vlm",
    "prometheus_client": "serve",
    "ray": "ray",
    "rosbags": "ros",
    "stable_baselines3": "train",
    "sb3_contrib": "contrib",
    "tensorboard": "train",
    "torchvision": "vlm",
    "transformers": "vlm",
    "uvicorn": "serve",
    "yaml": "keypoints",
    "imageio": "train",
    "av": "train",
    "matplotlib": "train",
    "pyarrow": "train",
    "rich": "train",
    "scipy": "train",
}
"""Name under which a package is imported to the extra that installs it."""


def missing_modules(extra: str) -> tuple[str, ...]:
    """Name the modules of an extra that are not installed; imports none of them.

    Args:
        extra: One extra, or several with commas between them, as pip takes them.

    >>> missing_modules("")
    ()
    """
    extras = extra.split(",")
    return tuple(
        module
        for module, owner in EXTRA_OF_MODULE.items()
        if owner in extras and importlib.util.find_spec(module) is None
    )
