"""Train an agent: from a configuration to a run directory."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path
from typing import cast, final

import torch
from rich.console import Console
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

from kibble.agents.acting.acting_vec_env import find_acting
from kibble.agents.acting.beginning import build_pace
from kibble.agents.acting.interrupts import kept_where_it_ends
from kibble.agents.agent_config import OffPolicyConfig
from kibble.agents.annealing import Annealing
from kibble.agents.blend.learner import BlendLearner
from kibble.agents.builders import Algorithm, build_agent, planned_steps, resolve_device
from kibble.agents.checkpoints import load_newest, save_checkpoint
from kibble.agents.config import TrainConfig
from kibble.agents.critic_warmup import CriticWarmup
from kibble.agents.curriculum import CHOICE
from kibble.agents.demonstrated import Transitions, demonstrated_transitions
from kibble.agents.embedding_model import embedding_model
from kibble.agents.environments import build_environments
from kibble.agents.episode_log import EpisodeLog
from kibble.agents.episode_monitor import EpisodeMonitor
from kibble.agents.event_files import make_logger
from kibble.agents.monitoring.run_guard import RunGuard
from kibble.agents.outage_log import OutageLog
from kibble.agents.progress_display import ProgressDisplay
from kibble.agents.replay import PotentialReplayBuffer
from kibble.agents.reward_opening import load_reward_model
from kibble.agents.rollout_budget import learn_within
from kibble.agents.run_directory import RunDirectory, create_run, open_run, resumed_config
from kibble.agents.run_state import get_run_state, set_run_state
from kibble.agents.scoring.source import Rescored, Scored, find_source
from kibble.agents.success_check import success_warning
from kibble.agents.warm_start import warm_start
from kibble.rewards.errors import ModelError, OutageError, RewardHackingError
from kibble.rewards.types import Status

__all__ = ["run_training", "train"]


def train(config: TrainConfig) -> None:
    """Train as configured: the command ``kibble train``; see :func:`run_training`."""
    run_training(config)


def run_training(config: TrainConfig) -> RunDirectory:
    """Train as configured; go on with a run that was stopped where ``resume`` says so.

    Args:
        config: The run.

    Returns:
        The run directory.

    Raises:
        KibbleError: If anything in the configuration, the weights or the run directory does not
            fit; nothing is overwritten then.
    """
    console = Console(stderr=True, quiet=config.quiet)
    say = partial(console.print, highlight=False, soft_wrap=True)
    resumed: dict[str, object] | None = None
    directory: RunDirectory | None = None
    if config.resume:
        assert config.run is not None  # TrainConfig refuses it
        directory = open_run(Path(config.run))
        config = resumed_config(directory.load_config(), config)
        resumed = load_newest(directory.checkpoints)
    torch.set_num_threads(config.threads)
    device = resolve_device(config.device)
    chunk = config.agent.chunk
    total = planned_steps(config.agent, budget=config.steps // chunk, n_envs=config.n_envs)
    model = load_reward_model(config, device)
    embedding_model(model, config.observation)  # says so where the model has no embedding
    venv = build_environments(config, model)
    try:
        monitor = EpisodeMonitor(venv)
        agent = build_agent(
            config.agent, monitor, seed=config.seed, device=device, observation=config.observation
        )
        if isinstance(agent, OffPolicyAlgorithm) and config.acting.interventions:
            assert isinstance(config.agent, OffPolicyConfig)
            assert isinstance(agent.replay_buffer, PotentialReplayBuffer)
            agent.replay_buffer.draw_interventions(config.agent.demonstration_share)
        transitions = None
        if config.demonstrations is not None:
            transitions = demonstrated_transitions(config, model)
            if isinstance(config.agent, OffPolicyConfig):
                assert isinstance(agent, OffPolicyAlgorithm)
                assert isinstance(agent.replay_buffer, PotentialReplayBuffer)
                agent.replay_buffer.demonstrate(
                    transitions,
                    share=config.agent.demonstration_share,
                    read_again=partial(demonstrated_transitions, config),
                )
            if config.agent.warm_start_steps and resumed is None:
                cloning = warm_start(agent, config, transitions, venv)
                say(f"Warm start: {cloning}")
        if directory is None:  # only now: what cannot be built leaves nothing behind
            directory = create_run(config, None if model is None else model.spec)
            say(f"Run directory: {directory.path}")
        warning = success_warning(config)
        if warning is not None:
            say(warning)
        if total * chunk < config.steps:
            say(
                f"{config.steps} steps are no whole number of rollouts of all environments: this "
                f"run takes {total * chunk}."
            )
        _learn(agent, monitor, directory, config, transitions, total=total, resumed=resumed)
    except (KeyboardInterrupt, ModelError, OutageError, RewardHackingError):
        if directory is not None:
            say(f"Stopped. Go on with: kibble train run={directory.path} resume=true")
        raise
    finally:
        venv.close()
    say(f"Next: kibble evaluate run={directory.path}")
    return directory


def _learn(
    agent: Algorithm,
    monitor: EpisodeMonitor,
    directory: RunDirectory,
    config: TrainConfig,
    transitions: Transitions | None,
    *,
    total: int,
    resumed: dict[str, object] | None,
) -> None:
    """Learn until the budget is spent, and leave log, metrics and checkpoints whole."""
    counters = {} if resumed is None else cast("dict[str, int]", resumed["monitor"])
    decided = -1 if resumed is None else _decisions(resumed)
    console = Console(stderr=True)
    with (
        closing(EpisodeLog(directory.episodes, keep=counters.get("log_bytes", 0))) as log,
        closing(
            make_logger(directory.metrics, resumed_at=decided if config.resume else None)
        ) as logger,
    ):
        monitor.log = log
        agent.set_logger(logger)
        blend = BlendLearner(config.blend) if config.blend.learn else None
        if resumed is not None:
            set_run_state(agent, monitor, resumed)
            if blend is not None:
                blend.set_state(cast("dict[str, list[float]]", resumed["blend"]))
        start = agent.num_timesteps
        with closing(
            ProgressDisplay(
                total=total,
                start=start,
                console=console,
                quiet=config.quiet,
                rollouts=config.rollouts,
            )
        ) as display:
            caretaker = _Caretaker(
                directory, monitor, display, every=config.checkpoint_every, blend=blend
            )
            with (
                closing(OutageLog(monitor, directory.outages)) as outages,
                closing(RunGuard(monitor, directory, caretaker.save, resumed=resumed)) as guard,
            ):
                annealing = Annealing(
                    monitor,
                    learning_rate=config.agent.learning_rate,
                    share=config.agent.annealing,
                    steps=total,
                    rollouts=config.rollouts,
                )
                warmup = CriticWarmup(config.agent.critic_warmup_steps)
                callbacks: list[BaseCallback] = [caretaker, annealing, warmup, outages, guard]
                if blend is not None:
                    callbacks.append(blend)
                acting = find_acting(monitor)
                if acting is not None:
                    callbacks.append(
                        build_pace(acting, agent, monitor, config, transitions, total=total)
                    )
                if start < total:
                    with kept_where_it_ends(acting, caretaker.save, run=directory.path):
                        learn_within(
                            agent,
                            monitor,
                            callbacks,
                            steps=total - start,
                            rollouts=config.rollouts,
                        )
                    caretaker.save()
        agent.save(directory.model)


def _decisions(state: dict[str, object]) -> int:
    """Return how far the agent of a checkpoint is: steps, or chunks of them."""
    agent = cast("dict[str, dict[str, int]]", state["agent"])
    return agent["counters"]["num_timesteps"]


@final
class _Caretaker(BaseCallback):
    """Keeps display and metrics up to date and writes checkpoints between rollouts."""

    model: Algorithm

    def __init__(
        self,
        directory: RunDirectory,
        monitor: EpisodeMonitor,
        display: ProgressDisplay,
        *,
        every: int,
        blend: BlendLearner | None,
    ) -> None:
        super().__init__()
        self._blend = blend
        self._directory = directory
        self._monitor = monitor
        self._display = display
        self._every = every
        self._saved = 0
        self._logged = 0

    def _on_training_start(self) -> None:
        self._saved = self.model.num_timesteps
        source = find_source(self._monitor.venv)
        if source is not None:
            source.listeners.append(self._hear)

    def _hear(self, result: Scored | Rescored) -> None:
        if isinstance(result, Scored) and any(result.versions):  # a model read it
            for status in result.step.status.tolist():
                self.logger.record_mean("reward_model/unanswered", float(status != Status.OK))

    def _on_rollout_start(self) -> None:
        # Between rollouts every transition is stored and every update done; on_step is too early.
        if self.model.num_timesteps >= self._saved + self._every:
            self.save()

    def _on_step(self) -> bool:
        for record in self._monitor.finished[self._logged :]:
            self.logger.record_mean("rollout/return_task", record.return_task)
            self.logger.record_mean(
                "rollout/return_shaping", record.return_shaped - record.return_task
            )
            if record.model_success is not None:
                self.logger.record_mean("reward_model/success", record.model_success)
        self._logged = len(self._monitor.finished)
        assert self.model.ep_info_buffer is not None
        self.model.ep_info_buffer.extend(self._monitor.take_late())
        for info in self.locals["infos"]:
            if CHOICE in info:
                succeeded = float(bool(info.get("is_success")))
                self.logger.record_mean(f"curriculum/success_{info[CHOICE]}", succeeded)
        self._display.update(
            self.num_timesteps, self._monitor.finished, episodes=self._monitor.episodes
        )
        return True

    def save(self) -> None:
        """Write a checkpoint of the present state."""
        self._saved = self.model.num_timesteps
        state = get_run_state(self.model, self._monitor)
        if self._blend is not None:
            state["blend"] = self._blend.get_state()
        save_checkpoint(self._directory.checkpoints, self._saved, state)
