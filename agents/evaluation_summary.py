"""From the outcomes of episodes to the figures that are reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from kibble.agents.intervals import Proportion, wilson
from kibble.agents.judgement import Judgement, compare
from kibble.agents.rollouts import Outcome

__all__ = ["RunSummary", "SeedSummary", "as_json", "summarise"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedSummary:
    """The figures of one evaluation seed, or of all of them pooled.

    Args:
        episodes: Episodes played.
        success: Share of true successes with its interval; None where nobody knows.
        judgement: The reward model beside the truth; None without a model.
        mean_length: Mean steps of an episode.
        mean_return: Mean undiscounted return of the task's own reward.
    """

    episodes: int
    success: Proportion | None
    judgement: Judgement | None
    mean_length: float
    mean_return: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """The figures of one run.

    Args:
        run: The run directory.
        task: Name of its task.
        reward: Name of its reward.
        agent: Name of its algorithm.
        seed: Seed that it was trained with.
        steps: Environment steps that the evaluated agent was trained for.
        judge: Name of the reward model that judged, or None.
        pooled: All evaluation seeds together.
        seeds: Each evaluation seed.
    """

    run: str
    task: str
    reward: str
    agent: str
    seed: int
    steps: int
    judge: str | None
    pooled: SeedSummary
    seeds: dict[int, SeedSummary]


def summarise(outcomes: Sequence[Outcome]) -> SeedSummary:
    """Count successes, verdicts, steps and returns.

    Args:
        outcomes: At least one episode.
    """
    known = [outcome.success for outcome in outcomes if outcome.success is not None]
    return SeedSummary(
        episodes=len(outcomes),
        success=wilson(sum(known), len(known)) if known else None,
        judgement=compare(
            [outcome.success for outcome in outcomes],
            [outcome.model_success for outcome in outcomes],
        ),
        mean_length=sum(outcome.length for outcome in outcomes) / len(outcomes),
        mean_return=sum(outcome.return_task for outcome in outcomes) / len(outcomes),
    )


def as_json(summaries: Sequence[RunSummary]) -> dict[str, object]:
    """Return the content of ``evaluation.json``; what is not known is null."""
    return {
        "runs": [
            {
                "run": summary.run,
                "task": summary.task,
                **_figures(summary.pooled),
                "reward": summary.reward,
                "agent": summary.agent,
                "seed": summary.seed,
                "steps": summary.steps,
                "judge": summary.judge,
                "seeds": [
                    {"seed": seed, **_figures(figures)} for seed, figures in summary.seeds.items()
                ],
            }
            for summary in summaries
        ]
    }


def _figures(figures: SeedSummary) -> dict[str, object]:
    success, judged = figures.success, figures.judgement
    verdicts = None if judged is None else asdict(judged)
    return {
        "episodes": figures.episodes,
        "success_rate": None if success is None else success.rate,
        "low": None if success is None else success.low,
        "high": None if success is None else success.high,
        "successes": None if success is None else success.successes,
        "model_success_rate": None if verdicts is None else verdicts["success_rate"],
        "agreement": None if verdicts is None else verdicts["agreement"],
        "false_positives": None if verdicts is None else verdicts["false_positives"],
        "false_negatives": None if verdicts is None else verdicts["false_negatives"],
        "mean_length": figures.mean_length,
        "mean_return": figures.mean_return,
    }
