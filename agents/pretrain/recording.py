"""Records labelled clips from the simulator, in several processes.

Half of the clips show the plain scene, the others a look of ``Appearance.training()``.
"""

from __future__ import annotations

import dataclasses
import itertools
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

import kibble.envs
from kibble.agents.pretrain.behaviours import Behaviour
from kibble.agents.pretrain.clip_dataset import ClipDataset
from kibble.agents.pretrain.kinds import draw_kind, holds_true
from kibble.envs.tabletop import Appearance, OracleReading, TabletopEnv
from kibble.envs.tabletop.palette import PALETTE
from kibble.envs.tabletop.tasks import make_task
from kibble.envs.tabletop.world import CONTROL_DT
from kibble.rewards.grm.clips import Clip

__all__ = ["clip_dataset", "make_env", "record", "record_clip", "task_id"]

CLIPS_PER_SHARD = 10
_ATTEMPTS = 20
_SCENES = 2**30  # training draws its scenes from the seeds below, held-out clips from those above


def task_id(task: str) -> str:
    """The Gymnasium id of a task name.

    >>> task_id("pick_place")
    'kibble/PickPlace-v0'
    """
    return f"kibble/{''.join(word.capitalize() for word in task.split('_'))}-v0"


def make_env(task: str, appearance: Appearance | None = None) -> TabletopEnv:
    """Make the bare environment of a task, with a look drawn anew in every episode or plain."""
    kibble.envs.register()
    env = gym.make(task_id(task), render_mode="rgb_array", appearance=appearance).unwrapped
    assert isinstance(env, TabletopEnv)
    return env


def record_clip(
    env: TabletopEnv,
    *,
    task: str,
    rng: np.random.Generator,
    steps: int,
    stride: int,
    kind: str | None = None,
    heldout: bool = False,
) -> Clip:
    """Record one episode, labelled for every goal that its scene allows.

    An episode in which the behaviour did not do what its kind promises, such as a success that
    came too late, is thrown away and another one is recorded.

    Args:
        env: The bare environment; stepped on after success, so that undoing is seen too.
        task: Name of the task.
        rng: Source of the scene, the goal and the behaviour.
        steps: Control steps.
        stride: Control steps from one recorded frame to the next.
        kind: Behaviour, or ``None`` to draw one by its share.
        heldout: Whether to draw a scene that training never draws and to carry the last phrasing
            of each goal, which training never sees.

    Returns:
        The clip; its kind is ``"mixed"`` if no episode kept the promise.
    """
    kind = draw_kind(rng) if kind is None else kind
    for _ in range(_ATTEMPTS):
        clip = _episode(env, task, rng, steps, stride, kind, heldout)
        if holds_true(kind, clip.progress[:, clip.goal], clip.success[:, clip.goal]):
            return clip
    return dataclasses.replace(clip, kind="mixed")


def _episode(
    env: TabletopEnv,
    task: str,
    rng: np.random.Generator,
    steps: int,
    stride: int,
    kind: str,
    heldout: bool,
) -> Clip:
    scene = int(rng.integers(_SCENES)) + (_SCENES if heldout else 0)
    observation, _ = env.reset(seed=scene)
    goals = env.goals
    behaviour = Behaviour(env, kind=kind, rng=rng, steps=steps)
    frames: dict[str, list[NDArray[np.uint8]]] = {view: [] for view in env.views}
    readings: list[list[OracleReading]] = []
    states: list[NDArray[np.float32]] = []
    actions = np.zeros((steps // stride + 1, stride, 4), np.float32)  # the last row stays zero
    for step in range(steps + 1):
        if step % stride == 0:
            for view, images in env.frames().items():
                frames[view].append(images[0])
            readings.append([env.oracle(goal) for goal in goals])
            states.append(observation)
        if step < steps:
            action = behaviour()
            observation, *_ = env.step(action)
            if step < steps - steps % stride:
                actions[step // stride, step % stride] = action
    phrasings = [tuple(env.phrasings(goal)) for goal in goals]
    return Clip(
        task=task,
        frames={view: np.stack(images) for view, images in frames.items()},
        progress=np.array([[reading.progress for reading in row] for row in readings], np.float32),
        success=np.array([[reading.success for reading in row] for row in readings], np.bool_),
        stage=np.array([[reading.stage for reading in row] for row in readings], np.int8),
        state=np.array(states, np.float32),
        phrasings=tuple(each if heldout else each[:-1] for each in phrasings),
        goal=env.goal.index,
        kind=kind,
        actions=actions.reshape(len(states), -1),
    )


def clip_dataset(folder: Path, task: str, *, seed: int, steps: int, stride: int) -> ClipDataset:
    """Return the dataset of a task's clips, to be written."""
    made = make_task(task)
    colourings = [
        dict(zip(made.slots, names, strict=True))
        for names in itertools.permutations(PALETTE, len(made.slots))
    ]
    plainest = [made.phrasings(goal, each)[0] for each in colourings for goal in made.goals]
    return ClipDataset(
        folder=folder,
        sentences=tuple(dict.fromkeys(plainest)),
        fps=1.0 / (CONTROL_DT * stride),
        origin={"seed": seed, "steps": steps, "stride": stride},
    )


def _record_shard(dataset: ClipDataset, task: str, shard: int, clips: int) -> int:
    if dataset.has(shard, clips=clips):
        return clips
    seed, steps, stride = (dataset.origin[name] for name in ("seed", "steps", "stride"))
    words = np.frombuffer(task.encode(), np.uint8).tolist()
    rng = np.random.default_rng(np.random.SeedSequence([seed, shard, *words]))
    envs = [make_env(task, appearance) for appearance in (None, Appearance.training())]
    recorded = [
        record_clip(envs[int(rng.integers(2))], task=task, rng=rng, steps=steps, stride=stride)
        for _ in range(clips)
    ]
    dataset.write(shard, recorded, first_episode=shard * CLIPS_PER_SHARD)
    for env in envs:
        env.close()
    return clips


def record(
    directory: Path,
    *,
    tasks: Sequence[str],
    episodes_per_task: int,
    seed: int,
    steps: int,
    stride: int,
    workers: int,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """Record clips as LeRobot datasets, one per task; shards that are already there are kept.

    Args:
        directory: The dataset of a task goes to ``<directory>/<task>``.
        tasks: Task names.
        episodes_per_task: Clips of each task.
        seed: Seed of scenes and behaviours; the same seed gives the same clips.
        steps: Control steps per clip.
        stride: Control steps from one recorded frame to the next.
        workers: Processes that record.
        on_progress: Called with the number of clips recorded and wanted.

    Raises:
        CheckpointError: If the directory holds clips of another seed, length or stride.
    """
    datasets = {
        task: clip_dataset(directory / task, task, seed=seed, steps=steps, stride=stride)
        for task in tasks
    }
    shards = [
        (shard, task, min(CLIPS_PER_SHARD, episodes_per_task - shard * CLIPS_PER_SHARD))
        for shard in range(-(-episodes_per_task // CLIPS_PER_SHARD))
        for task in tasks
    ]
    total, finished = episodes_per_task * len(tasks), 0
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(max_workers=workers, mp_context=context) as pool:
        futures = [
            pool.submit(_record_shard, datasets[task], task, shard, clips)
            for shard, task, clips in shards
        ]
        for future in as_completed(futures):
            finished += future.result()
            if on_progress is not None:
                on_progress(finished, total)
    for dataset in datasets.values():
        dataset.finish()
