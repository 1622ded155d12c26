"""The model card that is written beside trained keypoint weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields

from kibble.agents.keypoint_training.accuracy import Accuracy
from kibble.agents.keypoint_training.config import PretrainKeypointsConfig
from kibble.rewards.keypoints.embedded.network import KeypointNetwork

__all__ = ["keypoint_card"]

_TEMPLATE = """\
# {name}

A small language-conditioned keypoint network for the Kibble tabletop suite. From one picture of
any view and one instruction it gives the place of four roles (gripper, grasp, function, target) to
a part of a pixel, how sure it is of each, whether each is hidden, and which of {plans} ways the
instruction asks for. {parameters} parameters; trained from scratch on this project's own simulated
tasks only; Apache-2.0 like the project.

## How it was made

    {command}

{frames} pictures of {side} pixels ({views}) with {samples} questions about them, each in
several wordings, of {tasks}: moments of
episodes that go from expert to aimless. Half of the episodes show the plain scene, half a drawn
look: camera poses, light, shades of the colours, surfaces, textures, distractors. Of every picture
all goals of its scene are asked for, and things that are not there, mostly because one colour or
one thing is another.

A picture is encoded once by a strided CNN. The sentence, read by a small transformer, looks at it
with eight queries; where they look and what they find steers a second pass (feature-wise scale and
shift) that marks every role on a grid of cells of 4 x 4 pixels, with the offset within the cell.
Pictures are warped (scale, turn, shift; mirrored where the workspace is symmetrical, turned to any
side where seen from above), tinted, made noisy; some sentences carry an unknown word, some are
random words. The loss is the divergence of the heatmaps from a normal distribution of 0.7 cells
about the point, the absolute error of the offsets, and cross-entropy of presence and of the plan.
AdamW, {steps} steps of {pictures} pictures with {sentences} sentences each, peak learning rate
{rate:g}, half cosine, running average of the weights, bfloat16 pictures and feature maps, seed
{seed}.

## How far it is off on unseen scenes

Pixels of {side}; {heldout} questions per task about scenes that training never drew, in the three
views, in any wording of training. Roles: medians of visible points.

{tables}

- tail: 95 % of the errors are below it. within: share of errors of at most 5 pixels.
- told: visible points with a confidence of 0.5 or more. refused: questions about what is not there
  of which no role but the gripper has that.
- hidden: area under the ROC curve of telling hidden from visible points.
- plan: instructions whose way is right.

## Limits

It knows the suite's objects, colours, arm and ways, and little else; elsewhere its confidence is
low or its marks mean nothing. It reads single pictures: what is hidden is guessed. Points in free
space (behind a cube, before a drawer) are a few times less exact than points of a surface.
"""
_LOOKS = {
    "plain": "The plain scene:",
    "heldout": "Camera poses, light, shades, textures, distractors, all outside of training's:",
}


def keypoint_card(
    config: PretrainKeypointsConfig,
    rows: Mapping[str, Sequence[Accuracy]],
    *,
    network: KeypointNetwork,
    views: Mapping[str, int],
    samples: int,
) -> str:
    """Write the card in Markdown.

    Args:
        config: The run's configuration.
        rows: Look of the scenes to accuracy by task.
        network: The trained network.
        views: View to number of pictures trained on.
        samples: Questions about them.
    """
    height, width = network.config.image_size
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return _TEMPLATE.format(
        name=config.name,
        plans=len(network.config.plans),
        parameters=f"{parameters / 1e6:.2f} million",
        command=_command(config),
        frames=sum(views.values()),
        side=f"{height} x {width}",
        views=", ".join(f"{count} {view}" for view, count in views.items()),
        samples=samples,
        tasks=", ".join(config.tasks),
        steps=config.steps,
        pictures=config.pictures,
        sentences=config.sentences,
        rate=config.learning_rate,
        seed=config.seed,
        heldout=config.heldout_samples,
        tables="\n\n".join(f"{_LOOKS[look]}\n\n{_table(found)}" for look, found in rows.items()),
    )


def _table(rows: Sequence[Accuracy]) -> str:
    names = [field.name for field in fields(Accuracy) if field.name not in ("task", "samples")]
    lines = ["| task | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for row in rows:
        values = asdict(row)
        shown = " | ".join("" if values[n] != values[n] else f"{values[n]:.2f}" for n in names)
        lines.append(f"| {row.task} | {shown} |")
    return "\n".join(lines)


def _command(config: PretrainKeypointsConfig) -> str:
    """The command line that differs from the defaults in what changes the weights."""
    default = PretrainKeypointsConfig()
    words = ["kibble pretrain_keypoints"]
    for field in fields(PretrainKeypointsConfig):
        value = getattr(config, field.name)
        if field.name in ("stage", "out", "data", "workers", "resume", "quiet", "device"):
            continue
        if value != getattr(default, field.name):
            shown = "[" + ",".join(value) + "]" if isinstance(value, list) else value
            words.append(f"{field.name}={shown}")
    return " ".join(words)
