"""``meta/info.json``, ``meta/tasks.parquet`` and ``meta/stats.json`` of a LeRobot dataset."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from kibble.agents.demonstrations.lerobot import layout
from kibble.agents.demonstrations.lerobot.features import INDEX_FEATURES, Feature, Features
from kibble.agents.demonstrations.lerobot.layout import write_at_once
from kibble.agents.demonstrations.lerobot.statistics import Statistics
from kibble.rewards.errors import CheckpointError

__all__ = ["Info", "read_info", "read_tasks", "write_info", "write_statistics", "write_tasks"]

_CONVERTER = (
    "python -m lerobot.scripts.convert_dataset_v21_to_v30 --repo-id=local --root={folder} "
    "--push-to-hub=false"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    """What ``info.json`` says of a dataset.

    Args:
        fps: States per second.
        features: Without the index features, which every dataset has.
        episodes: Number of episodes.
        frames: Number of rows of all episodes.
        tasks: Number of sentences.
        robot: What recorded it, or ``None``.
        data_path: Template of the data files' paths.
        video_path: Template of the videos' paths, or ``None`` where there are none.
    """

    fps: float
    features: Features
    episodes: int
    frames: int
    tasks: int
    robot: str | None = None
    data_path: str = layout.DATA_PATH
    video_path: str | None = layout.VIDEO_PATH


def write_info(folder: Path, info: Info) -> None:
    """Write ``info.json`` in one step; last of all, for it says what is there."""
    has_videos = any(feature.dtype == "video" for feature in info.features.values())
    tree = {
        "codebase_version": layout.CODEBASE_VERSION,
        "fps": int(info.fps) if float(info.fps).is_integer() else info.fps,
        "features": {
            name: feature.to_json()
            for name, feature in {**info.features, **INDEX_FEATURES}.items()
        },
        "total_episodes": info.episodes,
        "total_frames": info.frames,
        "total_tasks": info.tasks,
        "chunks_size": layout.CHUNK_SIZE,
        "data_files_size_in_mb": 100,
        "video_files_size_in_mb": 200,
        "data_path": info.data_path,
        "video_path": info.video_path if has_videos else None,
        "robot_type": info.robot,
        "splits": {"train": f"0:{info.episodes}"},
    }
    _write_json(folder / layout.INFO, tree)


def read_info(folder: Path) -> Info:
    """Read ``info.json``.

    Raises:
        CheckpointError: If it is missing, damaged, or of another version of the format.
    """
    path = folder / layout.INFO
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
        version = str(tree["codebase_version"])
        if not version.startswith("v3."):
            raise _wrong_version(folder, version)
        fps = float(tree["fps"])
        if not 0.0 < fps < float("inf"):
            raise ValueError(f"fps {fps}")
        return Info(
            fps=fps,
            features={
                name: Feature.from_json(feature)
                for name, feature in tree["features"].items()
                if name not in INDEX_FEATURES
            },
            episodes=int(tree["total_episodes"]),
            frames=int(tree["total_frames"]),
            tasks=int(tree["total_tasks"]),
            robot=tree.get("robot_type"),
            data_path=tree.get("data_path") or layout.DATA_PATH,
            video_path=tree.get("video_path"),
        )
    except FileNotFoundError as error:
        raise _missing(folder) from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(
            f"'{path}' must describe a LeRobot dataset, but cannot be read: {error!r}; the file "
            "is damaged: fetch or record the dataset again."
        ) from error


def write_tasks(folder: Path, tasks: Sequence[str]) -> None:
    """Write the sentences, each under its place in the sequence, in one step."""
    columns = [
        {"name": "task_index", "pandas_type": "int64", "numpy_type": "int64"},
        {"name": "task", "pandas_type": "unicode", "numpy_type": "object"},
    ]
    pandas = {  # so that pandas makes the sentences the table's index
        "index_columns": ["task"],
        "column_indexes": [],
        "columns": [{**one, "field_name": one["name"], "metadata": None} for one in columns],
        "pandas_version": "2.3.0",
    }
    table = pa.table(
        {
            "task_index": pa.array(range(len(tasks)), pa.int64()),
            "task": pa.array(tasks, pa.string()),
        }
    ).replace_schema_metadata({"pandas": json.dumps(pandas)})
    write_at_once(folder / layout.TASKS, lambda file: pq.write_table(table, file))


def read_tasks(folder: Path) -> dict[int, str]:
    """Return the sentences by their numbers.

    Raises:
        CheckpointError: If the file is missing or damaged.
    """
    path = folder / layout.TASKS
    try:
        with pq.ParquetFile(path) as file:
            table = file.read()
        said = next(name for name in ("task", "__index_level_0__") if name in table.column_names)
        numbers = table.column("task_index").to_pylist()
        return dict(zip(numbers, map(str, table.column(said).to_pylist()), strict=True))
    except (pa.ArrowException, OSError, KeyError, StopIteration) as error:
        raise CheckpointError(
            f"'{path}' must hold the dataset's sentences, but cannot be read: {error!r}; fetch or "
            "record the dataset again."
        ) from error


def write_statistics(folder: Path, statistics: Statistics) -> None:
    """Write ``stats.json`` in one step; see ``join_statistics``."""
    tree = {
        name: {key: value.tolist() for key, value in figures.items()}
        for name, figures in statistics.items()
    }
    _write_json(folder / layout.STATS, tree)


def _write_json(path: Path, tree: object) -> None:
    text = json.dumps(tree, indent=4, ensure_ascii=False)
    write_at_once(path, lambda file: file.write(text.encode()))


def _wrong_version(folder: Path, version: str) -> CheckpointError:
    if version.startswith("v2."):
        remedy = (
            f"convert it with the lerobot package: `{_CONVERTER.format(folder=folder)}` "
            "(from v2.1; an older dataset must be brought to v2.1 first)."
        )
    else:
        remedy = "read it with a version of kibble that knows it."
    return CheckpointError(
        f"'{folder}' must be of LeRobot's codebase version v3.0, got {version}; {remedy}"
    )


def _missing(folder: Path) -> CheckpointError:
    if not folder.is_dir():
        return CheckpointError(
            f"'{folder}' must be the folder of a LeRobot dataset, but does not exist; record one "
            "with `kibble demos out=…`."
        )
    if any(folder.glob("data/chunk-*/*.parquet")) or (folder / "meta").is_dir():
        return CheckpointError(
            f"'{folder}' holds a half-written dataset: it must have {layout.INFO}, which is "
            "written last; go on with the command that was recording it, or fetch it again."
        )
    return CheckpointError(
        f"'{folder}' must be a LeRobot dataset (v3.0), but has no {layout.INFO}; record one with "
        "`kibble demos out=…`."
    )
