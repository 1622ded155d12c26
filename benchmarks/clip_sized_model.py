"""A reward model with an image encoder of the size of CLIP ViT-B/32, and random weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kibble.rewards import Episode, Estimate, Frames, ModelSpec, Task
from kibble.rewards.frame_keys import FrameKey, frame_keys
from kibble.rewards.frames import resize_frames

__all__ = ["ClipSizedModel", "VitB32"]

WIDTH, LAYERS, HEADS, PATCH, SIDE, EMBEDDING = 768, 12, 12, 32, 224, 512


class VitB32(nn.Module):
    """The image tower of CLIP ViT-B/32: 12 pre-norm layers of width 768 over 49 patches.

    Source: Radford et al. 2021, "Learning Transferable Visual Models From Natural Language
    Supervision", table 20. GELU stands in for CLIP's sigmoid form of it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, WIDTH, PATCH, PATCH, bias=False)
        self.first = nn.Parameter(torch.randn(1, 1, WIDTH) * WIDTH**-0.5)
        self.places = nn.Parameter(torch.randn(1, (SIDE // PATCH) ** 2 + 1, WIDTH) * WIDTH**-0.5)
        self.before = nn.LayerNorm(WIDTH)
        layer = nn.TransformerEncoderLayer(
            WIDTH, HEADS, 4 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)
        self.after = nn.LayerNorm(WIDTH)
        self.project = nn.Linear(WIDTH, EMBEDDING, bias=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, 3, 224, 224) to embeddings (N, 512) of length 1."""
        patches = self.patches(pixels).flatten(2).transpose(1, 2)  # (N, 49, 768)
        tokens = torch.cat([self.first.expand(len(patches), -1, -1), patches], dim=1)
        seen = self.layers(self.before(tokens + self.places))
        return nn.functional.normalize(self.project(self.after(seen[:, 0])).float(), dim=-1)


class ClipSizedModel:
    """Progress is how far an embedding has come from the start's, mixed with the frame before.

    What it reads means nothing; what it costs is what a CLIP reward costs. It depends on start and
    history, so a wrong order of frames or a missed episode boundary would show in the rewards.

    Args:
        dtype: Of the encoder.

    Attributes:
        alone: Whether every frame is encoded in a call of its own, as when each environment has a
            wrapper and a call of the model to itself.
        asked: Images that were to be encoded, by calls and ahead.
        encoded: Images that were.
    """

    def __init__(self, dtype: torch.dtype) -> None:
        torch.manual_seed(0)
        self.encoder = VitB32().to(dtype).eval().requires_grad_(False)
        self.dtype = dtype
        self.alone = False
        self.asked = self.encoded = 0
        self._ahead: dict[FrameKey, Tensor] = {}
        self._spec = ModelSpec(
            name="clip_sized",
            version="random",
            views=("front",),
            required_views=("front",),
            image_size=(SIDE, SIDE),
        )

    @property
    def spec(self) -> ModelSpec:
        """One view of 224 by 224 pixels."""
        return self._spec

    def prefetch(self, frames: Frames) -> None:
        """Encode N frames in one batch, equal ones once."""
        if self.alone:
            return
        frames = {"front": resize_frames(frames["front"], self.spec.image_size)}
        places = {key: i for i, key in enumerate(frame_keys(frames))}
        self.asked += len(frames["front"])
        known = {key: self._ahead[key] for key in places if key in self._ahead}
        new = [key for key in places if key not in known]
        self._ahead = known
        if new:
            rows = self._encode(frames["front"][[places[key] for key in new]])
            self._ahead |= dict(zip(new, rows, strict=True))

    def forget(self) -> None:
        """Forget what is encoded, and begin to count anew."""
        self.asked = self.encoded = 0
        self._ahead = {}

    def begin(self, task: Task, start_frames: Frames) -> Episode:
        """Open an episode."""
        start = self._embed(start_frames)[0]
        return Episode(task=task, progress=0.5, memory={"start": start})

    def estimate(self, episodes: Sequence[Episode], frames: Frames) -> Estimate:
        """Read N frames."""
        seen = self._embed(frames)  # (N, 512)
        starts = torch.stack([_tensor(episode.memory["start"]) for episode in episodes])
        apart = (seen - starts).norm(dim=1).double().numpy()  # (N,)
        before = np.array([episode.progress for episode in episodes])
        progress = 0.5 * before + 0.5 * apart / (apart + 0.1)
        for episode, value in zip(episodes, progress.tolist(), strict=True):
            episode.progress = value
            episode.steps += 1
        values: NDArray[np.float32] = progress.astype(np.float32)
        return Estimate(
            progress=values,
            success=values,
            confidence=np.ones_like(values),
            status=np.zeros(len(values), np.int8),
        )

    def _embed(self, frames: Frames) -> Tensor:
        if self._ahead:
            ahead = [self._ahead.get(key) for key in frame_keys(frames)]
            found = [row for row in ahead if row is not None]
            if len(found) == len(ahead):
                return torch.stack(found)
        images = frames["front"]
        self.asked += len(images)
        if self.alone:
            return torch.cat([self._encode(images[i : i + 1]) for i in range(len(images))])
        return self._encode(images)

    @torch.inference_mode()
    def _encode(self, images: NDArray[np.uint8]) -> Tensor:
        self.encoded += len(images)
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2).to(self.dtype).div_(127.5).sub_(1.0)
        embedding: Tensor = self.encoder(pixels)
        return embedding


def _tensor(value: object) -> Tensor:
    assert isinstance(value, Tensor)
    return value
