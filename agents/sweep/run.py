"""``kibble sweep``: many runs, as many at once as fit, and one report."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from kibble.agents.run_directory import free_directory
from kibble.agents.sweep.capacity import available_cores, available_memory, jobs_that_fit
from kibble.agents.sweep.config import SweepConfig
from kibble.agents.sweep.directory import Asked, SweepDirectory
from kibble.agents.sweep.grid import launcher_words
from kibble.agents.sweep.launching import check_launcher, launch_here, launch_with_hydra
from kibble.agents.sweep.plan import Cell, plan_cells
from kibble.agents.sweep.record import Evaluation, read_record, write_record
from kibble.agents.sweep.report import write_report
from kibble.agents.sweep.results import Results, read_results
from kibble.agents.sweep.table import Row, show
from kibble.rewards.errors import KibbleError

__all__ = ["sweep"]


def sweep(config: SweepConfig) -> int:
    """Train, evaluate and report: the command ``kibble sweep``.

    Args:
        config: The grid and how it is run.

    Returns:
        0 if every run that was asked for is finished, otherwise 1.

    Raises:
        KibbleError: If the words do not fit, before anything is started, or no run is finished.
    """
    console = Console(stderr=True)
    if config.report is not None:
        directory = SweepDirectory(path=Path(config.report))
        return _report(directory, config, only=None)
    launcher = launcher_words(config.words)
    words = tuple(word for word in config.words if word not in launcher)
    directory, asked = _open(config, words)
    try:
        check_launcher(launcher)
        cells = _plan(directory, (words,) if words else asked.grids)
    except KibbleError:
        if config.out is None:
            directory.path.rmdir()  # what cannot be trained leaves nothing behind
        raise
    directory.path.mkdir(parents=True, exist_ok=True)
    with directory.lock():
        grids = tuple(dict.fromkeys([*asked.grids, *([words] if words else [])]))
        how = _evaluation(config, asked.evaluation)
        directory.save(Asked(grids=grids, evaluation=how))
        pending = [cell for cell in cells if _is_pending(cell, directory, how)]
        jobs = config.jobs or jobs_that_fit(available_cores(), available_memory())
        if not config.quiet:
            where = " ".join(launcher) or f"{min(jobs, max(len(pending), 1))} at a time"
            console.print(
                f"{len(cells)} runs, {len(cells) - len(pending)} of them finished; {where}, in "
                f"{directory.path}",
                highlight=False,
                soft_wrap=True,
            )
        try:
            if pending and launcher:
                launch_with_hydra(
                    pending, directory, how, launcher, console=console, quiet=config.quiet
                )
            elif pending:
                launch_here(
                    pending, directory, how, jobs=jobs, console=console, quiet=config.quiet
                )
        except KeyboardInterrupt:
            console.print(
                f"Stopped. Go on with: kibble sweep out={directory.path}",
                highlight=False,
                soft_wrap=True,
            )
            raise
        return _report(directory, config, only=[cell.record.name for cell in cells])


def _open(config: SweepConfig, words: Sequence[str]) -> tuple[SweepDirectory, Asked]:
    """Find the directory and what has been asked there before."""
    if config.out is None:
        return SweepDirectory(path=free_directory(Path("runs") / "sweep")), Asked()
    directory = SweepDirectory(path=Path(config.out))
    if not words or (directory.path.exists() and any(directory.path.iterdir())):
        return directory, directory.load()  # says so where there is no sweep to go on with
    return directory, Asked()


def _plan(directory: SweepDirectory, grids: Sequence[Sequence[str]]) -> list[Cell]:
    """Plan all grids; where two ask for one run, the newer has the say over its budget."""
    cells = [cell for words in grids for cell in plan_cells(words, directory.runs)]
    return list({cell.record.name: cell for cell in cells}.values())


def _evaluation(config: SweepConfig, before: Evaluation) -> Evaluation:
    seeds = config.evaluation_seeds
    return Evaluation(
        episodes=before.episodes if config.episodes is None else config.episodes,
        seeds=before.seeds if seeds is None else tuple(seeds),
        judge=before.judge if config.judge is None else config.judge,
    )


def _is_pending(cell: Cell, directory: SweepDirectory, how: Evaluation) -> bool:
    """Write the record of a planned run, keeping what is done of it, and say if work is left."""
    path = directory.records / f"{cell.record.name}.json"
    record = cell.record
    if path.exists():
        known = read_record(path)
        record = dataclasses.replace(record, trained=known.trained, evaluated=known.evaluated)
    write_record(directory.records, record)
    return not record.is_finished(how)


def _report(directory: SweepDirectory, config: SweepConfig, only: list[str] | None) -> int:
    """Write the report, print its table and name what failed.

    Args:
        directory: The sweep.
        config: How to report.
        only: The runs that were asked for now, or None for all.
    """
    results = read_results(directory)
    missing = [one for one in results.unfinished if only is None or one.name in only]
    rows = write_report(directory, results, window=config.window)
    console = Console()
    if not console.is_terminal:
        console = Console(width=140)  # a pipe has no width of its own
    console.print(_table(rows, results))
    say = Console(soft_wrap=True, highlight=False, stderr=True).print
    for one in missing:
        say(f"Not finished: {one.name}: {one.error or 'it was stopped'}", markup=False)
    console.print(f"Report: {directory.path / 'report.md'}", highlight=False, soft_wrap=True)
    return 1 if missing else 0


def _table(rows: list[Row], results: Results) -> Table:
    table = Table(title=f"Success, %: {len(results.finished)} runs, 95 % bootstrap intervals")
    table.add_column("task")
    table.add_column("method")
    for title in ("runs", "IQM", "mean", "worst", "rollouts"):
        table.add_column(title, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            row.task,
            row.method,
            str(row.runs),
            show(row.iqm).replace("[", "\\["),
            f"{100 * row.mean:.1f}",
            f"{100 * row.worst:.1f}",
            f"{row.rollouts:,.0f}",
        )
    return table
