"""What ``kibble sweep`` is asked for; free of heavy imports."""

from __future__ import annotations

from dataclasses import dataclass, field

from kibble.rewards.errors import ConfigError

__all__ = ["SweepConfig"]


@dataclass(frozen=True, kw_only=True)
class SweepConfig:
    """A grid of training runs, their evaluation and one report.

    Args:
        words: Words of `kibble train`, several values separated by commas; whatever is not a key
            of the sweep itself lands here, so it need not be written out.
        out: Directory of everything; null makes runs/sweep, or runs/sweep-2 where that is taken.
            With the directory of a sweep that was stopped it goes on.
        report: Directory of a sweep to report on anew, without training; with no other key but
            window.
        jobs: Runs at once on this machine; 0 takes as many as cores and free memory carry.
        episodes: Evaluation episodes of each finished run for each seed in evaluation_seeds; null
            takes 100, or what the sweep began with.
        evaluation_seeds: Seeds of the evaluation episodes, the same for all runs; null takes
            [10000], or what the sweep began with.
        judge: none (no frames, fastest), run (the model recorded in the run), shipped weights or
            a path; its judgement of success stands beside the truth in the evaluations. Null
            takes none, or what the sweep began with.
        window: Training episodes that each point of a learning curve is a mean of.
        quiet: Whether to leave out progress lines.
    """

    words: list[str] = field(default_factory=list)
    out: str | None = None
    report: str | None = None
    jobs: int = 0
    episodes: int | None = None
    evaluation_seeds: list[int] | None = None
    judge: str | None = None
    window: int = 20
    quiet: bool = False

    def __post_init__(self) -> None:
        if self.jobs < 0:
            raise ConfigError(f"`jobs` must be 0 (as many as fit) or more, got {self.jobs}.")
        for key in ("episodes", "window"):
            value = getattr(self, key)
            if value is not None and value < 1:
                raise ConfigError(f"`{key}` must be at least 1, got {value}.")
        if self.evaluation_seeds is not None and not self.evaluation_seeds:
            raise ConfigError("`evaluation_seeds` must hold at least one seed, got none.")
        if self.report is not None and (self.words or self.out is not None):
            raise ConfigError(
                f"`report` must stand without `out` and without words of `kibble train`, got "
                f"out={self.out} and {' '.join(self.words) or 'no words'}; write "
                f"kibble sweep report={self.report}, or out={self.report} to train on."
            )
        if self.report is None and self.out is None and not self.words:
            raise ConfigError(
                "A sweep must be told what to train or which sweep to go on with, got nothing; "
                "write for example kibble sweep task=reach reward=grm_tiny,sparse seed=0,1,2, or "
                "out=runs/sweep, or report=runs/sweep."
            )
