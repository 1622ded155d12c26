"""Let the agent of a training run play one episode again, as footage with the truth beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kibble.agents.footage.footage import Footage
from kibble.agents.footage.recording import recorded_footage
from kibble.agents.footage.sources import Views
from kibble.agents.footage.video import MAX_FRAMES
from kibble.rewards.errors import ConfigError

if TYPE_CHECKING:
    import torch

    from kibble.agents.rollouts import Env

__all__ = ["is_run", "play_run"]

_SEED = 0  # the first evaluation seed, so that the episode is one of `kibble evaluate`


def is_run(folder: Path) -> bool:
    """Whether a folder is that of a training run."""
    return (folder / "config.yaml").is_file() and (folder / "checkpoints").is_dir()


def play_run(
    folder: Path,
    episode: int,
    *,
    device: torch.device,
    views: Views = None,
    max_frames: int = MAX_FRAMES,
) -> Footage:
    """Play one evaluation episode with the newest checkpoint of a run.

    Args:
        folder: The run directory that ``kibble train`` printed.
        episode: Number of the episode under evaluation seed 0, as ``kibble evaluate`` plays it.
        device: Where networks live.
        views: Which views to use, and under which names.
        max_frames: Most frames to keep besides the last.

    Returns:
        What the agent did, with the simulator's own progress where it says.

    Raises:
        ConfigError: If ``episode`` is negative or a view is not there.
        CheckpointError: If the run has no whole checkpoint.
    """
    # Stable-Baselines3 and its like take seconds to import; videos do without them.
    from kibble.agents.action_chunks import in_chunks
    from kibble.agents.environments import make_environment, make_observed
    from kibble.agents.players import TrainedPlayer
    from kibble.agents.reward_opening import load_reward_model
    from kibble.agents.rollouts import play
    from kibble.agents.run_directory import open_run

    if episode < 0:
        raise ConfigError(f"`episode` must be at least 0 for a run, got {episode}.")
    directory = open_run(folder)
    run = directory.load_config()
    embeds = run.observation == "embedding"
    embedder = load_reward_model(run, device) if embeds else None
    player = TrainedPlayer(run, directory, embedder, device=device)
    spec = None if embedder is None else embedder.spec
    env = make_observed(
        in_chunks(make_environment(run.task, renders=True), run.agent), run.observation, spec
    )
    try:
        (outcome,) = play(
            player, [env], [(_SEED, episode)], instruction=run.task.instruction, film=True
        )
        interval = _interval(env)
    finally:
        env.close()
    film = outcome.film
    assert film is not None
    known = [value for value in film.true_progress if value is not None]
    return recorded_footage(
        {view: np.stack([frame[view] for frame in film.frames]) for view in film.frames[0]},
        name=f"{folder.resolve().name}-episode{episode}",
        interval=interval,
        instruction=outcome.instruction,
        oracle=np.asarray(known, np.float32) if len(known) == len(film.frames) else None,
        views=views,
        max_frames=max_frames,
    )


def _interval(env: Env) -> float:
    """Seconds between steps, by the environment's own word."""
    step = getattr(env.unwrapped, "control_dt", None)
    if step is not None:
        return float(step)
    return 1.0 / float(env.metadata.get("render_fps") or 10)
