"""The model card that is written beside trained weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from kibble.agents.pretrain.config import PretrainConfig
from kibble.agents.pretrain.heldout import Agreement

__all__ = ["model_card"]

_TEMPLATE = """\
# {name}

A small multi-view, language-conditioned general reward model for the Kibble tabletop suite. It
reads camera frames and an instruction and gives progress in [0, 1], the probability of success and
a confidence. About 1.5 million parameters; trained from scratch, on this project's own simulated
tasks only; Apache-2.0 like the project.

## How it was made

    {command}

{clips} clips ({images} images of 96 x 96 pixels) of {tasks}:
scripted experts with random speed and noise, experts towards the wrong goal, chains of expert,
noisy, wandering, drifting, fumbling and idle segments, and aimless motion; recorded on past
success, so that undoing is seen too. Every frame is labelled with the oracle's absolute progress
and success towards *every* goal that its scene allows, and read with several of those
instructions, so that an instruction is worth listening to. Each frame is encoded once per step;
the loss covers hops between frames, the hop from the origin (absolute progress), the hop back
from a goal frame, success, and the expected error. The simulator's state is an auxiliary target
in training; its heads are thrown away. AdamW, {steps} steps of {batch} images, peak learning rate
{rate:g}, half cosine, running average of the weights, bfloat16 images and feature maps, seed
{seed}.

## Agreement with the oracle on unseen scenes

{heldout} clips per task of 61 consecutive frames, half by experts, half mixed; two views.

{table}

- error, other error: mean absolute error of progress, for the instructed goal and for the others.
- noise: standard deviation of the error of progress from one control step to the next.
- order: Spearman correlation of progress with time in expert clips up to success (the oracle's
  own beside it).
- success: area under the ROC curve; rates at a threshold of 0.5, all goals of the scene.
- told apart: where the instructed goal alone is met, how often its progress is the highest.

## Limits

It knows the suite's objects, colours, cameras and arm, and nothing else: on other scenes its
numbers mean nothing before it has been adapted. Goal frames must show the same scene. Words
outside its vocabulary are ignored. It reads single frames against the start; what is hidden in
every view is guessed. It is a guide for learning, not a judge of success: see the false positives.
"""


def model_card(
    config: PretrainConfig, rows: Sequence[Agreement], *, clips: int, images: int
) -> str:
    """Write the card in Markdown.

    Args:
        config: The run's configuration.
        rows: Agreement with the oracle by task.
        clips: Clips trained on.
        images: Images in them.
    """
    names = [field.name for field in fields(Agreement) if field.name not in ("task", "frames")]
    lines = [
        "| task | " + " | ".join(name.replace("_", " ") for name in names) + " |",
        "|---" * (len(names) + 1) + "|",
    ]
    for row in rows:
        values = " | ".join(f"{getattr(row, name):.3f}" for name in names)
        lines.append(f"| {row.task} | {values} |")
    return _TEMPLATE.format(
        name=config.name,
        command=_command(config),
        clips=clips,
        images=images,
        tasks=", ".join(config.tasks),
        steps=config.steps,
        batch=config.clips_per_batch * config.frames_per_clip * 2,
        rate=config.learning_rate,
        seed=config.seed,
        heldout=config.heldout_episodes,
        table="\n".join(lines),
    )


def _command(config: PretrainConfig) -> str:
    """The command line that differs from the defaults in what changes the weights."""
    default = PretrainConfig()
    words = ["kibble pretrain"]
    for field in fields(PretrainConfig):
        value = getattr(config, field.name)
        if field.name in ("out", "data", "workers", "threads", "resume", "quiet"):
            continue
        if value != getattr(default, field.name):
            shown = "[" + ",".join(value) + "]" if isinstance(value, list) else value
            words.append(f"{field.name}={shown}")
    return " ".join(words)
