"""Random training batches: a few frames of a few clips, each clip with several instructions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kibble.rewards.grm.clips import Clip
from kibble.rewards.grm.instructions import Tokenizer

__all__ = ["Batch", "BatchSampler", "shifted"]

_NOISE_IMAGES = 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """B clips of T frames in V views, each with G instructions; slot 0 of T is the start.

    Args:
        images: (B T V, 3, H, W) in [0, 1], bfloat16 or float32, channels last in memory.
        present: (B T, V) bool, false where the view is taken away.
        numbers: (B G, L) int64 token numbers.
        progress: (B, T, G) float32 in [0, 1].
        success: (B, T, G) float32, 0 or 1.
        start: (B, G) bool, whether the fusion head is shown the start.
        goal: (B, G) int64, slot of a frame in which the goal is met, -1 for none.
        goal_shown: (B, G) bool, whether the fusion head is shown that frame as context.
        before: (B, T) int64, the slot that each slot's hop starts from.
        state: (B, T, S) float32 auxiliary targets, standardised, NaN where there is none.
        task: (B,) int64 number of the clip's task.
    """

    images: Tensor
    present: Tensor
    numbers: Tensor
    progress: Tensor
    success: Tensor
    start: Tensor
    goal: Tensor
    goal_shown: Tensor
    before: Tensor
    state: Tensor
    task: Tensor


def shifted(images: NDArray[np.uint8], rows: int, columns: int) -> NDArray[np.uint8]:
    """Shift (N, H, W, 3) images by whole pixels, repeating the border."""
    height, width = images.shape[1:3]
    down = np.clip(np.arange(height) - rows, 0, height - 1)
    right = np.clip(np.arange(width) - columns, 0, width - 1)
    return images[:, down][:, :, right]


@final
class BatchSampler:
    """Draws batches; the only source of randomness in training.

    Args:
        clips: Recorded clips.
        tokenizer: The network's tokenizer.
        views: The network's views.
        clips_per_batch: B.
        frames_per_clip: T, 3 at least.
        instructions_per_clip: G.
        seed: Seed of every draw.
        dtype: Dtype of the images.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        tokenizer: Tokenizer,
        *,
        views: Sequence[str],
        clips_per_batch: int,
        frames_per_clip: int,
        instructions_per_clip: int,
        seed: int,
        dtype: torch.dtype = torch.bfloat16,
    ) -> None:
        self.rng = np.random.default_rng(seed)
        self.tasks = tuple(sorted({clip.task for clip in clips}))
        self._clips, self._tokenizer, self._views = clips, tokenizer, tuple(views)
        self._shape = clips_per_batch, frames_per_clip, instructions_per_clip
        self._dtype = dtype
        self._by_task = [[i for i, clip in enumerate(clips) if clip.task == t] for t in self.tasks]
        self._state_size = max(clip.state.shape[1] for clip in clips)
        self._scales = [self._state_scale(members) for members in self._by_task]
        height, width = next(iter(clips[0].frames.values())).shape[1:3]
        noise = self.rng.standard_normal((_NOISE_IMAGES, height, width, 3))
        self._noise = torch.from_numpy(noise.astype(np.float32)).permute(0, 3, 1, 2).to(dtype)

    @property
    def state_size(self) -> int:
        """S, the width of the widest task's auxiliary targets."""
        return int(self._state_size)

    def draw(self) -> Batch:
        """Draw one batch; tasks come up equally often."""
        rng, (b, t, g) = self.rng, self._shape
        v = len(self._views)
        tasks = rng.integers(len(self.tasks), size=b)
        images: list[NDArray[np.uint8]] = []
        sentences: list[str] = []
        present = np.ones((b, t, v), np.bool_)
        progress, success = np.zeros((2, b, t, g), np.float32)
        goal = np.full((b, g), -1)
        before = np.zeros((b, t), np.int64)
        state = np.full((b, t, self._state_size), np.nan, np.float32)
        for i, task in enumerate(tasks):
            clip = self._clips[rng.choice(self._by_task[task])]
            slots = self._slots(clip, t)
            moved, absent = self._look(clip, slots)
            images.append(moved)
            present[i] = ~absent
            for j, index in enumerate(self._goals(clip, g)):
                sentences.append(self._phrase(clip.phrasings[index]))
                progress[i, :, j] = clip.progress[slots, index]
                success[i, :, j] = clip.success[slots, index]
                met = np.flatnonzero(clip.success[slots, index])
                if len(met):
                    goal[i, j] = rng.choice(met)
            before[i] = self._before(t)
            mean, scale = self._scales[task]
            state[i, :, : clip.state.shape[1]] = (clip.state[slots] - mean) / scale
        return Batch(
            images=self._colours(np.stack(images)),
            present=torch.from_numpy(present.reshape(b * t, v)),
            numbers=self._tokenizer.batch(sentences),
            progress=torch.from_numpy(progress),
            success=torch.from_numpy(success),
            start=torch.from_numpy(rng.random((b, g)) < 0.8),
            goal=torch.from_numpy(goal),
            goal_shown=torch.from_numpy(rng.random((b, g)) < 0.4),
            before=torch.from_numpy(before),
            state=torch.from_numpy(state),
            task=torch.from_numpy(tasks),
        )

    def _slots(self, clip: Clip, count: int) -> NDArray[np.int64]:
        """The start, mostly the first frame, frames anywhere, as many near those, one of success.

        Neighbours teach that little happens between frames that follow one another: an error that
        stays the same is harmless in shaping, one that flickers is not.
        """
        rng, last, pairs = self.rng, len(clip), (count - 2) // 2
        slots = rng.integers(last, size=count)
        apart = rng.integers(1, 3, size=pairs) * rng.choice([-1, 1], size=pairs)
        slots[1 + pairs : 1 + 2 * pairs] = np.clip(slots[1 : 1 + pairs] + apart, 0, last - 1)
        slots[0] = 0 if rng.random() < 0.85 else rng.integers(1 + last // 2)
        met = np.flatnonzero(clip.success.any(axis=1))
        if len(met) and rng.random() < 0.5:
            slots[-1] = rng.choice(met)
        return slots

    def _before(self, count: int) -> NDArray[np.int64]:
        """Where each slot's hop starts from: neighbours from each other, the others anywhere."""
        before, pairs = self.rng.permutation(count), (count - 2) // 2
        before[1 + pairs : 1 + 2 * pairs] = np.arange(1, 1 + pairs)
        return before

    def _goals(self, clip: Clip, count: int) -> list[int]:
        """The clip's own goal, then the others, mostly the one with the most movement first."""
        others = [g for g in range(len(clip.phrasings)) if g != clip.goal]
        order = [int(g) for g in self.rng.permutation(others)]
        if others and self.rng.random() < 0.5:
            order.sort(key=lambda g: -float(np.ptp(clip.progress[:, g])))
        chosen = [clip.goal, *order]
        return [chosen[i % len(chosen)] for i in range(count)]

    def _phrase(self, phrasings: Sequence[str]) -> str:
        """A phrasing in which a word now and then is a stranger."""
        rng = self.rng
        words = phrasings[int(rng.integers(len(phrasings)))].split()
        if rng.random() < 0.1:
            words.insert(int(rng.integers(len(words) + 1)), f"x{rng.integers(10**6)}")
        return " ".join(words)

    def _look(
        self, clip: Clip, slots: NDArray[np.int64]
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Frames (T, V, H, W, 3), mostly shifted a little, and views (V,) taken away."""
        rng, order = self.rng, np.argsort(slots)  # a memory map is read fastest in order
        moved = []
        for view in self._views:
            images = np.empty_like(clip.frames[view][: len(slots)])
            images[order] = clip.frames[view][slots[order]]
            rows, columns = rng.integers(-1, 2, size=2)
            moved.append(shifted(images, rows, columns) if rng.random() < 0.5 else images)
        absent = rng.random(len(self._views)) < 0.1
        absent[0] = False
        return np.stack(moved, axis=1), absent

    def _colours(self, images: NDArray[np.uint8]) -> Tensor:
        """Images in [0, 1] with brightness, tint and noise that leave colour names alone."""
        rng = self.rng
        b, t, v, height, width, _ = images.shape
        flat = torch.from_numpy(images.reshape(b * t * v, height, width, 3)).permute(0, 3, 1, 2)
        pixels = flat.to(self._dtype).div_(255.0)
        changed = rng.random((b, 1, v, 1)) < 0.6
        gain = 1.0 + changed * rng.normal(0.0, [0.06, 0.0, 0.0], (b, 1, v, 3))[..., :1]
        gain = gain + changed * rng.normal(0.0, 0.03, (b, 1, v, 3))
        offset = changed * rng.normal(0.0, 0.02, (b, 1, v, 1))
        amount = changed * rng.uniform(0.0, 0.03, (b, 1, v, 1)) * rng.choice([-1, 1], (b, t, v, 1))

        def each(values: NDArray[np.float64]) -> Tensor:
            whole = np.broadcast_to(values, (b, t, v, values.shape[-1])).reshape(b * t * v, -1)
            return torch.from_numpy(whole[:, :, None, None].copy()).to(self._dtype)

        noise = self._noise[rng.integers(_NOISE_IMAGES, size=b * t * v)]
        pixels.mul_(each(gain)).add_(each(offset)).addcmul_(noise, each(amount))
        return pixels.clamp_(0.0, 1.0)

    def _state_scale(
        self, members: Sequence[int]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        states = np.concatenate([self._clips[i].state for i in members[:200]])
        return states.mean(axis=0), states.std(axis=0) + np.float32(1e-3)
