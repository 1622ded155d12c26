"""Transitions of recorded demonstrations, paid by the reward of the run that learns from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from kibble.agents.action_chunks import chunk_transitions
from kibble.agents.config import TrainConfig
from kibble.agents.demonstration_doubts import report_doubts, said_by
from kibble.agents.demonstrations.episode import RecordedEpisode
from kibble.agents.demonstrations.files import Demonstrations
from kibble.agents.demonstrations.recording_log import LOG, read_log
from kibble.agents.embedding_model import embedding_model
from kibble.agents.environments import make_environment
from kibble.agents.goal_shown import goal_of
from kibble.agents.observations import embed_states
from kibble.agents.oracle_keypoints import replayed_keypoints
from kibble.agents.oracle_reward import oracle_frames
from kibble.agents.oracles import oracle_model
from kibble.agents.relative_observation import FlatObservation, flat_observation
from kibble.agents.scoring.events import Event, Opened, Stepped
from kibble.agents.scoring.replay_events import replay_events
from kibble.agents.shaping_layer import build_shaper, run_rule
from kibble.agents.transform_config import ends_at_infractions
from kibble.rewards.errors import ConfigError
from kibble.rewards.frames import concatenate_frames
from kibble.rewards.rule import RewardRule, total
from kibble.rewards.shaper import Shaper
from kibble.rewards.signals import Signals
from kibble.rewards.types import Frames, RewardModel, Task

__all__ = ["Transitions", "demonstrated_transitions"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Transitions:
    """M transitions, episodes one after another.

    Args:
        observations: (M, D) float32, as the agent sees them.
        next_observations: (M, D) float32.
        actions: (M, A) float32.
        signals: M transitions, as the run's reward reads them.
        rule: What turns them into rewards.
    """

    observations: NDArray[np.float32]
    next_observations: NDArray[np.float32]
    actions: NDArray[np.float32]
    signals: Signals
    rule: RewardRule

    @property
    def rewards(self) -> NDArray[np.float64]:
        """(M,) float64, shaped."""
        return total(self.rule(self.signals))


def demonstrated_transitions(config: TrainConfig, model: RewardModel | None) -> Transitions:
    """Read the run's demonstrations and pay each step what the run itself would have paid.

    A reward model reads the recorded frames, one reading per frame as in training; the simulator
    is asked for ``reward=oracle`` and ``reward=oracle_keypoints`` alone. What the recording itself
    says is believed where it says failure or another task; where only the model says so, a warning
    does.

    Args:
        config: The run; ``demonstrations`` names the folder.
        model: Its reward model, or ``None`` for the sparse reward and the oracles.

    Raises:
        CheckpointError: If the folder holds no demonstrations.
        ConfigError: If they are of another task, failed, do not fit the observations or actions,
            or lack what the reward reads.
    """
    assert config.demonstrations is not None
    folder = Path(config.demonstrations)
    scaled = flat_observation(make_environment(config.task, renders=False), config.observation)
    try:
        _check_task(folder, config)
        for episode in Demonstrations(folder, views=()):  # before any frame is decoded
            _check(episode, config, scaled)
        episodes = list(Demonstrations(folder, views=_views(folder, model)))
        seen = [
            np.stack([scaled.observation(row) for row in episode.observations])
            for episode in episodes
        ]
        sentences = [] if model is None else said_by(scaled.unwrapped, config.task.instruction)
        embedder = embedding_model(model, config.observation)
        if embedder is not None:
            seen = [
                embed_states(rows, episode.frames, embedder, spec=embedder.spec, env=scaled)
                for rows, episode in zip(seen, episodes, strict=True)
            ]
    finally:
        scaled.close()
    if (oracle := oracle_model(config.reward.kind)) is not None:
        model = oracle
        told = _oracle_frames(config, folder, episodes)
        episodes = [replace(each, frames=own) for each, own in zip(episodes, told, strict=True)]
    if model is not None and ends_at_infractions(config.shaping):
        episodes = [replace(episode, terminated=False) for episode in episodes]
    rule = run_rule(config)
    if model is None:
        signals = [_sparse(episode, rule.window) for episode in episodes]
    else:
        reader, goal = model, goal_of(config.reward)

        def read(chosen: Sequence[RecordedEpisode]) -> list[Signals]:
            shaper = build_shaper(config, reader, len(chosen))
            return _read(chosen, shaper, config.scoring.batch, goal)

        signals = read(episodes)
        if sentences:
            report_doubts(episodes, signals, sentences=sentences, read=read)
    transitions = Transitions(
        observations=np.concatenate([rows[:-1] for rows in seen]),
        next_observations=np.concatenate([rows[1:] for rows in seen]),
        actions=np.concatenate([episode.actions for episode in episodes]),
        signals=Signals.stack(signals),
        rule=rule,
    )
    lengths = [len(episode) for episode in episodes]
    agent = config.agent
    return chunk_transitions(transitions, lengths, chunk=agent.chunk, gamma=agent.gamma)


def _check_task(folder: Path, config: TrainConfig) -> None:
    """Refuse what was recorded in another environment, where the recording tells."""
    if not (folder / LOG).is_file():
        return  # somebody else's dataset
    recorded = cast("dict[str, object]", read_log(folder).settings["task"])
    if recorded["id"] != config.task.id:
        raise ConfigError(
            f"`demonstrations` must be of task={config.task.name} ({config.task.id}), got some of "
            f"{recorded['name']} ({recorded['id']}) in '{folder}'; record some with "
            f"`kibble demos task={config.task.name} out=…`."
        )


def _check(episode: RecordedEpisode, config: TrainConfig, scaled: FlatObservation) -> None:
    """Refuse what would teach the wrong thing."""
    rows, expected = episode.observations.shape[1:], scaled.env.observation_space.shape
    if rows != expected:
        raise ConfigError(
            f"`demonstrations` must be of task={config.task.name}, whose observations have shape "
            f"{expected}, got {rows} in '{config.demonstrations}'; record "
            f"some with `kibble demos task={config.task.name} out=…`."
        )
    if len(episode) < 1 or episode.actions.shape[1:] != scaled.action_space.shape:
        raise ConfigError(
            f"`demonstrations` must be steps with actions of shape {scaled.action_space.shape}, "
            f"got {len(episode)} steps of shape {episode.actions.shape[1:]} in "
            f"'{config.demonstrations}'; record some with "
            f"`kibble demos task={config.task.name} out=…`."
        )
    if config.reward.kind == "oracle" and episode.labels is None:
        raise ConfigError(
            f"reward=oracle needs demonstrations with the simulator's labels, got none in "
            f"'{config.demonstrations}'; choose another reward."
        )
    if not episode.success:
        raise ConfigError(
            f"`demonstrations` must succeed, got a failed one in '{config.demonstrations}' "
            f"({episode.instruction!r}); record them with failures=false."
        )


def _views(folder: Path, model: RewardModel | None) -> tuple[str, ...]:
    """Return the views that the model reads of those that are there; without a model none."""
    if model is None:
        return ()
    known = Demonstrations(folder).views
    missing = [view for view in model.spec.required_views if view not in known]
    found = tuple(view for view in model.spec.views if view in known)
    if missing or not found:
        raise ConfigError(
            f"`demonstrations` must have the views that {model.spec.name} reads, "
            f"{list(model.spec.views)}, got {sorted(known)} in '{folder}'; name "
            "the dataset's features observation.images.<view> accordingly."
        )
    return found


def _sparse(episode: RecordedEpisode, window: int) -> Signals:
    """Signals of an episode that no model reads."""
    ends = np.arange(len(episode)) == len(episode) - 1
    return Signals.sparse(
        episode.rewards.astype(np.float64),
        ends & episode.terminated,
        ends & ~np.bool_(episode.terminated),
        window=window,
    )


def _read(
    episodes: Sequence[RecordedEpisode], shaper: Shaper, batch: int, goal: Frames | None
) -> list[Signals]:
    """Have a model read the recorded frames, all episodes side by side, one frame each at once."""
    steps: list[list[Signals]] = [[] for _ in episodes]
    for event, step in replay_events(shaper, _events(episodes, goal), batch=batch):
        if isinstance(event, Stepped):
            assert step is not None
            assert event.active is not None
            for i in np.flatnonzero(event.active).tolist():
                steps[i].append(step.signals[i : i + 1])
    return [Signals.stack(parts) for parts in steps]


def _events(episodes: Sequence[RecordedEpisode], goal: Frames | None) -> Iterator[Event]:
    """What happened in the recorded episodes, the t-th steps of all at a time."""
    lengths = np.array([len(episode) for episode in episodes])
    yield Opened(
        starts={
            i: (Task(instruction=episode.instruction, goal_frames=goal), _frames(episode, 0))
            for i, episode in enumerate(episodes)
        }
    )
    for t in range(int(lengths.max())):
        active, last = t < lengths, t == lengths - 1
        terminated = last & np.array([episode.terminated for episode in episodes])
        going = np.flatnonzero(active).tolist()
        rewards = np.zeros(len(episodes))
        rewards[going] = [episodes[i].rewards[t] for i in going]
        yield Stepped(
            number=t,
            rewards=rewards,
            terminated=terminated,
            truncated=last & ~terminated,
            frames={i: _frames(episodes[i], t + 1) for i in going},
            penalty=np.ones(len(episodes)),
            infraction=np.zeros(len(episodes), np.bool_),
            active=active,
        )


def _frames(episode: RecordedEpisode, t: int) -> Frames:
    return {view: images[t : t + 1] for view, images in episode.frames.items()}


def _oracle_frames(
    config: TrainConfig, folder: Path, episodes: Sequence[RecordedEpisode]
) -> list[Frames]:
    """What the simulator knows of each episode, as frames that the run's oracle reads."""
    if config.reward.kind == "oracle_keypoints":
        return replayed_keypoints(make_environment(config.task, renders=False), folder)
    found = []
    for episode in episodes:
        assert episode.labels is not None  # _check refuses it
        told = zip(episode.labels.progress, episode.labels.success, strict=True)
        found.append(concatenate_frames([oracle_frames(float(p), bool(done)) for p, done in told]))
    return found
