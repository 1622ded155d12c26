"""What figures are made from."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np

from kibble.agents.benchmark.readings import Readings
from kibble.agents.benchmark.trials import Trial
from kibble.rewards.metrics.bootstrap import Figure, bootstrap

__all__ = ["Evidence", "Measured"]

Measured: TypeAlias = dict[str, Figure | str]
"""Metric to its figure, or to the reason why it cannot be computed."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """Trials and what one model said of them.

    Args:
        trials: The trials.
        readings: The model's readings.
        seed: Seed of the intervals; every metric draws from a generator of its own.
        resamples: Bootstrap resamples.
    """

    trials: Sequence[Trial]
    readings: Readings
    seed: int
    resamples: int

    def figure(
        self,
        name: str,
        episodes: Sequence[_T],
        statistic: Callable[[Sequence[_T]], float],
        *,
        need: str,
    ) -> Figure | str:
        """Bootstrap a statistic of episodes.

        Args:
            name: The metric.
            episodes: What is known of each episode.
            statistic: From episodes, some of them repeated, to a value; NaN where not defined.
            need: What the data must have, said where the statistic is not defined.
        """
        figure = bootstrap(
            lambda drawn: statistic([episodes[i] for i in drawn]),
            len(episodes),
            rng=np.random.default_rng([self.seed, zlib.crc32(name.encode())]),
            resamples=self.resamples,
        )
        return f"needs {need}" if figure is None else figure

    def mean(self, name: str, values: Sequence[float], *, need: str) -> Figure | str:
        """Bootstrap the mean of one value for each episode."""
        return self.figure(name, values, lambda some: float(np.mean(some)), need=need)
