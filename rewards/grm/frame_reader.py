"""What a network's frozen parts make of frames and sentences, and pools of it to learn from."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kibble.rewards.errors import FrameError
from kibble.rewards.frames import resize_frames
from kibble.rewards.grm.model import GeneralRewardModel
from kibble.rewards.grm.network import FusionOutput, GrmNetwork
from kibble.rewards.types import Frames

__all__ = ["Drawn", "FrameReader", "ReadClip", "ReadingPool", "SeenFrames", "judge"]

_IMAGES_AT_ONCE = 64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeenFrames:
    """N frames as the image encoder sees them.

    Args:
        maps: (N, V, P, C) feature maps, zeros where a view is missing.
        present: (N, V) bool.
        embedding: (N, D) float32 policy embedding.
    """

    maps: Tensor
    present: Tensor
    embedding: Tensor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReadClip:
    """T frames as one sentence reads them, with what they are to be taught, if anything.

    Args:
        readings: (T, R) float32.
        summary: (text,) float32 of the sentence.
        progress: (T,) float32 target in [0, 1], or ``None``.
        success: (T,) float32 target in [0, 1], NaN where it is not known, or ``None``.
    """

    readings: Tensor
    summary: Tensor
    progress: NDArray[np.float32] | None = None
    success: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.readings)


@final
class FrameReader:
    """Image encoder, instruction encoder and reading head of a network, frozen.

    Args:
        network: The network; it is copied.
    """

    def __init__(self, network: GrmNetwork) -> None:
        # the model's own constructor knows which dtype the device computes natively
        model = GeneralRewardModel(copy.deepcopy(network), name="reader", version="reader")
        self._network = model.network
        self._dtype = next(self._network.encoder.parameters()).dtype

    @property
    def views(self) -> tuple[str, ...]:
        """Views that the network knows, in order of importance."""
        return self._network.config.views

    @torch.no_grad()
    def see(self, frames: Frames) -> SeenFrames:
        """Encode (N, H, W, 3) uint8 RGB frames per view.

        Raises:
            FrameError: If no view is one of the network's.
        """
        config = self._network.config
        views = [view for view in config.views if view in frames]
        if not views:
            raise FrameError(
                f"Frames must have a view that the reward model knows, one of "
                f"{', '.join(config.views)}, got {sorted(frames)}; give the data's views its "
                "names."
            )
        count = len(frames[views[0]])
        present = torch.zeros(count, len(config.views), dtype=torch.bool)
        maps: Tensor | None = None
        for view in views:
            number = config.views.index(view)
            present[:, number] = True
            images = resize_frames(frames[view], config.image_size)
            pixels = torch.from_numpy(images).permute(0, 3, 1, 2)
            parts = []
            for begin in range(0, count, _IMAGES_AT_ONCE):
                part = pixels[begin : begin + _IMAGES_AT_ONCE].to(self._dtype).div_(255.0)
                parts.append(self._network.encode(part, torch.full((len(part),), number)))
            seen = torch.cat(parts)  # (N, P, C)
            if maps is None:
                maps = seen.new_zeros(count, len(config.views), *seen.shape[1:])
            maps[:, number] = seen
        assert maps is not None
        return SeenFrames(maps=maps, present=present, embedding=self._network.embed(maps, present))

    @torch.no_grad()
    def read(self, seen: SeenFrames, sentences: Sequence[str]) -> list[ReadClip]:
        """Read frames with each of some sentences."""
        network = self._network
        queries, summary = network.instructions(network.tokenizer.batch(list(sentences)))
        count = len(seen.maps)
        readings, _ = network.read(
            seen.maps,
            seen.present,
            queries[None].expand(count, -1, -1, -1, -1),
            summary[None].expand(count, -1, -1),
        )
        return [
            ReadClip(readings=readings[:, g].clone(), summary=summary[g].clone())
            for g in range(len(sentences))
        ]


@torch.no_grad()
def judge(network: GrmNetwork, clip: ReadClip) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Progress (T,) in [0, 1] and success logit (T,) of a clip that begins at its start."""
    context = network.context(clip.summary, clip.readings[0], None)
    output = network.fuse(context, None, clip.readings)
    progress: NDArray[np.float32] = network.expected_hop(output.logits).clamp(0.0, 1.0).numpy()
    return progress, output.success.numpy()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawn:
    """B clips of T frames out of a pool.

    Args:
        readings: (B, T, R) float32.
        summary: (B, 1, text) float32.
        start: (B, 1, R) reading of the frame that is shown as the start.
        start_shown: (B, 1, 1) bool.
        goal: (B, 1, R) reading of the clip's last frame.
        goal_shown: (B, 1, 1) bool.
        before: (B, T) int64, the slot that each slot's hop starts from.
        progress: (B, T) float32, NaN in pools without targets.
        success: (B, T) float32, NaN where it is not known.
    """

    readings: Tensor
    summary: Tensor
    start: Tensor
    start_shown: Tensor
    goal: Tensor
    goal_shown: Tensor
    before: Tensor
    progress: Tensor
    success: Tensor

    def judged_by(self, network: GrmNetwork) -> tuple[FusionOutput, FusionOutput]:
        """Absolute readings and hops of every slot, each (B, T)."""
        at_start = torch.where(self.start_shown, network.fuse_start(self.start), network.absent[0])
        at_goal = torch.where(self.goal_shown, network.fuse_goal(self.goal), network.absent[1])
        context = network.fuse_text(self.summary) + at_start + at_goal
        earlier = self.readings.gather(1, self.before[..., None].expand_as(self.readings))
        return (
            network.fuse(context, None, self.readings),
            network.fuse(context, earlier, self.readings),
        )


