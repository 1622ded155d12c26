"""Records labelled clips from the simulator, in several processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

import kibble.envs
from kibble.agents.pretrain.behaviours import Act, SegmentedBehaviour
from kibble.envs.tabletop import TabletopEnv, make_expert
from kibble.rewards.grm.clips import Clip, write_clips

__all__ = ["record", "record_clip", "task_id"]

CLIPS_PER_SHARD = 10


def task_id(task: str) -> str:
    """The Gymnasium id of a task name.

    >>> task_id("pick_place")
    'kibble/PickPlace-v0'
    """
    return f"kibble/{''.join(word.capitalize() for word in task.split('_'))}-v0"


def record_clip(
    env: TabletopEnv,
    *,
    task: str,
    rng: np.random.Generator,
    steps: int,
    stride: int,
    kind: str | None = None,
) -> Clip:
    """Record one episode, labelled for every goal that its scene allows.

    Args:
        env: The bare environment; stepped on after success, so that undoing is seen too.
        task: Name of the task.
        rng: Source of the scene, the goal and the behaviour.
        steps: Control steps.
        stride: Control steps from one recorded frame to the next.
        kind: Behaviour, or ``None`` to draw one.
    """
    observation, _ = env.reset(seed=int(rng.integers(2**31)))
    goals = env.goals

    def expert(index: int, source: np.random.Generator) -> Act:
        return make_expert(env, goals[index], source)

    behaviour = SegmentedBehaviour(
        expert, goals=len(goals), goal=env.goal.index, rng=rng, kind=kind
    )
    frames: dict[str, list[NDArray[np.uint8]]] = {view: [] for view in env.views}
    progress: list[list[float]] = []
    success: list[list[bool]] = []
    stages: list[list[int]] = []
    states: list[NDArray[np.float32]] = []
    for step in range(steps + 1):
        if step % stride == 0:
            for view, images in env.frames().items():
                frames[view].append(images[0])
            readings = [env.oracle(goal) for goal in goals]
            progress.append([reading.progress for reading in readings])
            success.append([reading.success for reading in readings])
            stages.append([reading.stage for reading in readings])
            states.append(observation)
        if step < steps:
            observation, *_ = env.step(behaviour())
    return Clip(
        task=task,
        frames={view: np.stack(images) for view, images in frames.items()},
        progress=np.array(progress, np.float32),
        success=np.array(success, np.bool_),
        stage=np.array(stages, np.int8),
        state=np.array(states, np.float32),
        phrasings=tuple(tuple(env.phrasings(goal)) for goal in goals),
        goal=env.goal.index,
    )


def _record_shard(
    task: str, chunk: int, clips: int, seed: int, steps: int, stride: int, directory: str
) -> int:
    target = Path(directory) / f"{task}-{seed:04d}-{chunk:04d}"
    if (target / "clips.json").exists():
        return clips
    kibble.envs.register()
    env = gym.make(task_id(task), render_mode="rgb_array").unwrapped
    assert isinstance(env, TabletopEnv)
    words = np.frombuffer(task.encode(), np.uint8).tolist()
    rng = np.random.default_rng(np.random.SeedSequence([seed, chunk, *words]))
    recorded = [
        record_clip(env, task=task, rng=rng, steps=steps, stride=stride) for _ in range(clips)
    ]
    write_clips(target, recorded)
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
    """Record clips of every task into shards; shards that are already there are kept.

    Args:
        directory: Where the shards go.
        tasks: Task names.
        episodes_per_task: Clips of each task.
        seed: Seed of scenes and behaviours; the same seed gives the same clips.
        steps: Control steps per clip.
        stride: Control steps from one recorded frame to the next.
        workers: Processes that record.
        on_progress: Called with the number of clips recorded and wanted.
    """
    directory.mkdir(parents=True, exist_ok=True)
    chunks = [
        (chunk, task, min(CLIPS_PER_SHARD, episodes_per_task - chunk * CLIPS_PER_SHARD))
        for chunk in range(-(-episodes_per_task // CLIPS_PER_SHARD))
        for task in tasks
    ]
    total, finished = episodes_per_task * len(tasks), 0
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(max_workers=workers, mp_context=context) as pool:
        futures = [
            pool.submit(_record_shard, task, chunk, clips, seed, steps, stride, str(directory))
            for chunk, task, clips in chunks
        ]
        for future in as_completed(futures):
            finished += future.result()
            if on_progress is not None:
                on_progress(finished, total)
