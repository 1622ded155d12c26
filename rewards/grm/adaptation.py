"""Teach a network a task that it has never seen, from one demonstration, and forget nothing.

The image encoder, the instruction encoder and the reading head stay as they are; new words get
rows of their own, and the fusion head learns to answer the new sentence. It learns from

- **the demonstration** in many looks, labelled by its own stages (no oracle, no labeller);
- **counterfactuals**: the same frames under a sentence that asks for something else;
- **order**: frames come forwards, backwards, shuffled, repeated and cut, and every hop between two
  of them is taught with its sign;
- **an analogy**, where there is one: a known sentence whose reading runs along the demonstration
  says how far the new task has come in scenes that the demonstration does not show
  (:mod:`kibble.rewards.grm.analogy`);
- **its own past**: on other scenes and under known sentences it keeps answering as before.

A demonstration is taken to end in success. Success is calibrated on copies that training did not
see, and scale and bias are folded into the last layer.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own documentation uses)
from numpy.typing import NDArray
from torch import Tensor, nn

from kibble.rewards.calibration import fit_scale_and_bias
from kibble.rewards.errors import CheckpointError, ConfigError
from kibble.rewards.grm.adaptation_pools import Pools, gather_pools, known_sentences
from kibble.rewards.grm.demonstration import Demonstration, Labels
from kibble.rewards.grm.frame_reader import Drawn, FrameReader, ReadClip, ReadingPool, judge
from kibble.rewards.grm.network import FusionOutput, GrmNetwork
from kibble.rewards.grm.objective import hop_target, two_hot
from kibble.rewards.grm.recolouring import COLOURS, colour_words, swap_words
from kibble.rewards.grm.replay import Replay
from kibble.rewards.grm.vocabulary import grow_vocabulary, set_apart

__all__ = ["AdaptationSettings", "Adapted", "adapt"]

_FRAMES = 8  # of each clip and step
_WARM_UP = 20
_MOST_MOVED = 0.01  # mean change of known probabilities that calibration may cause
_CLIPS = {"demonstration": 8, "counterfactual": 4, "analogy": 18, "contrast": 12, "kept": 24}
_WEIGHTS = {"demonstration": 1.0, "counterfactual": 0.5, "analogy": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptationSettings:
    """How a network is adapted.

    Args:
        steps: Optimiser steps.
        copies: Copies of each demonstration to learn from; a sixth more is kept for calibration.
        learning_rate: Peak learning rate; warmed up, then a half cosine.
        recolour: Whether copies may change colours, in pictures and sentences together.
        mirror: Whether copies may exchange left and right, unless a sentence speaks of sides.
        analogy: Whether to look for a known sentence that runs along the demonstration.
        seed: Seed of every draw.
    """

    steps: int = 400
    copies: int = 48
    learning_rate: float = 1e-3
    recolour: bool = True
    mirror: bool = False
    analogy: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "copies"):
            if getattr(self, name) < 1:
                raise ConfigError(f"`{name}` must be 1 or more, got {getattr(self, name)}.")
        if not 0.0 < self.learning_rate < 1.0:
            raise ConfigError(
                f"`learning_rate` must lie in (0, 1), got {self.learning_rate}; try 1e-3."
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Adapted:
    """A network that knows one task more, and how it came about.

    Args:
        network: The adapted network, to be saved or run like any other.
        labels: What each demonstration was taken to show.
        before: The old network's progress on each demonstration, (T,) float32.
        after: The new network's.
        success: The new network's probability of success on each, (T,) float32.
        new_words: Words that got rows of their own.
        gap: How far the new sentences sound from any known one, see :func:`set_apart`; 0 where
            no word is new.
        analogy: The known sentence that was used, or ``None``.
        scale: Calibration: what the success logit was multiplied by.
        bias: Calibration: what was added to it.
        error: Mean absolute error of progress against the labels on unseen copies.
        drift: Mean absolute change of progress under known sentences on scenes kept apart, or NaN.
        success_drift: The same of the probability of success.
    """

    network: GrmNetwork
    labels: tuple[Labels, ...]
    before: tuple[NDArray[np.float32], ...]
    after: tuple[NDArray[np.float32], ...]
    success: tuple[NDArray[np.float32], ...]
    new_words: tuple[str, ...]
    gap: float
    analogy: str | None
    scale: float
    bias: float
    error: float
    drift: float
    success_drift: float


def adapt(
    network: GrmNetwork,
    demonstrations: Sequence[Demonstration],
    *,
    replay: Sequence[Replay] = (),
    settings: AdaptationSettings | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> Adapted:
    """Adapt a network to the task of one or several demonstrations.

    Args:
        network: A trained network, not folded for inference; it is left alone.
        demonstrations: One or more, each ending in success.
        replay: Other scenes with the sentences that fit them, without labels: what the network
            says of them now is what it will go on saying.
        settings: How it is adapted.
        on_step: Called with the steps taken and wanted, reading the frames included.

    Returns:
        The adapted network and the report.

    Raises:
        ConfigError: If there is no demonstration.
        FrameError: If a demonstration has no known view or shows nothing.
        CheckpointError: If the loss is not finite.
    """
    settings = AdaptationSettings() if settings is None else settings
    if not demonstrations:
        raise ConfigError("`demonstrations` must hold one or more, got none.")
    size = network.config.image_size
    demonstrations = [demonstration.fitted(size) for demonstration in demonstrations]
    rng = np.random.default_rng(settings.seed)
    sentences = [text for one in demonstrations for text in one.sentences]
    student, new_words = grow_vocabulary(network, sentences)
    student.eval().requires_grad_(False)
    before = tuple(_progress(student, one)[0] for one in demonstrations)
    known = known_sentences(network.tokenizer.vocabulary, replay, rng)
    gap = set_apart(student, new_words, told=_in_all_colours(sentences), known=known)
    total = settings.steps + len(demonstrations) * settings.copies * 7 // 6 + len(replay)

    def show(steps: int) -> None:
        if on_step is not None:
            on_step(min(steps, total), total)

    teacher = copy.deepcopy(student)
    pools = gather_pools(
        FrameReader(student),
        teacher,
        demonstrations,
        replay,
        rng,
        copies=settings.copies,
        recolours=settings.recolour,
        mirrors=settings.mirror,
        analogies=settings.analogy,
        known=known,
        on_read=show,
    )
    _train_head(
        student, teacher, pools, settings, rng, lambda step: show(total - settings.steps + step)
    )
    scale, bias = _calibrate(student, teacher, pools)
    after = tuple(_progress(student, one) for one in demonstrations)
    drift, success_drift = _drift(student, teacher, pools.probes)
    judged = [judge(student, clip)[0] for clip in pools.unseen]
    errors = [
        np.abs(progress - clip.progress).mean()
        for progress, clip in zip(judged, pools.unseen, strict=True)
        if clip.progress is not None
    ]
    return Adapted(
        network=student.requires_grad_(True),
        labels=pools.labels,
        before=before,
        after=tuple(progress for progress, _ in after),
        success=tuple(success for _, success in after),
        new_words=new_words,
        gap=gap,
        analogy=pools.analogy,
        scale=scale,
        bias=bias,
        error=float(np.mean(errors)),
        drift=drift,
        success_drift=success_drift,
    )


def _in_all_colours(sentences: Sequence[str]) -> list[str]:
    """Every sentence in every colour, for all that it names."""
    told = list(sentences)
    for sentence in sentences:
        named = colour_words(sentence)
        told += [swap_words(sentence, {old: new}) for old in named for new in COLOURS]
    return list(dict.fromkeys(told))


def _progress(
    network: GrmNetwork, demonstration: Demonstration
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    reader = FrameReader(network)
    (clip,) = reader.read(reader.see(demonstration.frames), [demonstration.instruction])
    progress, logits = judge(network, clip)
    return progress, torch.from_numpy(logits).sigmoid().numpy()


def _train_head(
    student: GrmNetwork,
    teacher: GrmNetwork,
    pools: Pools,
    settings: AdaptationSettings,
    rng: np.random.Generator,
    on_step: Callable[[int], None],
) -> None:
    """Train the fusion head of the student in place; everything else stays."""
    head = [p for name, p in student.named_parameters() if name.startswith(("fuse_", "absent"))]
    for parameter in head:
        parameter.requires_grad_(True)
    optimizer = torch.optim.AdamW(head, betas=(0.9, 0.98), weight_decay=0.0)
    taught = {name: ReadingPool(clips) for name, clips in pools.taught.items() if clips}
    kept = {name: ReadingPool(clips) for name, clips in pools.kept.items() if clips}
    for step in range(settings.steps):
        cosine = 0.5 * (1.0 + np.cos(np.pi * step / settings.steps))
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * min(1.0, (step + 1) / _WARM_UP) * cosine
        losses = [
            _WEIGHTS[name] * _taught_loss(student, pool.draw(_CLIPS[name], _FRAMES, rng))
            for name, pool in taught.items()
        ]
        losses += [
            _kept_loss(student, teacher, pool.draw(_CLIPS[name], _FRAMES, rng))
            for name, pool in kept.items()
        ]
        loss = torch.stack(losses).sum()
        if not bool(torch.isfinite(loss)):
            raise CheckpointError(
                f"The loss of adaptation must be finite, got {float(loss.detach())} at step "
                f"{step}; lower learning_rate."
            )
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(head, 1.0)
        optimizer.step()
        on_step(step + 1)
    student.requires_grad_(False)


def _taught_loss(network: GrmNetwork, drawn: Drawn) -> Tensor:
    """Absolute readings, hops, success and expected error against targets."""
    absolute, relative = drawn.judged_by(network)
    wanted, bins = drawn.progress, network.config.bins
    error = (network.expected_hop(absolute.logits) - wanted).abs()
    hops = hop_target(wanted.gather(1, drawn.before), wanted)
    known = ~torch.isnan(drawn.success)
    success = F.binary_cross_entropy_with_logits(absolute.success[known], drawn.success[known])
    return (
        3.0 * error.mean()
        + 0.3 * _entropy(absolute.logits, two_hot(wanted, bins))
        + 0.5 * (network.expected_hop(relative.logits) - hops).abs().mean()
        + 0.1 * _entropy(relative.logits, two_hot(hops, bins))
        + (0.5 * success if bool(known.any()) else 0.0)
        + 0.5 * (absolute.error - error.detach()).abs().mean()
    )


def _kept_loss(student: GrmNetwork, teacher: GrmNetwork, drawn: Drawn) -> Tensor:
    """How far the student's answers have moved from the teacher's."""
    absolute, relative = drawn.judged_by(student)
    with torch.no_grad():
        old_absolute, old_relative = drawn.judged_by(teacher)
    return (
        _moved(student, absolute, old_absolute)
        + 0.3 * _moved(student, relative, old_relative)
        + 0.5
        * F.binary_cross_entropy_with_logits(absolute.success, old_absolute.success.sigmoid())
        + 0.5 * (absolute.error - old_absolute.error).abs().mean()
    )


def _moved(network: GrmNetwork, new: FusionOutput, old: FusionOutput) -> Tensor:
    moved = network.expected_hop(new.logits) - network.expected_hop(old.logits)
    return 3.0 * moved.abs().mean() + 0.3 * _entropy(new.logits, old.logits.softmax(dim=-1))


def _entropy(logits: Tensor, wanted: Tensor) -> Tensor:
    return -(wanted * logits.log_softmax(dim=-1)).sum(dim=-1).mean()


@torch.no_grad()
def _calibrate(student: GrmNetwork, teacher: GrmNetwork, pools: Pools) -> tuple[float, float]:
    """Fit scale and bias of the success logit and fold them into the last layer.

    Half of the frames are unseen copies with their labels, half are known sentences with the
    teacher's probability. All sentences share the last layer: scale and bias are drawn back
    towards 1 and 0 until known answers move by a hundredth at most.
    """
    new_logits, new_targets = [], []
    for clip in pools.unseen:
        assert clip.success is not None
        known = np.isfinite(clip.success)
        new_logits.append(judge(student, clip)[1][known])
        new_targets.append(clip.success[known])
    logits, targets = np.concatenate(new_logits), np.concatenate(new_targets)
    old = [clip for clips in pools.kept.values() for clip in clips]
    old_logits = np.concatenate([judge(student, clip)[1] for clip in old])
    teacher_logits = np.concatenate([judge(teacher, clip)[1] for clip in old])
    chosen = np.linspace(0, len(old_logits) - 1, min(len(logits), len(old_logits))).astype(int)
    full_scale, full_bias = fit_scale_and_bias(
        np.concatenate([logits, old_logits[chosen]]),
        np.concatenate([targets, _sigmoid(teacher_logits[chosen])]),
    )
    scale, bias = 1.0, 0.0
    for share in (1.0, 0.5, 0.25, 0.125):
        tried = full_scale**share, full_bias * share
        moved = np.abs(_sigmoid(old_logits * tried[0] + tried[1]) - _sigmoid(old_logits))
        if moved.mean() <= _MOST_MOVED:
            scale, bias = tried
            break
    last = student.fuse_out[-1]
    assert isinstance(last, nn.Linear)
    row = student.config.bins  # the success logit comes after the bins
    last.weight[row] *= scale
    last.bias[row] = last.bias[row] * scale + bias
    return scale, bias


def _drift(
    student: GrmNetwork, teacher: GrmNetwork, probes: Sequence[ReadClip]
) -> tuple[float, float]:
    if not probes:
        return float("nan"), float("nan")
    new, old = ([judge(net, clip) for clip in probes] for net in (student, teacher))
    progress = [np.abs(a[0] - b[0]).mean() for a, b in zip(new, old, strict=True)]
    success = [
        np.abs(_sigmoid(a[1]) - _sigmoid(b[1])).mean() for a, b in zip(new, old, strict=True)
    ]
    return float(np.mean(progress)), float(np.mean(success))


def _sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    return torch.from_numpy(logits).sigmoid().numpy()
