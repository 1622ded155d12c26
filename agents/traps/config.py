"""Settings of ``kibble traps``."""

from __future__ import annotations

from dataclasses import dataclass, field

from kibble.agents.near_names import one_of
from kibble.rewards.errors import ConfigError

__all__ = ["MODES", "NAMES", "TrapsConfig"]

NAMES = ("lamps", "ring", "pad", "poster", "detour", "ditch")
MODES = ("none", "absolute", "held_absolute", "difference", "potential")


@dataclass(frozen=True, kw_only=True)
class TrapsConfig:
    """Settings of ``kibble traps``.

    Args:
        traps: Which worlds: lamps, ring, pad, poster, detour, ditch; one or several.
        modes: Which ways to turn the reward model's progress into a reward: none, absolute,
            held_absolute, difference, potential; one or several.
        seeds: Seeds that are trained, each in every world and mode.
        steps: Budget of environment steps of each training.
        shift: Added to progress to give the potential; -1 makes every reading but 1 a cost.
        jobs: Trainings at once; 0 takes one for each core, up to two.
        out: Directory of results, table and picture; null makes runs/traps.
        quiet: Whether to leave out progress bar and table.

    Raises:
        ConfigError: If a value is unknown or out of range.
    """

    traps: list[str] = field(default_factory=lambda: list(NAMES))
    modes: list[str] = field(default_factory=lambda: list(MODES))
    seeds: list[int] = field(default_factory=lambda: [0, 1, 2])
    steps: int = 16_384
    shift: float = 0.0
    jobs: int = 0
    out: str | None = None
    quiet: bool = False

    def __post_init__(self) -> None:
        for key, known in (("traps", NAMES), ("modes", MODES)):
            chosen = getattr(self, key)
            if not chosen or len(set(chosen)) < len(chosen):
                raise ConfigError(f"`{key}` must name each of some once, got {list(chosen)}.")
            for name in chosen:
                one_of(key, name, known)
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ConfigError(
                f"`seeds` must hold at least one seed, each once, got {list(self.seeds)}."
            )
        if self.steps < 1 or self.jobs < 0:
            raise ConfigError(
                f"`steps` must be at least 1 and `jobs` at least 0, got {self.steps} and "
                f"{self.jobs}."
            )
