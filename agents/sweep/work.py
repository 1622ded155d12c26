"""What one process of a sweep does: train a run, evaluate it, and leave a record of both."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kibble.agents.config import EvaluateConfig, TrainConfig
from kibble.agents.graphics import choose_backend
from kibble.agents.sweep.record import Evaluation, read_record, write_record
from kibble.rewards.errors import KibbleError

if TYPE_CHECKING:
    from omegaconf import DictConfig

__all__ = ["HydraTask", "train_and_evaluate"]


def train_and_evaluate(name: str, config: TrainConfig, records: Path, how: Evaluation) -> None:
    """Bring a run to its end from wherever it is, and say so in its record.

    Training goes on from the newest checkpoint; what is done already is not done again. A failure
    is written into the record and does not leave this function, because the runs beside this one
    are none of its business.

    Args:
        name: Name of the run and of its record, which is there.
        config: The run; ``config.run`` names its directory.
        records: Directory of the records.
        how: How it is evaluated.
    """
    assert config.run is not None  # the plan gave it one
    run = Path(config.run)
    record = dataclasses.replace(read_record(records / f"{name}.json"), error=None)
    try:
        choose_backend(os.environ, needed=False)
        if record.trained != record.budget:
            from kibble.agents.train import run_training  # imports MuJoCo: only now

            begun = (run / "config.yaml").exists()
            if run.exists() and not begun:  # killed while it was being made
                shutil.rmtree(run)
            run_training(dataclasses.replace(config, resume=begun))
            record = dataclasses.replace(record, trained=record.budget, evaluated=None)
            write_record(records, record)
        if record.evaluated != how:
            from kibble.agents.evaluate import run_evaluation

            run_evaluation(
                EvaluateConfig(
                    run=config.run,
                    episodes=how.episodes,
                    seeds=list(how.seeds),
                    judge=how.judge,
                    out=str(run / "evaluation"),
                    videos=0,
                    device=config.device,
                    threads=config.threads,
                    quiet=True,
                )
            )
            record = dataclasses.replace(record, evaluated=how)
    except KibbleError as error:
        record = dataclasses.replace(record, error=str(error))
    except Exception as error:  # whatever it is, it is this run's alone, and it is reported
        traceback.print_exc()
        text = f"{type(error).__name__}: {error}. The log has the traceback."
        record = dataclasses.replace(record, error=text)
    write_record(records, record)


@dataclass(frozen=True, slots=True, kw_only=True)
class HydraTask:
    """The task function of a launcher of Hydra: it trains the run that ``run`` names.

    Args:
        configs: Run directory to the run as it was composed and checked.
        records: Directory of the records.
        logs: Directory of the logs.
        how: How runs are evaluated.
    """

    configs: dict[str, TrainConfig]
    records: Path
    logs: Path
    how: Evaluation

    def __call__(self, config: DictConfig) -> None:
        """Train and evaluate, as :func:`train_and_evaluate`."""
        run = str(config.run)
        name = Path(run).name
        self.logs.mkdir(exist_ok=True)
        with (
            (self.logs / f"{name}.log").open("a", encoding="utf-8") as log,
            contextlib.redirect_stdout(log),
            contextlib.redirect_stderr(log),
        ):
            train_and_evaluate(name, self.configs[run], self.records, self.how)
