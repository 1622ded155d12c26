"""InternVL: pictures in square tiles, frames of a clip one by one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, final

import numpy as np
import torch
import transformers

from kibble.rewards.vlm.local.family import Bounds, Features
from kibble.rewards.vlm.local.pieces import Grid, Kind, Piece, Placed, Sight, Special
from kibble.rewards.vlm.prompt import Clip, Picture

__all__ = ["InternVL"]


@final
class InternVL:
    """Every tile has one size and one number of tokens.

    Bounds of a picture in pixels are read as numbers of tiles: at most as many tiles as fit into
    the upper bound, one at least. The frames of a clip are one tile each.

    Args:
        model: The model.
        processor: Its own processor.
    """

    def __init__(
        self, model: transformers.PreTrainedModel, processor: transformers.ProcessorMixin
    ) -> None:
        self._model: Any = model
        self._processor: Any = processor
        self._images: Any = processor.image_processor
        self._videos: Any = processor.video_processor
        size = self._images.size
        self._tile_pixels: int = size.height * size.width

    def picture(self, picture: Picture, bounds: Bounds) -> Placed:
        """Place a picture between the image marks."""
        options = self._tiling(bounds)
        height, width = picture.pixels.shape[:2]
        tiles = self._images.get_number_of_image_patches(height, width, options)
        tiled = (options["min_patches"], options["max_patches"]) if self._cropped else (0, 0)
        content = f"image {tiled}".encode() + picture.key
        sight = Sight(
            key=hashlib.blake2b(content, digest_size=16).digest(),
            kind="image",
            tokens=int(tiles) * self._processor.image_seq_length,
            pictures=(picture,),
            size=tiled,
        )
        return Placed(pieces=self._marked(sight))

    def clip(self, clip: Clip, bounds: Bounds) -> Placed:
        """Place a clip, a numbered line for each frame."""
        pieces: list[Piece] = []
        for number, frame in enumerate(clip.frames, start=1):
            sight = Sight(
                key=hashlib.blake2b(b"video" + frame.key, digest_size=16).digest(),
                kind="video",
                tokens=self._processor.image_seq_length,
                pictures=(frame,),
                size=(0, 0),
            )
            pieces += ["" if number == 1 else "\n", f"Frame{number}: ", *self._marked(sight)]
        return Placed(pieces=tuple(pieces))

    def clip_wrapper(self) -> tuple[str, str] | None:
        """The template puts nothing around a clip."""
        return None

    def encode(self, sights: Sequence[Sight]) -> list[Features]:
        """Encode sights of one kind, all their tiles in one batch."""
        if sights[0].kind == "image":
            parts = [self._image_tiles(sight) for sight in sights]
        else:
            parts = [self._frame_tile(sight) for sight in sights]
        values = torch.cat(parts).to(self._model.device)
        seen = self._model.model.get_image_features(values, return_dict=True).pooler_output
        return [
            (tiles.flatten(0, 1).clone(),) for tiles in seen.split([len(tiles) for tiles in parts])
        ]

    def positions(self, ids: torch.Tensor, grids: Sequence[Grid]) -> torch.Tensor:
        """(1, L): one after the other."""
        return torch.arange(len(ids))[None]

    def shaped_positions(self, positions: torch.Tensor) -> torch.Tensor:
        """(B, S) is what the model takes."""
        return positions[0]

    def encoder_outputs(self, rows: Sequence[tuple[Kind, Features]]) -> dict[str, object]:
        """One tensor: pictures and frames have the same placeholder."""
        seen = torch.cat([features[0] for _, features in rows])
        return {"image": SimpleNamespace(pooler_output=seen[None])}

    @property
    def _cropped(self) -> bool:
        return bool(self._tiling(None)["crop_to_patches"])

    def _tiling(self, bounds: Bounds) -> dict[str, Any]:
        images = self._images
        options = {
            "crop_to_patches": images.crop_to_patches,
            "min_patches": images.min_patches,
            "max_patches": images.max_patches,
        } | dict(self._processor.images_kwargs)
        if bounds:
            most = max(1, bounds[1] // self._tile_pixels)
            options["max_patches"] = most
            options["min_patches"] = max(1, min(most, bounds[0] // self._tile_pixels))
        return options

    def _marked(self, sight: Sight) -> tuple[Piece, ...]:
        processor = self._processor
        return Special(processor.start_image_token), sight, Special(processor.end_image_token)

    def _image_tiles(self, sight: Sight) -> torch.Tensor:
        options = self._tiling(None)
        if self._cropped:
            options["min_patches"], options["max_patches"] = sight.size
        tiles: torch.Tensor = self._images(
            [np.array(sight.pictures[0].pixels)],  # a copy: torch warns of read-only arrays
            return_tensors="pt",
            **options,
        )["pixel_values"]
        return tiles

    def _frame_tile(self, sight: Sight) -> torch.Tensor:
        frame = torch.from_numpy(np.array(sight.pictures[0].pixels)).permute(2, 0, 1)[None]
        tile: torch.Tensor = self._videos([frame], do_sample_frames=False, return_tensors="pt")[
            "pixel_values_videos"
        ][0]
        return tile
