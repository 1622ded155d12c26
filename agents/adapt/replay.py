"""Scenes of the tabletop suite, recorded in seconds, for a model to remember its past by."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from kibble.agents.pretrain.config import TASKS
from kibble.agents.pretrain.recording import make_env, record_clip
from kibble.rewards.grm.analogy import related_patterns
from kibble.rewards.grm.clips import Clip
from kibble.rewards.grm.replay import Replay

__all__ = ["record_replay"]

_STEPS, _STRIDE = 60, 4
_MORE = 4  # times as many scenes of tasks that speak of the same things


def record_replay(
    instructions: Sequence[str],
    *,
    scenes: int,
    seed: int,
    on_progress: Callable[[int, int], None] | None = None,
    tasks: Sequence[str] = TASKS,
) -> list[Replay]:
    """Record scenes of every task that the shipped weights were trained on.

    Args:
        instructions: The sentences of the new task; tasks about the same things give four times
            as many scenes.
        scenes: Scenes of each task.
        seed: Seed of scenes and behaviours.
        on_progress: Called with the number of tasks finished and wanted.
        tasks: Names of the tasks.

    Returns:
        Frames and sentences, without labels, scenes of all tasks mixed.

    Raises:
        MissingDependencyError: If nothing can be rendered here.
    """
    by_task: list[list[Replay]] = []
    for number, task in enumerate(tasks):
        rng = np.random.default_rng(np.random.SeedSequence([seed, number]))
        env = make_env(task)
        try:
            recorded: list[Replay] = []
            wanted = scenes
            while len(recorded) < wanted:
                clip = record_clip(env, task=task, rng=rng, steps=_STEPS, stride=_STRIDE)
                recorded.append(_without_labels(clip))
                if len(recorded) == 1 and _is_related(instructions, recorded[0]):
                    wanted *= _MORE
        finally:
            env.close()
        by_task.append(recorded)
        if on_progress is not None:
            on_progress(number + 1, len(tasks))
    together = [scene for recorded in by_task for scene in recorded]
    order = np.random.default_rng(seed).permutation(len(together))
    return [together[i] for i in order]


def _without_labels(clip: Clip) -> Replay:
    return Replay(frames=dict(clip.frames), phrasings=clip.phrasings)


def _is_related(instructions: Sequence[str], scene: Replay) -> bool:
    return any(related_patterns(text, scene.sentences) for text in instructions)
