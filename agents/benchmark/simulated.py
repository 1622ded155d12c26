"""Held-out simulated clips: recorded on first use, kept, and read as trials.

Folder ``<data>/<appearance>-seed<seed>/<task>/<kind>-<first>`` is a shard of up to ten clips;
``<kind>-<first>.goals.npz`` beside it holds frames of every goal of their scenes finished.
"""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kibble.agents.benchmark.trials import Trial
from kibble.rewards.grm.clips import BEHAVIOURS, Clip, read_clips, write_clips
from kibble.rewards.types import Frames

__all__ = ["clip_trial", "record_trials", "simulated_trials"]

STEPS = 60
PER_SHARD = 10
_NUMBERS_PER_STEP = 4  # of an action of the tabletop suite
_FINISHING_STEPS = 120
_FINISHED_FOR = 5  # steps in a row


def record_trials(
    folder: Path,
    *,
    tasks: Sequence[str],
    episodes: int,
    appearance: str,
    seed: int,
    workers: int = 1,
    kinds: Sequence[str] = BEHAVIOURS,
    steps: int = STEPS,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """Record what is not there yet; a shard appears only when it is whole.

    Args:
        folder: Where to.
        tasks: Task names.
        episodes: Clips of each kind and task.
        appearance: ``"default"`` or ``"heldout"``.
        seed: Seed of scenes and behaviours; a clip depends on it, its task, kind and number alone.
        workers: Processes that record.
        kinds: Kinds of behaviour.
        steps: Control steps of each clip.
        on_progress: Called with the clips recorded and wanted.
    """
    jobs = [
        (task, kind, first, min(PER_SHARD, episodes - first))
        for first in range(0, episodes, PER_SHARD)
        for task in tasks
        for kind in kinds
    ]
    root = _root(folder, appearance, seed)
    missing = [job for job in jobs if _count(_shard(root, *job[:3])) < job[3]]
    total = sum(job[3] for job in jobs)
    finished = total - sum(job[3] for job in missing)
    if on_progress is not None:
        on_progress(finished, total)
    if not missing:
        return
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(max_workers=workers, mp_context=context) as pool:
        futures = {
            pool.submit(_record_shard, str(root), *job, appearance, seed, steps): job[3]
            for job in missing
        }
        for future in as_completed(futures):
            future.result()
            finished += futures[future]
            if on_progress is not None:
                on_progress(finished, total)


def simulated_trials(
    folder: Path,
    *,
    tasks: Sequence[str],
    episodes: int,
    appearance: str,
    seed: int,
    kinds: Sequence[str] = BEHAVIOURS,
    views: Sequence[str] | None = None,
) -> list[Trial]:
    """Read recorded clips as trials; frames stay on disk until they are asked for.

    Args:
        folder: As for :func:`record_trials`.
        tasks: Likewise.
        episodes: Likewise.
        appearance: Likewise.
        seed: Likewise.
        kinds: Likewise.
        views: Views to keep, or ``None`` for all.

    Returns:
        The trials, task by task and kind by kind.

    Raises:
        WeightsError: If nothing is recorded.
    """
    root = _root(folder, appearance, seed)
    trials: list[Trial] = []
    for task in tasks:
        clips = read_clips(root / task)
        markers = sorted(root.joinpath(task).glob("*/clips.json"))  # as read_clips reads them
        shards = [path.parent for path in markers if path.parent.suffix != ".part"]
        by_shard: dict[str, list[Clip]] = {}
        for shard in shards:
            count = _count(shard)
            by_shard[shard.name], clips = clips[:count], clips[count:]
        for kind in kinds:
            for first in range(0, episodes, PER_SHARD):
                shard = _shard(root, task, kind, first)
                kept = by_shard[shard.name][: episodes - first]
                goals = _read_goals(_goals_file(shard))
                for i, clip in enumerate(kept):
                    name = f"{task}-{kind}-{first + i}"
                    trials.append(clip_trial(name, clip, kind=kind, goals=goals[i], views=views))
    return trials


def clip_trial(
    name: str,
    clip: Clip,
    *,
    kind: str,
    goals: Mapping[int, Frames],
    views: Sequence[str] | None,
) -> Trial:
    """Make a trial of a clip.

    Args:
        name: Unique name.
        clip: The clip.
        kind: What was to happen in it; if something else did, the trial's kind is ``"mixed"``.
        goals: Goal to frames of it finished.
        views: Views to keep, or ``None`` for all.
    """

    def seen(frames: Frames) -> dict[str, NDArray[np.uint8]]:
        return {v: np.array(a) for v, a in frames.items() if views is None or v in views}

    finished = tuple(
        seen(goals[goal]) if goal in goals else None for goal in range(len(clip.phrasings))
    )
    return Trial(
        name=name,
        task=clip.task,
        kind=clip.kind if clip.kind == kind else "mixed",
        load=lambda: seen(clip.frames),
        steps=len(clip),
        sentences=clip.phrasings,
        goal=clip.goal,
        progress=clip.progress,
        success=clip.success,
        outcome=bool(clip.success[-1, clip.goal]),
        state=clip.state if clip.state.shape[1] else None,
        goal_frames=finished,
        frame_rate=None if clip.actions is None else _frame_rate(clip.actions.shape[1]),
    )


def _frame_rate(numbers: int) -> float:
    """Frames per second of a clip with so many numbers of actions between two frames."""
    from kibble.envs.tabletop.world import CONTROL_DT  # imports MuJoCo

    return _NUMBERS_PER_STEP / (CONTROL_DT * numbers)


def _root(folder: Path, appearance: str, seed: int) -> Path:
    return folder / f"{appearance}-seed{seed}"


def _shard(root: Path, task: str, kind: str, first: int) -> Path:
    return root / task / f"{kind}-{first:04d}"


def _goals_file(shard: Path) -> Path:
    return shard.with_name(f"{shard.name}.goals.npz")


def _count(shard: Path) -> int:
    """How many clips a shard holds; 0 where there is none."""
    marker = shard / "clips.json"
    return len(json.loads(marker.read_text())["clips"]) if marker.exists() else 0


def _read_goals(path: Path) -> list[dict[int, Frames]]:
    """For each clip: goal to frames of it finished."""
    found: list[dict[int, dict[str, NDArray[np.uint8]]]] = []
    with np.load(path) as arrays:
        for name in arrays.files:
            view, clip, goal = name.rsplit("/", 2)
            while len(found) <= int(clip):
                found.append({})
            found[int(clip)].setdefault(int(goal), {})[view] = arrays[name]
    return [dict(goals) for goals in found]


def _record_shard(
    root: str,
    task: str,
    kind: str,
    first: int,
    count: int,
    appearance: str,
    seed: int,
    steps: int,
) -> None:
    # the simulator is needed here alone: reading needs none
    from kibble.agents.pretrain.recording import make_env, record_clip
    from kibble.envs.tabletop import Appearance, TabletopEnv, make_expert

    def finish(env: TabletopEnv, goal: int) -> Frames | None:
        act, held = make_expert(env, env.goals[goal]), 0
        for _ in range(_FINISHING_STEPS):
            held = held + 1 if env.oracle(env.goals[goal]).success else 0
            if held >= _FINISHED_FOR:
                return env.frames()
            env.step(act())
        return None

    env = make_env(task, Appearance.heldout() if appearance == "heldout" else None)
    clips: list[Clip] = []
    goals: dict[str, NDArray[np.uint8]] = {}
    words = np.frombuffer(f"{task} {kind}".encode(), np.uint8).tolist()
    for i in range(count):
        rng = np.random.default_rng(np.random.SeedSequence([seed, first + i, *words]))
        clip = record_clip(env, task=task, rng=rng, steps=steps, stride=1, kind=kind, heldout=True)
        clips.append(clip)
        order = sorted(range(len(env.goals)), key=lambda goal: goal != clip.goal)
        for goal in order:  # its own first, from where the clip left the scene
            for view, images in (finish(env, goal) or {}).items():
                goals[f"{view}/{i}/{goal}"] = images
        for view in env.views:  # a mark for every clip, in case that no goal was finished
            goals.setdefault(f"{view}/{i}/-1", np.zeros((0, 1, 1, 3), np.uint8))
    env.close()
    shard = _shard(Path(root), task, kind, first)
    shard.parent.mkdir(parents=True, exist_ok=True)
    with _goals_file(shard).open("wb") as file:
        np.savez(file, allow_pickle=False, **goals)
    write_clips(shard, clips)
