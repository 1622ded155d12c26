"""The table that an evaluation ends with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from kibble.agents.evaluation_summary import RunSummary, SeedSummary

__all__ = ["evaluation_table"]


def evaluation_table(summaries: Sequence[RunSummary]) -> Table:
    """Lay the runs out, one line each and one for each evaluation seed.

    Columns: success with its 95 % Wilson interval; what the reward model called success, how often
    it agrees with the truth, its false positives and negatives; mean steps and mean return.
    """
    table = Table(title="Success rate, 95 % Wilson interval")
    table.add_column("run", overflow="fold", min_width=12)
    table.add_column("reward", no_wrap=True)
    for title in ("steps", "seed", "episodes", "success", "interval"):
        table.add_column(title, justify="right", no_wrap=True)
    judged = any(summary.pooled.judgement is not None for summary in summaries)
    if judged:
        for title in ("model says", "agree", "false pos.", "false neg."):
            table.add_column(title, justify="right", no_wrap=True)
    for title in ("length", "return"):
        table.add_column(title, justify="right", no_wrap=True)
    for summary in summaries:
        head = (Path(summary.run).name, summary.reward, f"{summary.steps:,}")
        table.add_row(*head, "all", *_cells(summary.pooled, judged=judged), style="bold")
        if len(summary.seeds) > 1:
            for seed, figures in summary.seeds.items():
                table.add_row("", "", "", str(seed), *_cells(figures, judged=judged))
        table.add_section()
    return table


def _cells(figures: SeedSummary, *, judged: bool) -> list[str]:
    success, verdict = figures.success, figures.judgement
    cells = [str(figures.episodes)]
    if success is None:
        cells += ["unknown", ""]
    else:
        cells += [_percent(success.rate), f"{_percent(success.low)} to {_percent(success.high)}"]
    if judged and verdict is not None:
        cells += [_percent(verdict.success_rate), _percent(verdict.agreement)]
        cells += [str(verdict.false_positives), str(verdict.false_negatives)]
    elif judged:
        cells += ["", "", "", ""]
    return [*cells, f"{figures.mean_length:.1f}", f"{figures.mean_return:.2f}"]


def _percent(share: float) -> str:
    """Write a share.

    >>> _percent(0.958)
    '95.8 %'
    """
    return f"{100 * share:.1f} %"
