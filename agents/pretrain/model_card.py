"""The model card that is written beside trained weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields

from kibble.agents.pretrain.config import PretrainConfig
from kibble.agents.pretrain.heldout import Agreement

__all__ = ["model_card"]

_TEMPLATE = """\
# {name}

A small multi-view, language-conditioned general reward model for the Kibble tabletop suite. It
reads camera frames and an instruction and gives progress in [0, 1], the probability of success and
a confidence. About 1.5 million parameters; trained {origin}, on this project's own simulated
tasks only; Apache-2.0 like the project.

## How it was made

    {command}

{clips} clips ({images} images of 96 x 96 pixels) of {tasks}: experts that succeed, stop half-way,
undo what they did, miss by a little, serve the wrong goal or stall; aimless motion; and mixtures.
Half of them show the plain scene, half a drawn look: camera poses, light, shades of the colours,
surfaces, textures, distractors. Every frame is labelled with the oracle's progress and success
towards *every* goal that its scene allows. Beside those goals' sentences each clip is read with
sentences about absent things, of other tasks, and of no sense, which mean no progress, no success
and no confidence; the same holds for frames in which every camera is broken. Single cameras are
broken or missing now and then.

Each frame is encoded once per step. The loss covers the hop from the origin (absolute progress)
as cross-entropy over {bins} hop bins and as an absolute error, hops between frames (balanced over
the hop's range, one of each clip between neighbours), hops back from a goal frame, success, the
ranking of pairs of frames, the change of the error between neighbours, and the expected error.
The simulator's state is an auxiliary target in training; its heads are thrown away. AdamW, {steps}
steps of {batch} images, peak learning rate {rate:g}, half cosine, running average of the weights,
bfloat16 images and feature maps, seed {seed}. Scale and bias of the success logit were then fitted
on scenes that neither training nor the tables below draw, in the looks of training.

## Agreement with the oracle on unseen scenes

{heldout} clips per task of each of seven kinds of behaviour, 61 consecutive frames, two views.
Scenes and sentences are none that training drew: of every goal's phrasings the last is held out.

{tables}

- error, other error: mean absolute error of progress, for the instructed goal and for the others.
- noise: standard deviation of the error of progress from one control step to the next.
- order: Spearman correlation of progress with time in expert clips up to success (the oracle's
  own beside it).
- success: area under the ROC curve; rates at a threshold of 0.5, all goals of the scene.
- told apart: where the instructed goal alone is met, how often its progress is the highest.

`kibble benchmark reward={name}` measures more, with intervals and beside baselines.

## Limits

It knows the suite's objects, colours, cameras and arm, and little else: on other scenes its
numbers mean nothing before it has been adapted (`kibble adapt`); its confidence is then low. Goal
frames must show the same scene. It reads single frames; what is hidden in every view is guessed.
It is a guide for learning, not a judge of success: see the false positives.
"""
_LOOKS = {
    "default": "The plain scene:",
    "heldout": "Camera poses, light, shades, textures, distractors, all outside of training's:",
}


def model_card(
    config: PretrainConfig,
    rows: Mapping[str, Sequence[Agreement]],
    *,
    clips: int,
    images: int,
    bins: int,
) -> str:
    """Write the card in Markdown.

    Args:
        config: The run's configuration.
        rows: Appearance of the scenes to agreement with the oracle by task.
        clips: Clips trained on.
        images: Images in them.
        bins: Hop bins of the network.
    """
    return _TEMPLATE.format(
        name=config.name,
        origin="from scratch" if config.init is None else f"from {config.init}",
        command=_command(config),
        clips=clips,
        images=images,
        bins=bins,
        tasks=", ".join(config.tasks),
        steps=config.steps,
        batch=config.clips_per_batch * config.frames_per_clip * 2,
        rate=config.learning_rate,
        seed=config.seed,
        heldout=config.heldout_episodes,
        tables="\n\n".join(f"{_LOOKS[look]}\n\n{_table(found)}" for look, found in rows.items()),
    )


def _table(rows: Sequence[Agreement]) -> str:
    names = [field.name for field in fields(Agreement) if field.name not in ("task", "frames")]
    lines = [
        "| task | " + " | ".join(name.replace("_", " ") for name in names) + " |",
        "|---" * (len(names) + 1) + "|",
    ]
    for row in rows:
        values = " | ".join(f"{getattr(row, name):.3f}" for name in names)
        lines.append(f"| {row.task} | {values} |")
    return "\n".join(lines)


def _command(config: PretrainConfig) -> str:
    """The command line that differs from the defaults in what changes the weights."""
    default = PretrainConfig()
    words = ["kibble pretrain"]
    for field in fields(PretrainConfig):
        value = getattr(config, field.name)
        if field.name in ("out", "data", "workers", "threads", "resume", "quiet", "device"):
            continue
        if value != getattr(default, field.name):
            shown = "[" + ",".join(value) + "]" if isinstance(value, list) else value
            words.append(f"{field.name}={shown}")
    return " ".join(words)