@final
class ReadingPool:
    """Clips that were read once, to draw from again and again.

    Args:
        clips: One or more.
    """

    def __init__(self, clips: Sequence[ReadClip]) -> None:
        lengths = np.array([len(clip) for clip in clips])
        self._length = lengths
        self._begin = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        self._readings = torch.cat([clip.readings for clip in clips])
        self._summary = torch.stack([clip.summary for clip in clips])
        self._progress = torch.from_numpy(_targets([clip.progress for clip in clips], lengths))
        self._success = torch.from_numpy(_targets([clip.success for clip in clips], lengths))

    def draw(self, count: int, frames: int, rng: np.random.Generator) -> Drawn:
        """Draw clips, and of each some frames in any order: forwards, back, again, far apart."""
        chosen = rng.integers(len(self._length), size=count)
        length, begin = self._length[chosen, None], self._begin[chosen, None]
        place = (rng.random((count, frames)) * length).astype(np.int64)  # (B, T)
        place[:, 0] = 0
        late = rng.random((count, 1)) < 0.15  # a clip that was cut, or plays backwards
        start = np.where(late, (rng.random((count, 1)) * length).astype(np.int64), 0)
        before = rng.permuted(np.tile(np.arange(frames), (count, 1)), axis=1)
        rows = torch.from_numpy(begin + place)
        return Drawn(
            readings=self._readings[rows],
            summary=self._summary[torch.from_numpy(chosen)][:, None],
            start=self._readings[torch.from_numpy(begin + start)],
            start_shown=torch.from_numpy(rng.random((count, 1, 1)) < 0.85),
            goal=self._readings[torch.from_numpy(begin + length - 1)],
            goal_shown=torch.from_numpy(rng.random((count, 1, 1)) < 0.2),
            before=torch.from_numpy(before),
            progress=self._progress[rows],
            success=self._success[rows],
        )


def _targets(
    values: Sequence[NDArray[np.float32] | None], lengths: NDArray[np.int64]
) -> NDArray[np.float32]:
    rows = [
        np.full(length, np.nan, np.float32) if value is None else value.astype(np.float32)
        for value, length in zip(values, lengths, strict=True)
    ]
    return np.concatenate(rows)
