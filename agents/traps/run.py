"""The command ``kibble traps``."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from kibble.agents.progress_bar import bar
from kibble.agents.run_directory import new_directory
from kibble.agents.traps.config import TrapsConfig
from kibble.agents.traps.incentives import optimal_policy, progress_in_every_cell
from kibble.agents.traps.outcome import outcome_of, ways_of
from kibble.agents.traps.picture import draw_traps
from kibble.agents.traps.results import (
    TrapResult,
    as_json,
    cell_text,
    failing,
    markdown,
    short_of_optimum,
)
from kibble.agents.traps.training import GAMMA, train_in_trap
from kibble.envs.traps import TRAPS, trap_model
from kibble.rewards.held_queries import hold_between_queries
from kibble.rewards.rule import ShapingRule
from kibble.rewards.shaping import ShapingMode

__all__ = ["run_traps", "settings_of", "traps"]

Key = tuple[str, str, int]
Policies = Mapping[Key, NDArray[np.float64]]
RESULTS, TABLE, PICTURE = "traps.json", "traps.md", "traps.png"


def traps(config: TrapsConfig) -> None:
    """Train, judge, and say what came out: the command ``kibble traps``."""
    out = new_directory(config.out, otherwise=Path("runs") / "traps")
    results = run_traps(config)
    (out / RESULTS).write_text(json.dumps(as_json(results, settings_of(config)), indent=2) + "\n")
    (out / TABLE).write_text(markdown(results))
    draw_traps(results, out / PICTURE)
    if config.quiet:
        return
    console = Console(soft_wrap=True, highlight=False)
    console.print(_table(results))
    for mode in config.modes:
        places = ", ".join(failing(results, mode)) or "nowhere"
        short = max(0.0, short_of_optimum(results, mode))
        console.print(f"{mode}: {short:.1f} points short at worst; fails in {places}")
    console.print(f"Picture: {out / PICTURE}\nFigures: {out / RESULTS} and {out / TABLE}")


def run_traps(config: TrapsConfig) -> list[TrapResult]:
    """Train every mode in every trap, and judge what was learned exactly.

    Args:
        config: Traps, modes, seeds and budget.

    Returns:
        One result for each trap, in the order of the configuration.
    """
    policies: dict[Key, NDArray[np.float64]] = {}
    keys = list(product(config.traps, config.modes, config.seeds))
    with bar(config.quiet, "trainings") as show:
        show(0, len(keys))
        for key, policy in _train(keys, config):
            policies[key] = policy
            show(len(policies), len(keys))
    return [_judge(name, policies, config) for name in config.traps]


def _train(keys: list[Key], config: TrapsConfig) -> Iterator[tuple[Key, NDArray[np.float64]]]:
    """Train each, in processes of their own where several are to run at once."""
    train = partial(train_in_trap, steps=config.steps, shift=config.shift)
    jobs = min(config.jobs or min(os.cpu_count() or 1, 2), len(keys))
    if jobs == 1:
        for name, mode, seed in keys:
            yield (name, mode, seed), train(name, mode=mode, seed=seed)
        return
    context = multiprocessing.get_context("spawn")  # a forked process inherits torch's threads
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        futures = {pool.submit(train, key[0], mode=key[1], seed=key[2]): key for key in keys}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _judge(name: str, policies: Policies, config: TrapsConfig) -> TrapResult:
    trap = TRAPS[name]
    progress = progress_in_every_cell(trap, trap_model(name))
    held = hold_between_queries(trap.layout.mdp(), every=trap.query_every)
    judge = partial(outcome_of, trap, held, progress=progress, gamma=GAMMA)

    def best(mode: str) -> NDArray[np.float64]:
        rule = ShapingRule(gamma=GAMMA, mode=ShapingMode(mode))
        return optimal_policy(held, progress, rule, shift=config.shift)

    modes = config.modes
    return TrapResult(
        trap=trap,
        optimum=judge(policy=best("none")),
        asked_for={mode: judge(policy=best(mode)) for mode in modes},
        learned={
            mode: [judge(policy=policies[name, mode, seed][held.state]) for seed in config.seeds]
            for mode in modes
        },
        ways={
            mode: ways_of(trap, held, policies[name, mode, config.seeds[0]][held.state])
            for mode in modes
        },
    )


def _table(results: list[TrapResult]) -> Table:
    table = Table(title="Success in %, learned (and as the reward asks for it, solved exactly)")
    table.add_column("trap", no_wrap=True)
    table.add_column("optimum", justify="right", no_wrap=True)
    modes = list(results[0].learned)
    for mode in modes:
        table.add_column(mode, justify="right", no_wrap=True)
    for result in results:
        cells = []
        for mode in modes:
            text = cell_text(result, mode)
            good = result.trap.name not in failing([result], mode)
            cells.append(f"[bold]{text}[/bold]" if good else f"[red]{text}[/red]")
        optimum = f"{100 * result.optimum.success:.0f}"
        table.add_row(result.trap.name, optimum, *cells)
    return table


def settings_of(config: TrapsConfig) -> dict[str, object]:
    """Return what the figures were made with."""
    return {**asdict(config), "gamma": GAMMA, "algorithm": "PPO"}
