"""Records where keypoints are, in frames of every task and at every stage of it.

Episodes go from expert to aimless; half of them have the plain look and half a look of
``Appearance.training()``, whose camera poses, lights, colours and distractors differ. Held-out
episodes have scenes that training never draws, three in four with ``Appearance.heldout()``.
"""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kibble.agents.keypoint_training.asking import Question, questions, vain_question
from kibble.agents.keypoint_training.shards import ABSENT, HIDDEN, SPLITS, VISIBLE, Shard
from kibble.agents.pretrain.behaviours import Behaviour
from kibble.agents.pretrain.kinds import draw_kind
from kibble.agents.pretrain.recording import make_env
from kibble.envs.tabletop import Appearance, TabletopEnv
from kibble.envs.tabletop.affordances import in_sight
from kibble.rewards.cameras.depth_frames import depth_view, unpack_depth
from kibble.rewards.errors import CheckpointError
from kibble.rewards.keypoints.roles import ROLES, Role

__all__ = ["EPISODES_PER_SHARD", "record_keypoints", "record_shard"]

EPISODES_PER_SHARD = 40
_VIEWS = {"front": 1.0, "side": 1.0, "top": 0.5}  # share of the moments that each is recorded at
_MOMENTS = 5  # of each episode, the start included
_STEPS = 45
_SCENES = 2**30  # training draws its scenes from the seeds below, held-out episodes from above


def record_shard(task: str, *, split: str, seed: int, number: int, episodes: int) -> Shard:
    """Record episodes of a task; the same arguments give the same shard.

    Args:
        task: Name of the task.
        split: ``"train"`` or ``"heldout"``.
        seed: Seed of all shards.
        number: Which of the shards.
        episodes: Episodes in it, at least 1.
    """
    words = np.frombuffer(task.encode(), np.uint8).tolist()
    rng = np.random.default_rng(
        np.random.SeedSequence([seed, number, SPLITS.index(split), *words])
    )
    dressed = Appearance.training() if split == "train" else Appearance.heldout()
    plain = 0.5 if split == "train" else 0.25
    envs = {"plain": make_env(task), split: make_env(task, dressed)}
    rows = _Rows()
    for episode in range(episodes):
        look = "plain" if rng.random() < plain else split
        env = envs[look]
        env.reset(seed=int(rng.integers(_SCENES)) + _SCENES * SPLITS.index(split))
        behaviour = Behaviour(env, kind=draw_kind(rng), rng=rng, steps=_STEPS)
        moments = {0, *rng.choice(np.arange(1, _STEPS + 1), _MOMENTS - 1, replace=False).tolist()}
        for step in range(max(moments) + 1):
            if step in moments:
                for view, share in _VIEWS.items():
                    if rng.random() < share:
                        rows.add_frame(env, view, "training" if look == "train" else look, episode)
                        rows.add_samples(env, view, [*questions(env), vain_question(env, rng)])
            env.step(behaviour())
    for env in envs.values():
        env.close()
    return rows.shard()


