"""Everything measured in the traps, and what it amounts to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from kibble.agents.traps.outcome import Outcome
from kibble.envs.traps import Trap

__all__ = ["TrapResult", "as_json", "cell_text", "failing", "markdown", "short_of_optimum"]

Ways = tuple[tuple[int, ...], ...]
_FAILS = 5.0  # points of success below the optimum


@dataclass(frozen=True, slots=True, kw_only=True)
class TrapResult:
    """All modes in one trap.

    Args:
        trap: The trap.
        optimum: The best that the task's own reward allows.
        asked_for: Mode to what an agent does that is optimal under it, solved exactly.
        learned: Mode to what was learned, one for each seed.
        ways: Mode to the ways that the first seed's agent takes from each start.
    """

    trap: Trap
    optimum: Outcome
    asked_for: Mapping[str, Outcome]
    learned: Mapping[str, Sequence[Outcome]]
    ways: Mapping[str, Ways]

    def success(self, mode: str) -> float:
        """Mean share of successes over seeds."""
        return float(np.mean([outcome.success for outcome in self.learned[mode]]))

    def model_reward(self, mode: str) -> float:
        """Mean over seeds of what the model pays."""
        return float(np.mean([outcome.model_reward for outcome in self.learned[mode]]))

    def share_of_return(self, mode: str) -> float:
        """Mean over seeds of the discounted true return, over the optimum's."""
        returns = [outcome.return_task for outcome in self.learned[mode]]
        return float(np.mean(returns)) / self.optimum.return_task


def short_of_optimum(results: Sequence[TrapResult], mode: str) -> float:
    """Return by how many points of success a mode falls short where it does worst."""
    gaps = [result.optimum.success - result.success(mode) for result in results]
    return 100.0 * max(gaps)


def failing(results: Sequence[TrapResult], mode: str) -> tuple[str, ...]:
    """Return the traps in which a mode stays more than 5 points of success below the optimum."""
    return tuple(
        result.trap.name for result in results if short_of_optimum([result], mode) > _FAILS
    )


def as_json(results: Sequence[TrapResult], settings: Mapping[str, object]) -> dict[str, object]:
    """Return all figures as JSON."""
    modes = list(results[0].learned)
    return {
        "settings": dict(settings),
        "summary": {
            mode: {
                "success_points_below_optimum_at_worst": short_of_optimum(results, mode),
                "return_share_at_worst": min(each.share_of_return(mode) for each in results),
                "fails_in": list(failing(results, mode)),
            }
            for mode in modes
        },
        "traps": {
            result.trap.name: {
                "flaw": result.trap.flaw,
                "time_limit": result.trap.steps,
                "query_every": result.trap.query_every,
                "slip": result.trap.layout.slip,
                "optimum": asdict(result.optimum),
                "modes": {
                    mode: {
                        "success": result.success(mode),
                        "model_reward": result.model_reward(mode),
                        "share_of_return": result.share_of_return(mode),
                        "asked_for": asdict(result.asked_for[mode]),
                        "learned": [asdict(outcome) for outcome in result.learned[mode]],
                    }
                    for mode in modes
                },
            }
            for result in results
        },
    }


def markdown(results: Sequence[TrapResult]) -> str:
    """Write the table: success learned, and what the model paid for it."""
    modes = list(results[0].learned)
    names = [mode.replace("_", " ") for mode in modes]
    lines = [
        f"| trap | its reward model | optimum | {' | '.join(names)} |",
        f"|---|---|---|{'---|' * len(modes)}",
    ]
    for result in results:
        cells = [cell_text(result, mode) for mode in modes]
        optimum = f"{100 * result.optimum.success:.0f}"
        lines.append(
            f"| {result.trap.name} | {result.trap.flaw} | {optimum} | {' | '.join(cells)} |"
        )
    worst = [f"{short_of_optimum(results, mode):.1f}" for mode in modes]
    lines.append(f"| points short at worst | | | {' | '.join(worst)} |")
    return "\n".join(lines) + "\n"


def cell_text(result: TrapResult, mode: str) -> str:
    """Write one cell: success in % as learned, and in brackets as the reward asks for it."""
    asked = 100 * result.asked_for[mode].success
    return f"{100 * result.success(mode):.0f} ({asked:.0f})"
