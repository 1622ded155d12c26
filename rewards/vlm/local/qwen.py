"""Qwen2-VL, Qwen2.5-VL and Qwen3-VL: pictures at their own proportions, rotary positions in 3D."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, final

import numpy as np
import torch
import transformers
from transformers.image_processing_backends import TorchvisionBackend
from transformers.image_utils import SizeDict

from kibble.rewards.errors import FrameError
from kibble.rewards.vlm.local.family import Bounds, Features
from kibble.rewards.vlm.local.pieces import Grid, Kind, Piece, Placed, Sight, Special
from kibble.rewards.vlm.prompt import Clip, Picture

__all__ = ["Qwen"]


@final
class Qwen:
    """Frames are encoded in pairs; no frame's features depend on another pair's.

    Qwen3-VL reads a clip as ``<0.5 seconds>`` before each pair. Around the whole clip, the chat
    template of its weights leaves one more pair of vision marks since transformers 5, and vLLM
    and transformers 4, under which the published reward models were trained and run, do not:
    they are left out here.

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
        self._timestamps = model.config.model_type.startswith("qwen3")
        self._merged = self._images.merge_size**2
        self._together: int = self._videos.temporal_patch_size
        self._size = functools.lru_cache(maxsize=1024)(self._resized_to)

    def picture(self, picture: Picture, bounds: Bounds) -> Placed:
        """Place a picture; ``bounds`` replace those of the image processor."""
        patch = self._images.patch_size
        size = self._size(picture.pixels.shape[:2], 0, bounds)
        sight = self._sight("image", (picture,), size, patch)
        return Placed(pieces=(sight,), grids=(self._grid(sight, patch),))

    def clip(self, clip: Clip, bounds: Bounds) -> Placed:
        """Place a clip; ``bounds`` hold for each frame and replace the video processor's."""
        frames = list(clip.frames)
        frames += frames[-1:] * (-len(frames) % self._together)
        count = max(len(clip.frames), self._together)
        size = self._size(frames[0].pixels.shape[:2], count, bounds)
        patch = self._videos.patch_size
        timing = b"" if self._timestamps else str(clip.fps).encode()
        sights = [
            self._sight("video", tuple(frames[i : i + self._together]), size, patch, timing)
            for i in range(0, len(frames), self._together)
        ]
        grid = self._grid(sights[0], patch)
        if not self._timestamps:
            _, high, wide = grid.thw
            seconds = self._together / clip.fps
            whole = Grid(kind="video", thw=(len(sights), high, wide), seconds=seconds)
            return Placed(pieces=tuple(sights), grids=(whole,))
        moments = self._processor._calculate_timestamps(
            list(range(len(clip.frames))), clip.fps, self._together
        )
        start, end = self._processor.vision_start_token, self._processor.vision_end_token
        pieces: list[Piece] = []
        for moment, sight in zip(moments, sights, strict=True):
            pieces += [f"<{moment:.1f} seconds>", Special(start), sight, Special(end)]
        return Placed(pieces=tuple(pieces), grids=(grid,) * len(sights))

    def clip_wrapper(self) -> tuple[str, str] | None:
        """The outer vision marks of Qwen3-VL's template."""
        if not self._timestamps:
            return None
        return self._processor.vision_start_token, self._processor.vision_end_token

    def encode(self, sights: Sequence[Sight]) -> list[Features]:
        """Encode sights of one kind, packed into one sequence of patches."""
        core, device = self._model.model, self._model.device
        if sights[0].kind == "image":
            values, grids = self._image_patches(sights)
            seen = core.get_image_features(values.to(device), grids.to(device), return_dict=True)
        else:
            values, grids = self._video_patches(sights)
            seen = core.get_video_features(values.to(device), grids.to(device), return_dict=True)
        deep = getattr(seen, "deepstack_features", None) or []
        return [
            (main.clone(), *(layer[i].clone() for layer in deep))
            for i, main in enumerate(seen.pooler_output)
        ]

    def positions(self, ids: torch.Tensor, grids: Sequence[Grid]) -> torch.Tensor:
        """(3, L): time, height and width, by the model's own rule."""
        if not grids:
            return torch.arange(len(ids)).expand(3, -1)
        config = self._model.config
        kinds = (ids == config.image_token_id) + 2 * (ids == config.video_token_id)

        def of(kind: str) -> torch.Tensor | None:
            rows = [grid.thw for grid in grids if grid.kind == kind]
            return torch.tensor(rows) if rows else None

        positions, _ = self._model.model.get_rope_index(
            ids[None],
            mm_token_type_ids=kinds.int()[None],
            image_grid_thw=of("image"),
            video_grid_thw=of("video"),
            second_per_grid_ts=[grid.seconds for grid in grids if grid.kind == "video"],
        )
        whole: torch.Tensor = positions[:, 0]
        return whole

    def shaped_positions(self, positions: torch.Tensor) -> torch.Tensor:
        """(3, B, S) is what the model takes."""
        return positions

    def encoder_outputs(self, rows: Sequence[tuple[Kind, Features]]) -> dict[str, object]:
        """Lists of embeddings, and of deep features for each layer."""
        outputs: dict[str, object] = {}
        for kind in {kind for kind, _ in rows}:
            seen = [features for of, features in rows if of == kind]
            outputs[kind] = SimpleNamespace(
                pooler_output=[features[0] for features in seen],
                deepstack_features=[
                    [features[layer] for features in seen] for layer in range(1, len(seen[0]))
                ],
            )
        return outputs

    def _resized_to(self, shape: tuple[int, int], frames: int, bounds: Bounds) -> tuple[int, int]:
        """Ask the model's processor for the size of a picture or, given their number, of frames.

        Without bounds the size of frames may depend on how many there are.

        Raises:
            FrameError: If the processor takes no picture of that shape.
        """
        videos, images = self._videos, self._images
        seer = videos if frames else images
        factor = seer.patch_size * seer.merge_size
        # on the device "meta" a tensor has a shape and nothing else
        blank = torch.empty((1, 3, *shape), dtype=torch.uint8, device="meta")
        try:
            if bounds or not frames:
                given = (
                    SizeDict(shortest_edge=bounds[0], longest_edge=bounds[1]) if bounds else None
                )
                found = images.resize(blank, given or images.size, seer.resample, factor)
            else:
                found = videos.resize(
                    blank[:, None].expand(1, frames, -1, -1, -1),
                    videos.size,
                    videos.resample,
                    factor=factor,
                    temporal_factor=self._together,
                    cap_pixels_per_frame=bool(videos.cap_pixels_per_frame),
                )
        except ValueError as error:
            raise FrameError(
                f"A picture must have a shape that the model's processor takes, got {shape} "
                f"(height, width): {error}."
            ) from error
        return int(found.shape[-2]), int(found.shape[-1])

    def _sight(
        self,
        kind: Kind,
        pictures: tuple[Picture, ...],
        size: tuple[int, int],
        patch: int,
        timing: bytes = b"",
    ) -> Sight:
        height, width = size
        content = hashlib.blake2b(f"{kind} {height} {width}".encode(), digest_size=16)
        for picture in pictures:
            content.update(picture.key)
        tokens = (height // patch) * (width // patch) // self._merged
        return Sight(
            key=content.digest(),
            kind=kind,
            tokens=tokens,
            pictures=pictures,
            size=size,
            timing=timing,
        )

    @staticmethod
    def _grid(sight: Sight, patch: int) -> Grid:
        height, width = sight.size
        return Grid(kind=sight.kind, thw=(1, height // patch, width // patch))

    def _image_patches(self, sights: Sequence[Sight]) -> tuple[torch.Tensor, torch.Tensor]:
        resized = [self._resized(self._images, sight) for sight in sights]
        out = self._images([frames[0] for frames in resized], do_resize=False, return_tensors="pt")
        return out["pixel_values"], out["image_grid_thw"]

    def _video_patches(self, sights: Sequence[Sight]) -> tuple[torch.Tensor, torch.Tensor]:
        out = self._videos(
            [self._resized(self._videos, sight) for sight in sights],
            do_resize=False,
            do_sample_frames=False,
            cap_pixels_per_frame=False,
            return_tensors="pt",
        )
        return out["pixel_values_videos"], out["video_grid_thw"]

    @staticmethod
    def _resized(processor: Any, sight: Sight) -> torch.Tensor:
        """(N, 3, H, W) uint8 at the size of the sight, by the processor's own filter."""
        pixels = np.stack([picture.pixels for picture in sight.pictures])
        frames = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()
        resized: torch.Tensor = TorchvisionBackend.resize(
            processor,
            image=frames,
            size=SizeDict(height=sight.size[0], width=sight.size[1]),
            resample=processor.resample,
        )
        return resized
