"""Reads datasets of clips for training, which asks for single frames at random.

Pictures in a data file must be decoded from the first to the wanted one, so each data file is
decoded once into arrays beside the dataset, which are memory-mapped from then on. The folder of
the arrays is named after the size and the time of the data file that they were made from; others
are deleted.
"""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import TypeAlias

from kibble.agents.demonstrations.lerobot.episode_data import read_frames, read_rows
from kibble.agents.demonstrations.lerobot.episodes_file import EpisodeRow, read_episode_rows
from kibble.agents.demonstrations.lerobot.info import Info, read_info
from kibble.agents.demonstrations.lerobot.layout import Place
from kibble.agents.pretrain.clip_columns import ClipNote, clip_of_columns
from kibble.agents.pretrain.clip_dataset import read_notes
from kibble.rewards.errors import CheckpointError
from kibble.rewards.grm.clips import Clip, read_clips, write_clips

__all__ = ["read_clip_datasets"]

_CACHE = ".decoded"
_IMAGES = "observation.images."


def read_clip_datasets(
    directory: Path,
    *,
    tasks: Sequence[str],
    workers: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Clip]:
    """Read the clips of tasks; frames stay on disk.

    Args:
        directory: Where ``<task>/meta/info.json`` of each task lies.
        tasks: Names of the tasks.
        workers: Processes that decode what was not decoded yet.
        on_progress: Called with the number of files decoded and to be decoded.

    Returns:
        The clips, task by task, in the order of recording.

    Raises:
        CheckpointError: If a dataset is missing, half-written, damaged, or not one of clips.
    """
    jobs: list[_Job] = []
    for task in tasks:
        jobs += _missing(directory / task)
    if workers == 1 or len(jobs) <= 1:
        for finished, job in enumerate(jobs, start=1):
            _decode(*job)
            if on_progress is not None:
                on_progress(finished, len(jobs))
    else:
        context = multiprocessing.get_context("forkserver")
        with ProcessPoolExecutor(max_workers=workers, mp_context=context) as pool:
            futures = [pool.submit(_decode, *job) for job in jobs]
            for finished, future in enumerate(as_completed(futures), start=1):
                future.result()
                if on_progress is not None:
                    on_progress(finished, len(jobs))
    return [clip for task in tasks for clip in read_clips(directory / task / _CACHE)]


_Job: TypeAlias = tuple[Path, Path, Info, list[EpisodeRow], list[ClipNote]]


def _missing(folder: Path) -> list[_Job]:
    """Return what is to be decoded, and delete what was decoded from other files."""
    info, rows, notes = read_info(folder), read_episode_rows(folder), read_notes(folder)
    files: dict[Place, list[EpisodeRow]] = {}
    for row in rows:
        files.setdefault(row.data, []).append(row)
    if len(rows) != info.episodes:
        raise CheckpointError(
            f"'{folder}' is half-written: meta/info.json speaks of {info.episodes} clips, "
            f"meta/episodes of {len(rows)}; run the command that was recording it again."
        )
    wanted: dict[str, _Job] = {}
    for place, inside in files.items():
        if len(notes.get(place, [])) != len(inside):
            raise CheckpointError(
                f"'{folder}' must have a note in meta/kibble on each clip of {place}, got "
                f"{len(notes.get(place, []))} for {len(inside)}; record it with `kibble pretrain`."
            )
        path = place.path(folder, info.data_path)
        try:
            stat = path.stat()
        except FileNotFoundError as error:
            raise CheckpointError(
                f"'{path}' must hold clips, but does not exist; fetch it, or record them again."
            ) from error
        name = f"{place.chunk:03d}-{place.file:03d}-{stat.st_size}-{stat.st_mtime_ns}"
        wanted[name] = (folder / _CACHE / name, folder, info, inside, notes[place])
    for old in (folder / _CACHE).glob("*"):
        if old.name not in wanted:
            shutil.rmtree(old)
    return [job for job in wanted.values() if not (job[0] / "clips.json").exists()]


def _decode(
    target: Path, folder: Path, info: Info, rows: list[EpisodeRow], notes: list[ClipNote]
) -> None:
    pictures = [name for name in info.features if name.startswith(_IMAGES)]
    clips = []
    for row, note in zip(rows, notes, strict=True):
        table = read_rows(folder, info, row, pictures=pictures)
        frames = {
            name.removeprefix(_IMAGES): read_frames(folder, info, row, table, name)
            for name in pictures
        }
        clips.append(clip_of_columns(table, frames, note))
    write_clips(target, clips)
