"""Random training batches: a few frames of a few clips, each clip with several instructions."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kibble.rewards.grm.augmentation import Tint, shifted, spoiled
from kibble.rewards.grm.clips import Clip
from kibble.rewards.grm.counterfactual import CounterfactualInstructions
from kibble.rewards.grm.instructions import Tokenizer
from kibble.rewards.grm.readings import hop

__all__ = ["Batch", "BatchSampler"]

_COUNTERFACTUAL = 0.5  # share of the last instructions
_BALANCED, _NEIGHBOUR = 1, 2  # slots of a frame chosen by progress, and of one next to it
_ALL_SPOILED, _VIEW_SPOILED, _VIEW_MISSING = 0.03, 0.06, 0.1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """B clips of T frames in V views, each with G instructions; slot 0 of T is the start.

    Args:
        images: (B T V, 3, H, W) in [0, 1], bfloat16 or float32, channels last in memory.
        present: (B T, V) bool, false where the view is taken away.
        sentences: B G instructions.
        numbers: (B G, L) int64, their token numbers.
        progress: (B, T, G) float32 in [0, 1]; 0 where ``known`` or ``legible`` is false.
        success: (B, T, G) float32, 0 or 1; 0 likewise.
        known: (B, G) bool, false where the instruction names what the scene does not hold.
        legible: (B, T) bool, false where every view is spoiled.
        start: (B, G) bool, whether the fusion head is shown the start.
        goal: (B, G) int64, slot of a frame in which the goal is met, -1 for none.
        goal_shown: (B, G) bool, whether the fusion head is shown that frame as context.
        before: (B, T) int64, the slot that each slot's hop starts from.
        near: (B, T) bool, whether that slot is a neighbour in time.
        state: (B, T, S) float32 auxiliary targets, standardised, NaN where there is none.
        task: (B,) int64 number of the clip's task.
    """

    images: Tensor
    present: Tensor
    sentences: tuple[str, ...]
    numbers: Tensor
    progress: Tensor
    success: Tensor
    known: Tensor
    legible: Tensor
    start: Tensor
    goal: Tensor
    goal_shown: Tensor
    before: Tensor
    near: Tensor
    state: Tensor
    task: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        if device.type == "cpu":
            return self
        moved = {
            field.name: getattr(self, field.name).to(device, non_blocking=True)
            for field in dataclasses.fields(self)
            if field.name != "sentences"
        }
        return dataclasses.replace(self, **moved)


@final
class BatchSampler:
    """Draws batches; the only source of randomness in training.

    One frame of each clip is drawn evenly by progress, and the frame that a hop starts from by hop
    and by gap: one hop leads from a neighbour, the others aim at a hop drawn evenly from [-1, 1].

    Args:
        clips: Recorded clips.
        tokenizer: The network's tokenizer.
        views: The network's views.
        clips_per_batch: B.
        frames_per_clip: T, 3 at least.
        instructions_per_clip: G; the last of several is often one that the scene cannot follow.
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
        self._by_task = [[i for i, clip in enumerate(clips) if clip.task == t] for t in self.tasks]
        self._state_size = max(clip.state.shape[1] for clip in clips)
        self._scales = [self._state_scale(members) for members in self._by_task]
        height, width = next(iter(clips[0].frames.values())).shape[1:3]
        self._tint = Tint(height, width, dtype=dtype, rng=self.rng)
        self._counterfactual = CounterfactualInstructions(clips, self.rng)

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
        known, legible = np.ones((b, g), np.bool_), np.ones((b, t), np.bool_)
        progress, success = np.zeros((2, b, t, g), np.float32)
        goal = np.full((b, g), -1)
        before, near = np.zeros((b, t), np.int64), np.zeros((b, t), np.bool_)
        state = np.full((b, t, self._state_size), np.nan, np.float32)
        for i, task in enumerate(tasks):
            clip = self._clips[rng.choice(self._by_task[task])]
            slots = self._slots(clip, t)
            moved, absent, legible[i] = self._look(clip, slots)
            images.append(moved)
            present[i] = ~absent
            for j, index in enumerate(self._goals(clip, g)):
                known[i, j] = index is not None
                if index is None:
                    sentences.append(self._counterfactual.draw(clip))
                    continue
                sentences.append(self._phrase(clip.phrasings[index]))
                progress[i, :, j] = clip.progress[slots, index] * legible[i]
                success[i, :, j] = clip.success[slots, index] & legible[i]
                met = np.flatnonzero(success[i, :, j])
                if len(met):
                    goal[i, j] = rng.choice(met)
            before[i], near[i] = self._before(clip.progress[slots, clip.goal])
            mean, scale = self._scales[task]
            state[i, :, : clip.state.shape[1]] = (clip.state[slots] - mean) / scale
            state[i, ~legible[i]] = np.nan
        return Batch(
            images=self._tint(np.stack(images)),
            present=torch.from_numpy(present.reshape(b * t, v)),
            sentences=tuple(sentences),
            numbers=self._tokenizer.batch(sentences),
            progress=torch.from_numpy(progress),
            success=torch.from_numpy(success),
            known=torch.from_numpy(known),
            legible=torch.from_numpy(legible),
            start=torch.from_numpy(rng.random((b, g)) < 0.8),
            goal=torch.from_numpy(goal),
            goal_shown=torch.from_numpy(rng.random((b, g)) < 0.4),
            before=torch.from_numpy(before),
            near=torch.from_numpy(near),
            state=torch.from_numpy(state),
            task=torch.from_numpy(tasks),
        )

    def _slots(self, clip: Clip, count: int) -> NDArray[np.int64]:
        """The start, mostly the first frame, frames anywhere, one near another, one of success.

        One of the frames is chosen by progress rather than by time, so that what clips pass
        through quickly is seen too. Its neighbour teaches that little happens between frames that
        follow one another: an error that stays the same is harmless in shaping, one that flickers
        is not. A start that is not the first frame is a clip whose beginning was cut off.
        """
        rng, last = self.rng, len(clip)
        slots = rng.integers(last, size=count)
        slots[_BALANCED] = np.abs(clip.progress[:, clip.goal] - rng.random()).argmin()
        if count > _NEIGHBOUR + 1:
            apart = rng.integers(1, 3) * rng.choice([-1, 1])
            slots[_NEIGHBOUR] = np.clip(slots[_BALANCED] + apart, 0, last - 1)
        slots[0] = 0 if rng.random() < 0.85 else rng.integers(1 + last // 2)
        met = np.flatnonzero(clip.success.any(axis=1))
        if len(met) and rng.random() < 0.5:
            slots[-1] = rng.choice(met)
        return slots

    def _before(
        self, progress: NDArray[np.float32]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Where each slot's hop starts from, and whether that is a neighbour in time."""
        count = len(progress)
        hops = hop(progress[:, None], progress[None, :])  # (T before, T after)
        wanted = self.rng.uniform(-1.0, 1.0, size=count)
        away = np.abs(hops - wanted) + 0.05 * self.rng.random((count, count))
        np.fill_diagonal(away, np.inf)
        before = away.argmin(axis=0)
        near = np.zeros(count, np.bool_)
        if count > _NEIGHBOUR + 1:  # the last slot may have been given to a success
            near[_NEIGHBOUR], before[_NEIGHBOUR] = True, _BALANCED
        return before, near

    def _goals(self, clip: Clip, count: int) -> list[int | None]:
        """The clip's own goal, then the others, mostly the one with the most movement first.

        ``None`` stands for an instruction that the scene cannot follow.
        """
        others = [g for g in range(len(clip.phrasings)) if g != clip.goal]
        order = [int(g) for g in self.rng.permutation(others)]
        if others and self.rng.random() < 0.5:
            order.sort(key=lambda g: -float(np.ptp(clip.progress[:, g])))
        possible = [clip.goal, *order]
        chosen: list[int | None] = [possible[i % len(possible)] for i in range(count)]
        if count > 1 and self.rng.random() < _COUNTERFACTUAL:
            chosen[-1] = None
        return chosen

    def _phrase(self, phrasings: Sequence[str]) -> str:
        """A phrasing in which a word now and then is a stranger."""
        rng = self.rng
        words = phrasings[int(rng.integers(len(phrasings)))].split()
        if rng.random() < 0.2:
            words.insert(int(rng.integers(len(words) + 1)), f"x{rng.integers(10**6)}")
        return " ".join(words)

    def _look(
        self, clip: Clip, slots: NDArray[np.int64]
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.bool_]]:
        """Frames (T, V, H, W, 3), views (V,) taken away, and which frames (T,) are legible.

        Most frames are shifted a little. Now and then a view is spoiled from start to end, and
        now and then every view of a frame is.
        """
        rng, order = self.rng, np.argsort(slots)  # a memory map is read fastest in order
        absent = rng.random(len(self._views)) < _VIEW_MISSING
        absent[0] = False
        broken = rng.random(len(self._views)) < _VIEW_SPOILED
        broken[0] &= not (broken | absent)[1:].any() and len(self._views) > 1
        moved = []
        for view, dead in zip(self._views, broken, strict=True):
            images = np.empty_like(clip.frames[view][: len(slots)])
            images[order] = clip.frames[view][slots[order]]
            if dead:
                images = spoiled(images.shape, rng)
            rows, columns = rng.integers(-1, 2, size=2)
            moved.append(shifted(images, rows, columns) if rng.random() < 0.5 else images)
        frames = np.stack(moved, axis=1)
        legible = rng.random(len(slots)) >= _ALL_SPOILED
        legible[0] = True
        for slot in np.flatnonzero(~legible):
            frames[slot] = spoiled(frames.shape[1:], rng)
        return frames, absent, legible

    def _state_scale(
        self, members: Sequence[int]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        states = np.concatenate([self._clips[i].state for i in members[:200]])
        return states.mean(axis=0), states.std(axis=0) + np.float32(1e-3)
