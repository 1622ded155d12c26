"""Measure trained runs: success rates, the reward model's judgement, pictures and films."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from rich.console import Console

from kibble.agents.action_chunks import in_chunks
from kibble.agents.builders import resolve_device
from kibble.agents.config import VISUAL_OBSERVATIONS, EvaluateConfig, TrainConfig
from kibble.agents.environments import make_environment, make_observed
from kibble.agents.episode_log import read_episodes
from kibble.agents.evaluation_plots import plot_learning_curves, plot_success
from kibble.agents.evaluation_summary import RunSummary, as_json, summarise
from kibble.agents.evaluation_table import evaluation_table
from kibble.agents.goal_shown import GoalShown, goal_of
from kibble.agents.overlay import write_video
from kibble.agents.players import TrainedPlayer
from kibble.agents.reward_opening import load_reward_model, open_watching
from kibble.agents.rollouts import Env, Outcome, play
from kibble.agents.run_directory import RunDirectory, open_run
from kibble.rewards.reference import parse_reference
from kibble.rewards.types import RewardModel

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["evaluate", "run_evaluation"]

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """A run under evaluation, with all that its episodes need."""

    directory: RunDirectory
    config: TrainConfig
    judge: RewardModel | None
    embedder: RewardModel | None
    player: TrainedPlayer


def evaluate(config: EvaluateConfig) -> None:
    """Evaluate as configured: the command ``kibble evaluate``; see :func:`run_evaluation`."""
    run_evaluation(config)


def run_evaluation(config: EvaluateConfig) -> list[RunSummary]:
    """Play the same episodes with every run and report.

    Writes ``evaluation.json``, ``plots`` and ``videos`` into ``config.out``, by default the run
    directory, or ``evaluation`` beside several runs. An earlier evaluation there is replaced.

    Args:
        config: Runs, episodes and seeds.

    Returns:
        The figures of each run, in the order given.

    Raises:
        KibbleError: If a run is not there, or its checkpoints or weights are damaged.
    """
    torch.set_num_threads(config.threads)
    device = resolve_device(config.device)
    directories = [open_run(Path(run)) for run in config.runs]
    subjects = [_subject(directory, config, device) for directory in directories]
    out = _output_directory(config, directories)
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)  # a pipe has no width of its own
    summaries = []
    for subject in subjects:
        outcomes = _play(subject, config, Console(stderr=True))
        summaries.append(_summary(subject, config, outcomes))
        if config.videos:
            videos = (out if len(subjects) == 1 else out / subject.directory.path.name) / "videos"
            _film(subject, config, outcomes, videos)
    _write(out, summaries, subjects)
    console.print(evaluation_table(summaries))
    console.print(f"Figures, pictures and films: {out}", highlight=False)
    return summaries


def _subject(directory: RunDirectory, config: EvaluateConfig, device: torch.device) -> _Subject:
    run = directory.load_config()
    embeds = run.observation == "embedding"
    wanted = embeds or config.judge == "run"
    trained = load_reward_model(run, device, query_every=1) if wanted else None
    judge = trained if config.judge == "run" else None
    if config.judge not in ("run", "none"):
        judge = open_watching(parse_reference(config.judge), run, device)
    embedder = trained if embeds else None
    player = TrainedPlayer(
        run, directory, embedder, device=device, deterministic=config.deterministic
    )
    return _Subject(directory=directory, config=run, judge=judge, embedder=embedder, player=player)


def _environments(subject: _Subject, count: int, *, renders: bool) -> list[Env]:
    spec = None if subject.embedder is None else subject.embedder.spec
    run, goal = subject.config, goal_of(subject.config.reward)
    renders = renders or run.observation in VISUAL_OBSERVATIONS

    def make() -> Env:
        env = make_environment(run.task, renders=renders)
        shown = env if goal is None else GoalShown(env, goal)
        return make_observed(in_chunks(shown, run.agent), run.observation, spec)

    return [make() for _ in range(count)]


def _play(subject: _Subject, config: EvaluateConfig, console: Console) -> list[Outcome]:
    episodes = [(seed, index) for seed in config.seeds for index in range(config.episodes)]
    count = 1 if subject.config.task.real_time else min(config.n_envs, len(episodes))
    envs = _environments(subject, count, renders=subject.judge is not None)
    name = subject.directory.path.name
    try:
        with console.status("") as status:
            return play(
                subject.player,
                envs,
                episodes,
                model=subject.judge,
                instruction=subject.config.task.instruction,
                on_finish=_counter(status.update, name, len(episodes)),
            )
    finally:
        for env in envs:
            env.close()


def _counter(show: Callable[[str], None], name: str, total: int) -> Callable[[Outcome], None]:
    finished: list[Outcome] = []

    def count(outcome: Outcome) -> None:
        finished.append(outcome)
        successes = sum(bool(item.success) for item in finished)
        show(f"{name}: {len(finished)} of {total} episodes, {successes} successes")

    return count


def _summary(subject: _Subject, config: EvaluateConfig, outcomes: Sequence[Outcome]) -> RunSummary:
    run = subject.config
    return RunSummary(
        run=str(subject.directory.path),
        task=run.task.name,
        reward=run.reward.name,
        agent=run.agent.name,
        seed=run.seed,
        steps=subject.player.steps,
        judge=None if subject.judge is None else subject.judge.spec.name,
        pooled=summarise(outcomes),
        seeds={
            seed: summarise([outcome for outcome in outcomes if outcome.seed == seed])
            for seed in config.seeds
        },
    )


def _film(
    subject: _Subject, config: EvaluateConfig, outcomes: Sequence[Outcome], videos: Path
) -> None:
    """Play some successes and some failures again with the camera on."""
    chosen = [o for o in outcomes if o.success][: config.videos]
    chosen += [o for o in outcomes if not o.success][: config.videos]
    if not chosen:
        return
    videos.mkdir(parents=True, exist_ok=True)
    (env,) = _environments(subject, 1, renders=True)
    rate = float(env.metadata.get("render_fps") or 10)
    try:
        filmed = play(
            subject.player,
            [env],
            [(outcome.seed, outcome.index) for outcome in chosen],
            model=subject.judge,
            instruction=subject.config.task.instruction,
            film=True,
        )
    finally:
        env.close()
    for outcome in filmed:
        word = "success" if outcome.success else "failure"
        name = f"{word}_seed{outcome.seed}_episode{outcome.index}.mp4"
        write_video(outcome, videos / name, frames_per_second=rate)


def _output_directory(config: EvaluateConfig, directories: Sequence[RunDirectory]) -> Path:
    if config.out is not None:
        out = Path(config.out)
    elif len(directories) == 1:
        out = directories[0].path
    else:
        out = directories[0].path.parent / "evaluation"
    out.mkdir(parents=True, exist_ok=True)
    return out


def _write(out: Path, summaries: Sequence[RunSummary], subjects: Sequence[_Subject]) -> None:
    text = json.dumps(as_json(summaries), indent=2, allow_nan=False) + "\n"
    aside = out / "evaluation.json.unfinished"
    aside.write_text(text, encoding="utf-8")
    aside.replace(out / "evaluation.json")
    plots = out / "plots"
    plots.mkdir(exist_ok=True)
    plot_success(summaries, plots / "success.png")
    records = {
        str(subject.directory.path): list(read_episodes(subject.directory.episodes))
        for subject in subjects
    }
    rewards = {summary.run: summary.reward for summary in summaries}
    plot_learning_curves(records, rewards, plots / "learning_curves.png")
