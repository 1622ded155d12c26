"""One recording before one or several reward models: what is asked, and what to make of it."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass

import torch

from kibble.agents.footage.footage import Footage
from kibble.agents.footage.reading import Sampling, read_footage
from kibble.agents.footage.sources import Source, Views
from kibble.agents.model_labels import labels_of
from kibble.agents.score.curves import Curve, readable_views
from kibble.agents.score.summary import Flag, Summary, flags_of, summarise
from kibble.agents.score.words import flag_words
from kibble.rewards.baselines import BASELINES
from kibble.rewards.catalogue import open_model
from kibble.rewards.errors import ConfigError
from kibble.rewards.frame_rate import at_frame_rate
from kibble.rewards.reference import parse_reference
from kibble.rewards.types import Frames, RewardModel, Task

__all__ = ["Asked", "asked_of", "flags_and_summaries", "goal_frames", "open_models", "task_of"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """One curve that is to be read.

    Args:
        label: What it is called.
        model: What reads it.
        frames: What it reads.
    """

    label: str
    model: RewardModel
    frames: Frames


def open_models(
    names: Sequence[str],
    *,
    views: Sequence[str],
    device: torch.device,
    goal: bool,
    opened: MutableMapping[tuple[str, ...], RewardModel] | None = None,
) -> dict[str, RewardModel]:
    """Open every model under a label of its own.

    Args:
        names: References to them.
        views: Views of the footage.
        device: Where they run.
        goal: Whether a picture of the finished scene is there.
        opened: Models that are open already, to be taken and added to.

    Raises:
        KibbleError: If one cannot be opened, or needs a picture of the goal that is not there.
    """
    models: dict[str, RewardModel] = {}
    opened = {} if opened is None else opened
    for label, name in labels_of(names).items():
        baseline = parse_reference(name).name in BASELINES
        key = (name, *views) if baseline else (name,)  # the others know their own views
        model = opened[key] = opened.get(key) or open_model(name, device=device, views=views)
        if model.spec.needs_goal and not goal:
            raise ConfigError(
                f"`goal` must show the finished scene for reward={name}, got nothing; write "
                "goal=finished.png, or goal=demo.mp4 for a video that ends with it."
            )
        models[label] = model
    return models


def goal_frames(goal: Source | None, views: Views) -> Frames | None:
    """Read the last frame of what ``goal=`` names."""
    if goal is None:
        return None
    footage = read_footage(goal, views=views, sampling=Sampling())
    return {view: frames[-1:] for view, frames in footage.frames.items()}


def task_of(instruction: str | None, footage: Footage, goal: Frames | None) -> Task:
    """Return what was wanted, as given or as the recording says.

    Raises:
        ConfigError: If neither says it.
    """
    said = instruction or footage.instruction
    if said is None:
        raise ConfigError(
            "`instruction` must say what was wanted, got nothing from the command or the "
            "recording; write instruction='push the red cube onto the green pad'."
        )
    return Task(instruction=said.strip(), goal_frames=goal)


def asked_of(models: Mapping[str, RewardModel], footage: Footage, *, by_view: bool) -> list[Asked]:
    """Return what every model is to read, and where asked for each view alone.

    Models that read at a rate of their own are told the recording's.
    """
    asked = []
    for label, opened in models.items():
        rate = footage.frame_rate
        model = opened if rate is None else at_frame_rate(opened, rate)
        asked.append(Asked(label=label, model=model, frames=footage.frames))
        if by_view:
            asked += [
                Asked(
                    label=f"{label}, {view} alone",
                    model=model,
                    frames={view: footage.frames[view]},
                )
                for view in readable_views(model.spec, footage.views)
            ]
    return asked


def flags_and_summaries(
    curves: Sequence[Curve], models: Mapping[str, RewardModel], footage: Footage, task: Task
) -> tuple[tuple[Flag, ...], tuple[Summary, ...]]:
    """Sum up what was read, and collect the reasons to be careful, gravest first."""
    summaries = [summarise(curve, footage.times, footage.oracle) for curve in curves]
    flags = [
        *(flag for pair in zip(curves, summaries, strict=True) for flag in flags_of(*pair)),
        *(
            flag
            for label, model in models.items()
            for flag in flag_words(model, task.instruction, label=label)
        ),
        *(Flag(code="recording", text=text) for text in footage.warnings),
    ]
    return tuple(sorted(flags, key=lambda flag: not flag.grave)), tuple(summaries)
