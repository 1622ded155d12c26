"""A ROS 2 bag into a LeRobot dataset: an episode of the bag is an episode of the dataset."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kibble.agents.demonstrations.columns import episode_columns, episode_features
from kibble.agents.demonstrations.episode import RecordedEpisode
from kibble.agents.demonstrations.writer import DatasetWriter
from kibble.agents.ros.convert_config import ConvertConfig
from kibble.agents.ros.decoded_moments import DecodedMoments
from kibble.agents.ros.frame_store import FrameStore
from kibble.agents.ros.recorded_numbers import (
    RecordedNumbers,
    default_actions,
    default_states,
    read_numbers,
)
from kibble.agents.ros.sampled_moments import RateSampler
from kibble.rewards.cameras.depth_frames import DEPTH_SUFFIX
from kibble.rewards.errors import BagError, CheckpointError, ConfigError
from kibble.rewards.ros.bags.bag import Bag
from kibble.rewards.ros.bags.episodes import BagEpisode, find_episodes
from kibble.rewards.ros.bags.moments import MomentReader
from kibble.rewards.ros.bags.views import choose_views

__all__ = ["convert_bag"]


def convert_bag(
    config: ConvertConfig, *, on_moment: Callable[[int, int], object] = lambda count, total: None
) -> tuple[str, ...]:
    """Write a dataset of all episodes of a bag.

    Rows are ``config.fps`` apart, each with the nearest images. State t is the newest recorded
    when its images were; the action that leads from it is the newest command before state t + 1.
    The last step of an episode that ended in success pays 1, all others 0.

    Args:
        config: What to convert; ``input`` is a bag.
        on_moment: Called with the number of episodes converted, and of all.

    Returns:
        What a user should know, one sentence each.

    Raises:
        BagError: If the bag is damaged, or an episode has fewer than two rows.
        CheckpointError: If the output is not a new or an empty folder.
        ConfigError: If a view, topic or field is not there, or nobody says what was wanted.
        FrameError: If a camera changes the size of its images.
    """
    output = Path(str(config.output))
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise CheckpointError(
            f"`output` must be a new or an empty folder, got '{output}'; choose another name. "
            "Nothing was changed."
        )
    with Bag(Path(str(config.input))) as bag:
        topics = choose_views(bag, config.views)
        if config.video and any(view.endswith(DEPTH_SUFFIX) for view in topics):
            raise ConfigError(
                f"`video` must be false with depth, which video does not keep, got views "
                f"{', '.join(topics)}; leave it out, or choose views=."
            )
        states = read_numbers(bag, default_states(bag) if config.state is None else config.state)
        actions = read_numbers(
            bag, default_actions(bag) if config.action is None else config.action
        )
        episodes = find_episodes(bag)
        instructions = [_instruction(config, episode) for episode in episodes]
        writer = DatasetWriter(output, fps=config.fps)
        said = [*bag.warnings]
        for number, (episode, instruction) in enumerate(zip(episodes, instructions, strict=True)):
            reader = MomentReader(bag, topics, tolerance=config.tolerance)
            sampler = RateSampler(config.fps)
            decoded = DecodedMoments(bag, size=config.image_size)
            recorded = _episode(
                reader, decoded, sampler, episode, states=states, actions=actions, config=config
            )
            notes = [*reader.warnings(), *decoded.warnings()]
            if sampler.far:
                notes.append(
                    f"{sampler.far} rows have images more than half a period away; the cameras "
                    "were slower than fps=, or silent for a while."
                )
            said += [f"Episode {number}: {note}" for note in notes]
            if len(recorded) < 1:
                said.append(
                    f"Episode {number} has fewer than two moments with all views; left out."
                )
            else:
                _append(writer, recorded, instruction, states, actions, config)
            on_moment(number + 1, len(episodes))
    if len(writer) == 0:
        raise BagError(
            f"A bag must hold an episode of two moments with all views, got '{config.input}' with "
            "none; set tolerance= or choose views=."
        )
    if not states.names or not actions.names:
        missing = " and ".join(
            name for name, found in (("state", states), ("action", actions)) if not found.names
        )
        said.append(f"The bag has no topic for {missing}; name it with {missing.split()[0]}=.")
    return tuple(said)


def _instruction(config: ConvertConfig, episode: BagEpisode) -> str:
    said = (config.instruction or episode.instruction or "").strip()
    if not said:
        raise ConfigError(
            "`instruction` must say what was wanted, got nothing from the command or the bag; "
            "write instruction='push the red cube onto the green pad'."
        )
    return said


def _episode(
    reader: MomentReader,
    decoded: DecodedMoments,
    sampler: RateSampler,
    episode: BagEpisode,
    *,
    states: RecordedNumbers,
    actions: RecordedNumbers,
    config: ConvertConfig,
) -> RecordedEpisode:
    times = []
    with contextlib.ExitStack() as files:
        stores: dict[str, FrameStore] = {}
        for moment in sampler.sample(decoded.readable(reader.read(episode))):
            for view, frame in decoded.frames(moment).items():
                if view not in stores:
                    stores[view] = files.enter_context(FrameStore())
                stores[view].add(frame)
            times.append(moment.time)
        frames = {view: store.frames() for view, store in stores.items()}
    recorded = np.asarray(times, np.int64)  # (T + 1,)
    steps = max(len(times) - 1, 0)
    success = bool(episode.outcome)
    rewards = np.zeros(steps, np.float32)
    rewards[-1:] = float(success)
    return RecordedEpisode(
        instruction="",
        frames=frames,
        observations=states.at(recorded),
        actions=actions.commanded(recorded[1:]),
        rewards=rewards,
        terminated=success,
        truncated=not success,
        labels=None,
        fps=config.fps,
        outcome=episode.outcome,
    )


def _append(
    writer: DatasetWriter,
    episode: RecordedEpisode,
    instruction: str,
    states: RecordedNumbers,
    actions: RecordedNumbers,
    config: ConvertConfig,
) -> None:
    columns: Mapping[str, NDArray[np.generic]] = episode_columns(episode)
    features = episode_features(
        episode, observation_names=states.names, video=config.video, fps=config.fps
    )
    features["action"] = dataclasses.replace(features["action"], names=actions.names)
    absent = [
        name
        for name, numbers in (("observation.state", states), ("action", actions))
        if not numbers.names
    ]
    writer.append(
        {name: column for name, column in columns.items() if name not in absent},
        {name: feature for name, feature in features.items() if name not in absent},
        instruction=instruction,
    )
