"""Batches to train the keypoint network on."""

from __future__ import annotations

from typing import NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kibble.agents.keypoint_training.samples import Samples
from kibble.agents.keypoint_training.shards import ABSENT
from kibble.agents.keypoint_training.warping import draw_warps, warp_pictures, warp_pixels
from kibble.envs.tabletop.palette import PALETTE
from kibble.rewards.grm.augmentation import Tint
from kibble.rewards.grm.instructions import Tokenizer

__all__ = ["UNKNOWN_PLAN", "Batch", "BatchSampler"]

UNKNOWN_PLAN = -1
"""Stands for the plan of a sentence without sense."""
_MIRRORED_VIEWS = ("front", "top")  # the workspace is symmetrical, as they see it
_TURNED_VIEWS = ("top",)  # looks straight down: a slight tilt turns its picture far
_UNNAMED = 0.25  # share of sentences that name what is not there, where there are some
_RECOLOURED = 0.45  # share of them that fit other scenes of the task: a colour is wrong
_MISNAMED = 0.35  # share of them that fit scenes of other tasks in these colours: a thing is wrong
_STACKING = "stack"
_SENSELESS = 0.04  # share of sentences that are random words
_STRANGE = 0.15  # share of sentences with a word that nobody knows


class Batch(NamedTuple):
    """B pictures, N samples.

    Args:
        pictures: (B, 3, H, W) in [0, 1], channels last in memory.
        rows: (N,) int64, the picture of each sample.
        numbers: (N, L) int64, its sentence.
        pixels: (N, R, 2) float32, NaN where absent.
        states: (N, R) int64: absent from the picture, hidden, in sight.
        plans: (N,) int64, or ``UNKNOWN_PLAN``.
    """

    pictures: Tensor
    rows: Tensor
    numbers: Tensor
    pixels: Tensor
    states: Tensor
    plans: Tensor

    def to(self, device: torch.device) -> Batch:
        """The batch on a device."""
        return Batch(*(tensor.to(device) for tensor in self))