class _Rows:
    """A shard that grows."""

    def __init__(self) -> None:
        self._frames: list[NDArray[np.uint8]] = []
        self._heads: list[tuple[str, str, str, int]] = []
        self._samples: list[tuple[int, str, bool, list[int]]] = []
        self._points: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
        self._visibility: list[NDArray[np.uint8]] = []
        self._sentences: dict[str, int] = {}

    def add_frame(self, env: TabletopEnv, view: str, look: str, episode: int) -> None:
        self._frames.append(env.frames([view])[view][0])
        self._heads.append((view, look, env.task.name, episode))

    def add_samples(self, env: TabletopEnv, view: str, asked: Sequence[Question]) -> None:
        camera = env.camera(view)
        depth = unpack_depth(env.frames([depth_view(view)])[depth_view(view)])[0]
        hand = env.affordances().positions[ROLES.index(Role.GRIPPER)]
        for question in asked:
            found = question.affordances or env.affordances()
            positions = found.positions.copy()
            if question.affordances is None:
                positions[:] = np.nan
                positions[ROLES.index(Role.GRIPPER)] = hand
            present = np.isfinite(positions[:, 0])
            visible = in_sight(camera, depth, found) & present
            self._visibility.append(
                np.where(visible, VISIBLE, np.where(present, HIDDEN, ABSENT)).astype(np.uint8)
            )
            self._points.append((camera.project(positions), positions))
            numbers = [
                self._sentences.setdefault(sentence, len(self._sentences))
                for sentence in question.phrasings
            ]
            named = question.affordances is not None
            self._samples.append((len(self._frames) - 1, question.plan, named, numbers))

    def shard(self) -> Shard:
        views, looks, scenes, episodes = zip(*self._heads, strict=True)
        frames, plans, named, phrasings = zip(*self._samples, strict=True)
        pixels, positions = zip(*self._points, strict=True)
        return Shard(
            frames=np.stack(self._frames),
            views=np.array(views),
            looks=np.array(looks),
            scenes=np.array(scenes),
            episodes=np.array(episodes, np.int32),
            sample_frames=np.array(frames, np.int32),
            plans=np.array(plans),
            phrasings=np.array(phrasings, np.int32),
            sentences=np.array(list(self._sentences)),
            named=np.array(named, np.bool_),
            pixels=np.stack(pixels).astype(np.float32),
            positions=np.stack(positions).astype(np.float32),
            visibility=np.stack(self._visibility),
        )


def record_keypoints(
    folder: Path,
    *,
    split: str,
    tasks: Sequence[str],
    episodes_per_task: int,
    seed: int,
    workers: int,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """Record shards; those that are already there are kept.

    Args:
        folder: Shards go to ``<folder>/<split>``.
        split: ``"train"`` or ``"heldout"``.
        tasks: Names of the tasks.
        episodes_per_task: Episodes of each, rounded up to whole shards.
        seed: Seed of scenes and behaviours.
        workers: Processes that record.
        on_progress: Called with the number of episodes recorded and wanted.

    Raises:
        CheckpointError: If the folder holds keypoints of another seed.
    """
    _check_origin(folder / split, seed)
    numbers = range(-(-episodes_per_task // EPISODES_PER_SHARD))
    jobs = [
        (task, number, folder / split / f"{task}-{number:04d}.npz")
        for number in numbers
        for task in tasks
    ]
    wanted = len(jobs) * EPISODES_PER_SHARD
    finished = EPISODES_PER_SHARD * sum(file.exists() for *_, file in jobs)
    missing = [job for job in jobs if not job[2].exists()]
    for _ in _done(missing, split=split, seed=seed, workers=workers):
        finished += EPISODES_PER_SHARD
        if on_progress is not None:
            on_progress(finished, wanted)


def _done(
    jobs: Sequence[tuple[str, int, Path]], *, split: str, seed: int, workers: int
) -> Iterator[None]:
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(max_workers=workers, mp_context=context) as pool:
        futures = [
            pool.submit(_record_file, task, split, seed, number, file)
            for task, number, file in jobs
        ]
        for future in as_completed(futures):
            future.result()
            yield


def _record_file(task: str, split: str, seed: int, number: int, file: Path) -> None:
    record_shard(task, split=split, seed=seed, number=number, episodes=EPISODES_PER_SHARD).write(
        file
    )


def _check_origin(folder: Path, seed: int) -> None:
    file = folder / "origin.json"
    origin = {"seed": seed, "episodes_per_shard": EPISODES_PER_SHARD}
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(origin) + "\n")
    elif json.loads(file.read_text()) != origin:
        raise CheckpointError(
            f"`data` must be a folder of keypoints recorded with {origin}, got {folder} with "
            f"{file.read_text().strip()}; choose another folder, or give that seed."
        )
