"""Play evaluation episodes side by side, each posed by its own seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, cast

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from kibble.agents.action_chunks import done_and_earned
from kibble.envs.frames import FrameSource, frame_source, views_for
from kibble.rewards.errors import ConfigError
from kibble.rewards.keypoints.sketch import Sketch
from kibble.rewards.potential import Potential
from kibble.rewards.types import Frames, RewardModel, Task

__all__ = ["Film", "Outcome", "Player", "episode_seed", "play"]

Env = gym.Env[object, object]
SUCCESS_THRESHOLD = 0.5


class Player(Protocol):
    """Chooses actions from what environments show."""

    def act(self, observations: list[object]) -> NDArray[np.generic]:
        """Return one action for each observation."""
        ...


@dataclass(slots=True, kw_only=True, eq=False)
class Film:
    """What one episode looked like, step by step, its start included.

    Args:
        frames: View to (H, W, 3) uint8 RGB, one dict for each step.
        progress: What the reward model read, or None without one.
        true_progress: What the simulator knew, or None where it does not say.
        sketches: What the reward model went by, or None where it can show nothing.
    """

    frames: list[dict[str, NDArray[np.uint8]]] = field(default_factory=list)
    progress: list[float | None] = field(default_factory=list)
    true_progress: list[float | None] = field(default_factory=list)
    sketches: list[Sketch | None] = field(default_factory=list)


@dataclass(slots=True, kw_only=True, eq=False)
class Outcome:
    """How one evaluation episode ended.

    Args:
        seed: Evaluation seed.
        index: Number of the episode under that seed.
        length: Steps.
        return_task: Undiscounted sum of the task's own reward.
        success: Whether the task was done at the end; None where the environment does not say.
        model_success: Whether the reward model said so, or None without an answer.
        model_progress: The reward model's last reading, or None without one.
        instruction: What was asked for.
        film: What it looked like, if it was filmed.
    """

    seed: int
    index: int
    length: int = 0
    return_task: float = 0.0
    success: bool | None = None
    model_success: bool | None = None
    model_progress: float | None = None
    instruction: str = ""
    film: Film | None = None


def episode_seed(seed: int, index: int) -> int:
    """Return the environment seed of an episode, the same however many run side by side."""
    return int(np.random.SeedSequence([seed, index]).generate_state(1)[0])


def play(
    player: Player,
    environments: Sequence[Env],
    episodes: Sequence[tuple[int, int]],
    *,
    model: RewardModel | None = None,
    instruction: str | None = None,
    film: bool = False,
    on_finish: Callable[[Outcome], None] | None = None,
) -> list[Outcome]:
    """Play episodes, as many at once as there are environments.

    Args:
        player: What acts.
        environments: Environments of one task; left open.
        episodes: (seed, index) of each episode.
        model: A reward model that watches and judges, or None: no frames are drawn then.
        instruction: What is asked for where the environment does not say so itself.
        film: Whether to keep frames.
        on_finish: Called with each outcome as soon as it is known.

    Returns:
        The outcomes in the order of ``episodes``.
    """
    potential = None if model is None else Potential(model, slots=len(environments))
    sources = [frame_source(env) for env in environments] if film or potential else []
    outcomes: dict[tuple[int, int], Outcome] = {}
    waiting = list(reversed(episodes))
    running: dict[int, Outcome] = {}
    shown: dict[int, object] = {}

    def begin(slot: int) -> None:
        seed, index = waiting.pop()
        observation, info = environments[slot].reset(seed=episode_seed(seed, index))
        text = str(info.get("instruction") or instruction or "")
        outcome = Outcome(seed=seed, index=index, instruction=text)
        if film:
            outcome.film = Film()
        if potential is not None:
            potential.begin({slot: (_task(text, info), _look(sources[slot], model))})
        running[slot], shown[slot] = outcome, observation
        _expose(outcome.film, slot, sources, potential, info)

    for slot in range(min(len(environments), len(waiting))):
        begin(slot)
    while running:
        slots = list(running)
        actions = player.act([shown[slot] for slot in slots])
        infos: dict[int, dict[str, object]] = {}
        ended: list[int] = []
        for slot, action in zip(slots, actions, strict=True):
            observation, reward, terminated, truncated, info = environments[slot].step(action)
            steps, earned = done_and_earned(info, float(reward))
            running[slot].length += steps
            running[slot].return_task += earned
            shown[slot], infos[slot] = observation, info
            if terminated or truncated:
                ended.append(slot)
        if potential is not None:
            potential.update({slot: _look(sources[slot], model) for slot in slots})
        for slot in slots:
            _expose(running[slot].film, slot, sources, potential, infos[slot])
        for slot in ended:
            outcome = running.pop(slot)
            _close(outcome, infos[slot], slot, potential)
            outcomes[outcome.seed, outcome.index] = outcome
            if on_finish is not None:
                on_finish(outcome)
            if waiting:
                begin(slot)
    return [outcomes[key] for key in episodes]


def _task(instruction: str, info: dict[str, object]) -> Task:
    if not instruction:
        raise ConfigError(
            "`task.instruction` must say what success looks like, got nothing from config or "
            "environment; write task.instruction='swing the pendulum up'."
        )
    goal = info.get("goal_frames")
    return Task(instruction=instruction, goal_frames=cast("Frames | None", goal))


def _look(source: FrameSource, model: RewardModel | None) -> Frames:
    assert model is not None
    return source.frames(views_for(source, model.spec))


def _expose(
    film: Film | None,
    slot: int,
    sources: Sequence[FrameSource],
    potential: Potential | None,
    info: dict[str, object],
) -> None:
    """Add the present moment to a film."""
    if film is None:
        return
    source = sources[slot]
    read = () if potential is None else views_for(source, potential.spec)
    frames = source.frames(tuple(dict.fromkeys((*source.views, *read))))
    film.frames.append({view: images[0] for view, images in frames.items()})
    film.progress.append(None if potential is None else float(potential.progress[slot]))
    film.sketches.append(None if potential is None else potential.sketch(slot))
    known = info.get("progress")
    film.true_progress.append(None if known is None else float(cast("float", known)))


def _close(
    outcome: Outcome, info: dict[str, object], slot: int, potential: Potential | None
) -> None:
    success = info.get("is_success")
    outcome.success = None if success is None else bool(success)
    if potential is not None:
        outcome.model_progress = float(potential.progress[slot])
        probability = float(potential.success[slot])
        if not np.isnan(probability):
            outcome.model_success = probability >= SUCCESS_THRESHOLD