@final
class BatchSampler:
    """Draws frames, each task as often, warps and tints them, and asks for things in them.

    Args:
        samples: What to draw from.
        tokenizer: The network's.
        pictures: Pictures per batch.
        sentences: Sentences about each of them.
        dtype: Dtype of the pictures.
        seed: Seed of every draw.
    """

    def __init__(
        self,
        samples: Samples,
        tokenizer: Tokenizer,
        *,
        pictures: int,
        sentences: int,
        dtype: torch.dtype,
        seed: int,
    ) -> None:
        self.rng = np.random.default_rng(seed)
        self._samples, self._tokenizer = samples, tokenizer
        self._pictures, self._sentences = pictures, sentences
        self._size: tuple[int, int] = samples.frames.shape[1:3]
        self._dtype = dtype
        self._tint = Tint(*self._size, dtype=torch.float32, rng=self.rng)
        self._of_task = [
            np.flatnonzero(samples.scenes == number) for number in range(len(samples.tasks))
        ]
        self._meant = np.zeros(len(samples.sentences), np.int64)  # the plan of each sentence
        self._meant[samples.phrasings] = samples.plans[:, None]
        self._colours = np.array([_colours(text) for text in samples.sentences])
        self._encoded = [tokenizer.encode(sentence) for sentence in samples.sentences]

    def draw(self) -> Batch:
        """Draw a batch."""
        samples, rng = self._samples, self.rng
        tasks = rng.integers(len(self._of_task), size=self._pictures)
        frames = np.array([rng.choice(self._of_task[task]) for task in tasks])
        pictures = self._tint(samples.frames[frames][:, None, None])
        mirrored = np.isin(samples.views[frames], _MIRRORED_VIEWS)
        turned = np.isin(samples.views[frames], _TURNED_VIEWS)
        warps = draw_warps(mirrored, turned, self._size, rng)
        pictures = warp_pictures(pictures, warps).to(self._dtype)
        chosen = np.concatenate([self._choose(frame) for frame in frames])
        rows = np.repeat(np.arange(len(frames)), self._sentences)
        pixels = warp_pixels(samples.pixels[chosen], warps[rows])
        states = samples.visibility[chosen].astype(np.int64)
        height, width = self._size
        inside = ((pixels >= 0) & (pixels < (width, height))).all(axis=-1)  # NaN compares false
        states[~inside] = ABSENT
        asked = [
            self._ask(int(sample), frames[row]) for sample, row in zip(chosen, rows, strict=True)
        ]
        plans = np.array([plan for _, plan in asked])
        states[plans == UNKNOWN_PLAN, 1:] = ABSENT  # the hand is there whatever is said
        numbers = [words for words, _ in asked]
        padded = torch.nn.utils.rnn.pad_sequence(numbers, batch_first=True)
        return Batch(
            pictures=pictures.contiguous(memory_format=torch.channels_last),
            rows=torch.from_numpy(rows),
            numbers=padded,
            pixels=torch.from_numpy(pixels),
            states=torch.from_numpy(states),
            plans=torch.from_numpy(plans),
        )

    def _choose(self, frame: int) -> NDArray[np.int64]:
        """Samples of a frame: mostly of what is there, each as rarely twice as may be."""
        low, high = self._samples.first[frame : frame + 2]
        of_frame = np.arange(low, high)
        named = of_frame[self._samples.named[low:high]]
        unnamed = of_frame[~self._samples.named[low:high]]
        without = int(self.rng.binomial(self._sentences, _UNNAMED)) if len(unnamed) else 0
        without = without if len(named) else self._sentences
        parts = []
        for pool, count in ((named, self._sentences - without), (unnamed, without)):
            turns = [self.rng.permutation(pool) for _ in range(-(-count // max(len(pool), 1)))]
            parts.append(np.concatenate([pool[:0], *turns])[:count])
        return np.concatenate(parts)

    def _ask(self, sample: int, frame: int) -> tuple[Tensor, int]:
        """Numbers of a sentence that asks for a sample's question, and the plan that it means."""
        rng, tokenizer, samples = self.rng, self._tokenizer, self._samples
        if rng.random() < _SENSELESS:
            length = int(rng.integers(1, tokenizer.max_tokens // 2))
            return torch.from_numpy(rng.integers(1, tokenizer.size, size=length)), UNKNOWN_PLAN
        sentence, plan = int(rng.choice(samples.phrasings[sample])), int(samples.plans[sample])
        others = np.empty(0, np.int64) if samples.named[sample] else self._not_there(frame)
        if len(others):
            sentence = int(rng.choice(others))
            plan = int(self._meant[sentence])
        numbers = list(self._encoded[sentence])
        if rng.random() < _STRANGE and len(numbers) < tokenizer.max_tokens:
            strange = int(rng.integers(tokenizer.size - tokenizer.hash_buckets, tokenizer.size))
            numbers.insert(int(rng.integers(len(numbers) + 1)), strange)
        return torch.tensor(numbers), plan

    def _not_there(self, frame: int) -> NDArray[np.int64]:
        """Sentences that differ from true ones in a colour or in a thing; none now and then."""
        samples = self._samples
        of_frame = slice(*samples.first[frame : frame + 2])
        named = samples.named[of_frame]
        there = np.unique(samples.phrasings[of_frame][named])
        same_task = np.isin(self._meant, samples.plans[of_frame][named])
        draw = self.rng.random()
        if draw < _RECOLOURED:
            fits = same_task
            fits[there] = False
        elif draw < _RECOLOURED + _MISNAMED:
            shown = np.bitwise_or.reduce(self._colours[there], initial=0)
            fits = ~same_task & ((self._colours & ~shown) == 0)
            if _STACKING in samples.ways:  # two coloured cubes can be stacked in any scene
                fits &= self._meant != samples.ways.index(_STACKING)
        else:
            return np.empty(0, np.int64)
        return np.flatnonzero(fits)


def _colours(sentence: str) -> int:
    """The colours that a sentence names, a bit each."""
    words = Tokenizer.words(sentence)
    return sum(1 << bit for bit, name in enumerate(PALETTE) if name in words)
