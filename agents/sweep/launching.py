"""Running the runs of a sweep: on this machine, or by a launcher plugin of Hydra."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from hydra.types import RunMode
from rich.console import Console

from kibble.agents.command_line.compose import open_composer
from kibble.agents.command_line.table import COMMANDS
from kibble.agents.sweep.directory import SweepDirectory
from kibble.agents.sweep.display import SweepDisplay
from kibble.agents.sweep.plan import Cell
from kibble.agents.sweep.processes import run_processes
from kibble.agents.sweep.record import Evaluation, read_record, write_record
from kibble.agents.sweep.work import HydraTask, train_and_evaluate
from kibble.rewards.errors import ConfigError

__all__ = ["check_launcher", "launch_here", "launch_with_hydra"]


def launch_here(
    cells: Sequence[Cell],
    directory: SweepDirectory,
    how: Evaluation,
    *,
    jobs: int,
    console: Console,
    quiet: bool,
) -> None:
    """Bring runs to their end in processes on this machine.

    Args:
        cells: The runs that are not finished; their records are there.
        directory: The sweep.
        how: How runs are evaluated.
        jobs: How many run side by side.
        console: Where progress is shown.
        quiet: Whether to show none.
    """
    calls = {
        cell.record.name: partial(
            train_and_evaluate, cell.record.name, cell.config, directory.records, how
        )
        for cell in cells
    }
    with _display(cells, console, quiet) as display:

        def ended(name: str, code: int) -> None:
            record = read_record(directory.records / f"{name}.json")
            if record.error is None and not record.is_finished(how):
                log = directory.logs / f"{name}.log"
                record = dataclasses.replace(record, error=_word_of_death(code, log))
                write_record(directory.records, record)
            display.ended(name, failed=record.error is not None)

        run_processes(
            calls, at_once=jobs, logs=directory.logs, on_start=display.started, on_end=ended
        )


def launch_with_hydra(
    cells: Sequence[Cell],
    directory: SweepDirectory,
    how: Evaluation,
    launcher: Sequence[str],
    *,
    console: Console,
    quiet: bool,
) -> None:
    """Bring runs to their end as jobs of Hydra's multirun, by the launcher that the words choose.

    Hydra sweeps over the run directories; each job trains what was composed and checked here.
    Its own files, such as a cluster's logs, are below ``<out>/hydra``.

    Args:
        cells: The runs that are not finished; their records are there.
        directory: The sweep, on a file system that the jobs share.
        how: How runs are evaluated.
        launcher: Such as ``hydra/launcher=submitit_slurm``.
        console: Where progress is shown.
        quiet: Whether to show none.
    """
    configs = {str(cell.config.run): cell.config for cell in cells}
    task = HydraTask(configs=configs, records=directory.records, logs=directory.logs, how=how)
    paths = ",".join("'" + path.replace("'", "\\'") + "'" for path in configs)
    overrides = [
        f"run={paths}",
        f"hydra.sweep.dir='{directory.path / 'hydra'}'",
        "hydra.sweep.subdir=.",
        "hydra.output_subdir=null",
        "hydra/job_logging=none",
        "hydra/hydra_logging=none",
        *launcher,
    ]
    trouble = ""
    with open_composer(COMMANDS["train"]):
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None  # the composer has initialised it
        with _display(cells, console, quiet) as display:
            for cell in cells:
                display.started(cell.record.name)
            try:
                hydra.multirun("train", task, overrides, with_log_configuration=False)
            except Exception as error:  # launchers have errors of their own; the runs have records
                trouble = f" The launcher stopped with {type(error).__name__}: {error}."
    for cell in cells:
        record = read_record(directory.records / f"{cell.record.name}.json")
        if record.error is None and not record.is_finished(how):
            text = f"The job has not reported; see '{directory.path / 'hydra'}'.{trouble}"
            write_record(directory.records, dataclasses.replace(record, error=text))


def check_launcher(launcher: Sequence[str]) -> None:
    """See that Hydra has the launcher that the words choose and that it has these settings.

    Args:
        launcher: Such as ``hydra/launcher=submitit_slurm``; none chooses none.

    Raises:
        ConfigError: If it has not.
    """
    if not launcher:
        return
    with open_composer(COMMANDS["train"]):
        try:
            GlobalHydra.instance().config_loader().load_configuration(
                "train", [*launcher], run_mode=RunMode.MULTIRUN
            )
        except HydraException as error:
            reason = str(error.__cause__ or error).splitlines()[0].rstrip(".")
            raise ConfigError(
                "`hydra/launcher` must name an installed launcher of Hydra and "
                f"`hydra.launcher.…` its settings, got {' '.join(launcher)}: {reason}. For a "
                "Slurm cluster `pip install hydra-submitit-launcher` and write "
                "hydra/launcher=submitit_slurm hydra.launcher.partition=…."
            ) from error


def _display(cells: Sequence[Cell], console: Console, quiet: bool) -> SweepDisplay:
    runs = {cell.record.name: (Path(str(cell.config.run)), cell.record.budget) for cell in cells}
    return SweepDisplay(runs, console=console, quiet=quiet)


def _word_of_death(code: int, log: Path) -> str:
    if code < 0:
        return (
            f"The process was killed by signal {-code}, where 9 is often want of memory; try "
            f"fewer at once (jobs=…) and start the sweep again. Its log: '{log}'."
        )
    return f"The process ended with status {code} and without a word; its log: '{log}'."
