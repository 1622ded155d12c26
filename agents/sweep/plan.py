"""From the words of a sweep to its runs, every one of them composed and checked beforehand."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from hydra.core.global_hydra import GlobalHydra

from kibble.agents.command_line.compose import Composer, open_composer
from kibble.agents.command_line.table import COMMANDS
from kibble.agents.config import TrainConfig
from kibble.agents.run_directory import RunDirectory, resumed_config
from kibble.agents.sweep.grid import config_dir_of, read_grid
from kibble.agents.sweep.record import Budget, RunRecord
from kibble.rewards.errors import ConfigError

__all__ = ["Cell", "plan_cells"]

_NAMED = ("reward", "shaping", "agent")  # settings that every run has, swept or not


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One run of a sweep.

    Args:
        record: What the report needs to know of it.
        words: The words that compose it.
        config: What they compose to, with a directory of its own.
    """

    record: RunRecord
    words: tuple[str, ...]
    config: TrainConfig


def plan_cells(words: Sequence[str], runs: Path) -> list[Cell]:
    """Compose every run of a grid.

    A sparse reward knows no shaping: where the grid crosses it with several modes it is trained
    once.

    Args:
        words: Words of ``kibble train`` with several values, and ``--config-dir=…``.
        runs: Directory of run directories.

    Returns:
        The runs, all methods and tasks of one seed before the next.

    Raises:
        ConfigError: If a combination cannot be composed, two runs would share a name, or a run
            that began with other settings is there.
        CheckpointError: If the configuration of a run that is there is damaged.
    """
    cells: dict[str, Cell] = {}
    with open_composer(COMMANDS["train"], config_dir_of(words)) as composer:
        grid = read_grid(words, GlobalHydra.instance().config_loader())
        composed: dict[tuple[str, ...], TrainConfig] = {}
        for point in grid.points():
            words = (*grid.fixed, *(f"{key}={value}" for key, value in point.items()))
            config = _compose(composer, words, composed)
            cell = _cell(config, words, point, runs)
            name, path = cell.record.name, runs / cell.record.name
            if name in cells:
                if cell.config.reward.kind == "sparse" and cell.config == dataclasses.replace(
                    cells[name].config, shaping=cell.config.shaping
                ):
                    continue
                raise ConfigError(
                    f"Every run of a sweep must have a name of its own, got '{name}' for "
                    f"{' '.join(cell.words)} and for {' '.join(cells[name].words)}; choose values "
                    "that still differ with other signs than letters and digits left out."
                )
            if (path / "config.yaml").exists():
                resumed_config(RunDirectory(path=path).load_config(), cell.config)
            cells[name] = cell
    return list(cells.values())


def _compose(
    composer: Composer, words: Sequence[str], composed: dict[tuple[str, ...], TrainConfig]
) -> TrainConfig:
    """Compose, but for seeds that nothing else hangs on: Hydra takes 0.15 s each time."""
    key = tuple(word for word in words if not word.startswith("seed="))
    seeds = [word.removeprefix("seed=") for word in words if word not in key]
    hangs_on_seed = any("${seed" in word for word in words)
    if key in composed and not hangs_on_seed and seeds and seeds[-1].isdecimal():
        return dataclasses.replace(composed[key], seed=int(seeds[-1]))
    composed[key] = cast("TrainConfig", composer.instantiate(words))
    return composed[key]


def _cell(
    config: TrainConfig, words: tuple[str, ...], point: Mapping[str, str], runs: Path
) -> Cell:
    further = {
        key.lstrip("+"): value.strip("'\"")
        for key, value in point.items()
        if key not in (*_NAMED, "task", "seed")
    }
    task = "-".join(
        [config.task.name, *(_short(k, v) for k, v in further.items() if k.startswith("task."))]
    )
    settings = {
        "reward": config.reward.name,
        "shaping": "" if config.reward.kind == "sparse" else config.shaping.mode,
        "agent": config.agent.name,
        **{key: value for key, value in further.items() if not key.startswith("task.")},
    }
    name = "-".join(_parts_of_name(task, settings, config.seed))
    config = dataclasses.replace(config, run=str(runs / name), quiet=True)
    record = RunRecord(
        name=name,
        task=task,
        seed=config.seed,
        settings=settings,
        budget=Budget(steps=config.steps, rollouts=config.rollouts),
    )
    return Cell(record=record, words=words, config=config)


def _parts_of_name(task: str, settings: Mapping[str, str], seed: int) -> Iterator[str]:
    yield _plain(task)
    for key, value in settings.items():
        if value:
            yield _plain(value) if key in _NAMED else _short(key, value)
    yield f"seed{seed}"


def _short(key: str, value: str) -> str:
    """Name a setting briefly.

    >>> _short("agent.gamma", "0.95")
    'gamma0.95'
    """
    return _plain(key.rpartition(".")[2] + value)


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._+]+", "_", text).strip("_")
