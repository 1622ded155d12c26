"""Features of a LeRobot dataset, and the Arrow schema that they make."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kibble.rewards.errors import ConfigError

__all__ = [
    "INDEX_FEATURES",
    "Columns",
    "Feature",
    "Features",
    "Position",
    "arrow_schema",
    "image_feature",
    "is_depth",
]

Columns: TypeAlias = Mapping[str, NDArray[np.generic]]
"""Feature name to (N, *shape), one row per state; scalars may be (N,)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One feature: a column of the data files, or a video.

    Args:
        dtype: A NumPy dtype's name, ``string``, ``image`` or ``video``.
        shape: Of one row's value; (1,) is a scalar, images are (H, W, 3).
        names: Of its elements, or of its axes for images.
        info: Further facts, such as a video's codec.
    """

    dtype: str
    shape: tuple[int, ...] = (1,)
    names: tuple[str, ...] | None = None
    info: Mapping[str, object] | None = None

    @property
    def is_visual(self) -> bool:
        """Whether its values are pictures."""
        return self.dtype in ("image", "video")

    def to_json(self) -> dict[str, object]:
        """Return what ``info.json`` says of it."""
        names = None if self.names is None else list(self.names)
        tree: dict[str, object] = {
            "dtype": self.dtype,
            "shape": list(self.shape),
            "names": names,
        }
        return tree if self.info is None else {**tree, "info": dict(self.info)}

    @classmethod
    def from_json(cls, tree: Mapping[str, object]) -> Feature:
        """Read what ``info.json`` says of it; names in other forms than a list are left out.

        Raises:
            KeyError: If dtype or shape is missing.
            TypeError: If the shape is no list of numbers.
        """
        shape, names = tree["shape"], tree.get("names")
        info = tree.get("info") or tree.get("video_info")
        if not isinstance(shape, list):
            raise TypeError(f"shape {shape!r}")
        return cls(
            dtype=str(tree["dtype"]),
            shape=tuple(int(size) for size in shape),
            names=tuple(map(str, names)) if isinstance(names, list) else None,
            info=info if isinstance(info, dict) else None,
        )


Features: TypeAlias = Mapping[str, Feature]

INDEX_FEATURES: dict[str, Feature] = {
    "timestamp": Feature(dtype="float32"),
    "frame_index": Feature(dtype="int64"),
    "episode_index": Feature(dtype="int64"),
    "index": Feature(dtype="int64"),
    "task_index": Feature(dtype="int64"),
}
"""Every dataset has them; the functions that write fill them in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where an episode stands in its dataset.

    Args:
        episode: Its number.
        first_index: Number of its first row among all of the dataset.
        task_index: Number of its sentence.
        fps: States per second.
    """

    episode: int
    first_index: int
    task_index: int
    fps: float

    def columns(self, rows: int) -> dict[str, NDArray[np.generic]]:
        """Return the index features of an episode of so many rows."""
        numbers = np.arange(rows)
        return {
            "timestamp": (numbers / self.fps).astype(np.float32),
            "frame_index": numbers,
            "episode_index": np.full(rows, self.episode),
            "index": self.first_index + numbers,
            "task_index": np.full(rows, self.task_index),
        }


_IMAGE = pa.struct({"bytes": pa.binary(), "path": pa.string()})


def image_feature(
    height: int, width: int, *, video: bool = False, fps: float | None = None
) -> Feature:
    """Return the feature of one camera: lossless pictures, or a video at ``fps``."""
    info: dict[str, object] | None = None
    if video:
        info = {
            "video.height": height,
            "video.width": width,
            "video.codec": "h264",
            "video.pix_fmt": "yuv420p",
            "video.fps": fps,
            "video.channels": 3,
            "is_depth_map": False,
            "has_audio": False,
        }
    return Feature(
        dtype="video" if video else "image",
        shape=(height, width, 3),
        names=("height", "width", "channels"),
        info=info,
    )


def is_depth(feature: Feature) -> bool:
    """Whether a visual feature holds distances, not colours."""
    info = feature.info or {}
    return bool(info.get("is_depth_map") or info.get("video.is_depth_map"))


def arrow_schema(features: Features) -> pa.Schema:
    """Return the schema of a data file: every feature but the videos, and the index features.

    Columns carry the description that the ``datasets`` package reads them by.

    Args:
        features: Without :data:`INDEX_FEATURES`.

    Raises:
        ConfigError: If a feature has more than one axis and is no picture.
    """
    fields, described = [], {}
    for name, feature in {**features, **INDEX_FEATURES}.items():
        if feature.dtype == "video":
            continue
        arrow, described[name] = _column(name, feature)
        fields.append(pa.field(name, arrow))
    hugging_face = json.dumps({"info": {"features": described}})
    return pa.schema(fields, metadata={"huggingface": hugging_face})


def _column(name: str, feature: Feature) -> tuple[pa.DataType, dict[str, object]]:
    if feature.dtype == "image":
        return _IMAGE, {"_type": "Image"}
    value = pa.bool_() if feature.dtype == "bool" else pa.type_for_alias(feature.dtype)
    described: dict[str, object] = {"dtype": feature.dtype, "_type": "Value"}
    if feature.shape == (1,):
        return value, described
    if len(feature.shape) != 1:
        raise ConfigError(
            f"Features that are not pictures must have one axis, got shape {feature.shape} for "
            f"{name!r}; flatten it."
        )
    size = feature.shape[0]
    return pa.list_(value, size), {"feature": described, "length": size, "_type": "List"}
