"""What a training run and an evaluation are made of: typed, checked, free of heavy imports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kibble.agents.acting.config import ActingConfig
from kibble.agents.acting.requirements import check_acting
from kibble.agents.agent_config import AgentConfig, OffPolicyConfig, SacConfig
from kibble.agents.blend.config import BlendConfig
from kibble.agents.curriculum_config import CurriculumConfig
from kibble.agents.monitoring.config import MonitorConfig
from kibble.agents.near_names import one_of
from kibble.agents.reward_config import RewardConfig
from kibble.agents.scoring.config import ScoringConfig
from kibble.agents.shaping_config import ShapingConfig
from kibble.agents.task_config import TaskConfig
from kibble.rewards.errors import ConfigError

__all__ = [
    "DemoConfig",
    "EvaluateConfig",
    "RewardConfig",
    "ShapingConfig",
    "TaskConfig",
    "TrainConfig",
]

OBSERVATIONS = ("state", "relative", "embedding", "pixels")
VISUAL_OBSERVATIONS = ("embedding", "pixels")
VECTORIZATIONS = ("serial", "processes")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """One training run.

    Args:
        task: The environment and its instruction.
        reward: Where progress comes from.
        shaping: How progress becomes a reward.
        agent: The learning algorithm.
        acting: How the agent acts while it learns.
        scoring: When the reward model reads frames, and whether they are kept.
        curriculum: Where training episodes begin and what they ask for.
        monitor: How the run watches whether its learned reward is farmed.
        blend: Weights of auxiliary rewards that are learned from the primary return.
        seed: Seed of environment, agent and exploration.
        steps: Budget of environment steps, all environments together; never exceeded.
        rollouts: Budget of finished episodes, or null; the run ends with the first of the two.
        n_envs: Environments stepped side by side; one where acting is asynchronous.
        vectorization: serial (one process; fastest for cheap environments) or processes.
        demonstrations: LeRobot dataset (v3.0), such as `kibble demos` records, or null; sac, tqc
            and crossq take a part of each batch from it, and actors can be cloned from it
            (agent.warm_start_steps).
        observation: state, relative (of the state what is about the things that the instruction
            names, wherever they stand; learns from far fewer episodes), embedding
            (proprioception and frozen frame embedding) or pixels.
        run: Run directory; null makes runs_dir/task-reward-agent-seed.
        runs_dir: Where run directories are made when run is null.
        resume: Go on with the run in the directory given by run.
        checkpoint_every: Steps between checkpoints.
        device: auto, cpu, cuda or cuda:0.
        threads: Threads that torch uses.
        quiet: Whether to leave out progress lines.
    """

    task: TaskConfig = field(default_factory=TaskConfig)
    reward: RewardConfig = field(default_factory=RewardConfig)
    shaping: ShapingConfig = field(default_factory=ShapingConfig)
    agent: AgentConfig = field(default_factory=SacConfig)
    acting: ActingConfig = field(default_factory=ActingConfig)
    scoring: ScoringConfig = field(default_factory=ScoringConfig)
    curriculum: CurriculumConfig = field(default_factory=CurriculumConfig)
    monitor: MonitorConfig = field(default_factory=MonitorConfig)
    blend: BlendConfig = field(default_factory=BlendConfig)
    seed: int = 0
    steps: int = 60_000
    rollouts: int | None = None
    n_envs: int = 4
    vectorization: str = "serial"
    demonstrations: str | None = None
    observation: str = "state"
    run: str | None = None
    runs_dir: str = "runs"
    resume: bool = False
    checkpoint_every: int = 5_000
    device: str = "auto"
    threads: int = 1
    quiet: bool = False

    def __post_init__(self) -> None:
        one_of("observation", self.observation, OBSERVATIONS)
        one_of("vectorization", self.vectorization, VECTORIZATIONS)
        for key in ("steps", "n_envs", "checkpoint_every", "threads"):
            if getattr(self, key) < 1:
                raise ConfigError(f"`{key}` must be at least 1, got {getattr(self, key)}.")
        if self.rollouts is not None and self.rollouts < 1:
            raise ConfigError(
                f"`rollouts` must be at least 1 episode or null, got {self.rollouts}; "
                "null leaves `steps` as the only budget."
            )
        if self.resume and self.run is None:
            raise ConfigError(
                "`run` must name the run directory with resume=true, got null; "
                "write run=runs/… as printed when the run began."
            )
        if self.asynchronous:
            object.__setattr__(self, "n_envs", 1)
            check_acting(self)
        settled = self.scoring.settled(beside=self.asynchronous)
        object.__setattr__(self, "scoring", settled)
        self._check_demonstrations()
        if self.blend.learn and (self.agent.name != "ppo" or self.agent.chunk != 1):
            raise ConfigError(
                "`blend.learn=true` needs the policy gradients of agent=ppo with agent.chunk=1, "
                f"got agent={self.agent.name} and agent.chunk={self.agent.chunk}."
            )
        if self.agent.critic_warmup_steps and (
            self.agent.name == "ppo" and self.observation == "pixels"
        ):
            raise ConfigError(
                "`agent.critic_warmup_steps` must be 0 with agent=ppo and observation=pixels, got "
                f"{self.agent.critic_warmup_steps}: there actor and critic share what they see."
            )
        if self.observation == "embedding" and self.reward.also:
            raise ConfigError(
                "`observation=embedding` needs one reward model that embeds frames, got "
                f"reward.also={list(self.reward.also)}; leave reward.also empty."
            )
        if self.observation == "embedding" and self.scoring.kind == "asynchronous":
            raise ConfigError(
                "`scoring.kind=asynchronous` reads frames beside the environments, and "
                "observation=embedding needs them encoded at every step anyway; choose "
                "scoring.kind=immediate or deferred."
            )
        gamma = self.shaping.gamma
        if gamma is not None and gamma != self.agent.gamma:
            raise ConfigError(
                f"`shaping.gamma` must equal the agent's gamma {self.agent.gamma}, got {gamma}; "
                "leave shaping.gamma=null and set agent.gamma alone."
            )
        if self.observation == "embedding" and self.reward.kind != "model":
            raise ConfigError(
                "`observation=embedding` needs a reward model to embed frames, got "
                f"reward={self.reward.name}; choose reward=grm_tiny, with shaping=none if only "
                "its embedding is wanted."
            )

    @property
    def asynchronous(self) -> bool:
        """Whether acting goes on beside learning."""
        asked = self.acting.asynchronous
        return self.task.real_time if asked is None else asked

    def _check_demonstrations(self) -> None:
        if self.demonstrations is None:
            if self.curriculum.kind == "starts":
                raise ConfigError(
                    "`curriculum.kind=starts` needs demonstrations to begin in, got "
                    "demonstrations=null; record some with `kibble demos`."
                )
            if self.acting.exploration != "policy":
                raise ConfigError(
                    f"`acting.exploration={self.acting.exploration}` needs demonstrations to act "
                    "by, got demonstrations=null; record some with `kibble demos`, or leave it at "
                    "policy."
                )
            if self.agent.warm_start_steps:
                raise ConfigError(
                    "`agent.warm_start_steps` needs demonstrations to clone, got demonstrations="
                    "null; record some with `kibble demos`, or leave it at 0."
                )
        elif self.observation == "pixels":
            raise ConfigError(
                "`demonstrations` need observation=state, relative or embedding, got pixels."
            )
        elif not (
            isinstance(self.agent, OffPolicyConfig)
            or self.agent.warm_start_steps
            or self.curriculum.kind == "starts"
        ):
            raise ConfigError(
                f"`demonstrations` help agent={self.agent.name} through its warm start and a "
                "curriculum alone, got agent.warm_start_steps=0; write "
                "agent.warm_start_steps=1000 or curriculum.kind=starts, or choose agent=sac."
            )


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig:
    """One evaluation of one or several trained runs.

    Args:
        run: Run directory, or a list of them.
        episodes: Episodes for each seed.
        seeds: Seeds of the evaluation episodes; one seed poses the same episodes to all runs.
        judge: run (the model recorded in the run), none (no frames, fastest), or any reward model
            that kibble models lists as online, as NAME@WEIGHTS?key=value or a path; its judgement
            of success stands beside the truth.
        out: Where table, plots and videos go; null takes the run directory.
        videos: Episodes of each outcome to film, successes and failures.
        n_envs: Environments stepped side by side; one where task.real_time.
        deterministic: Whether the agent acts by its mode instead of sampling.
        device: auto, cpu, cuda or cuda:0.
        threads: Threads that torch uses.
        quiet: Whether to leave out progress lines.
    """

    run: Any = None
    episodes: int = 100
    seeds: list[int] = field(default_factory=lambda: [0, 1, 2])
    judge: str = "run"
    out: str | None = None
    videos: int = 2
    n_envs: int = 10
    deterministic: bool = True
    device: str = "auto"
    threads: int = 1
    quiet: bool = False

    def __post_init__(self) -> None:
        if not self.runs:
            raise ConfigError("`run` must name at least one run directory, got nothing.")
        if not self.seeds or self.episodes < 1 or self.n_envs < 1:
            raise ConfigError(
                "`seeds` must hold at least one seed, `episodes` and `n_envs` be at least 1, got "
                f"{list(self.seeds)}, {self.episodes} and {self.n_envs}."
            )

    @property
    def runs(self) -> tuple[str, ...]:
        """The run directories as given, one or several."""
        if self.run is None:
            return ()
        return (self.run,) if isinstance(self.run, str) else tuple(str(run) for run in self.run)


@dataclass(frozen=True, kw_only=True)
class DemoConfig:
    """Shaped against sparse at one budget.

    Args:
        task: The environment and its instruction.
        reward: Reward model of the shaped run.
        shaping: How its progress becomes a reward.
        agent: The learning algorithm of both runs.
        seeds: Seeds that are trained, each shaped and sparse.
        steps: Budget of environment steps of each run.
        episodes: Evaluation episodes of each run.
        out: Directory of everything that the demo makes; null makes runs/demo.
        jobs: Trainings at once; 0 takes one for each core, up to two.
    """

    task: TaskConfig = field(default_factory=TaskConfig)
    reward: RewardConfig = field(default_factory=RewardConfig)
    shaping: ShapingConfig = field(default_factory=ShapingConfig)
    agent: AgentConfig = field(default_factory=SacConfig)
    seeds: list[int] = field(default_factory=lambda: [0])
    steps: int = 20_000
    episodes: int = 100
    out: str | None = None
    jobs: int = 0
