"""A LeRobot dataset into a ROS 2 bag, as if a robot had been recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, cast, final

import numpy as np
from numpy.typing import NDArray
from rosbags.interfaces import Connection

from kibble.agents.demonstrations.episode import RecordedEpisode
from kibble.agents.demonstrations.files import Demonstrations
from kibble.agents.ros.convert_config import ConvertConfig
from kibble.rewards.ros.bags.bag_writer import BagWriter
from kibble.rewards.ros.bags.episodes import COMMAND, INSTRUCTION
from kibble.rewards.ros.clock import stamp_fields
from kibble.rewards.ros.compressed_images import encode_compressed
from kibble.rewards.ros.dds.message_building import build
from kibble.rewards.ros.dds.message_types import message_types
from kibble.rewards.ros.images import COMPRESSED_IMAGE, IMAGE, encode
from kibble.rewards.ros.transport import Fields

__all__ = ["ACTION", "convert_dataset"]

ACTION = "/command/action"
"""Topic of a dataset's actions, ``std_msgs/msg/Float64MultiArray`` labelled with their names."""
_STATES = "/joint_states"
_HUMAN = "/kibble/human"
_FIRST = 1_000_000_000  # ns since the epoch of the first state: 0 means that nobody knows
_GAP = 1_000_000_000  # ns between episodes
_START, _END = 1, 2  # EpisodeCommand
_SUCCESS, _FAILURE = 1, 2  # Reward.OUTCOME_*


def convert_dataset(
    config: ConvertConfig, *, on_episode: Callable[[int, int], object] = lambda count, total: None
) -> None:
    """Write a bag of all episodes of a dataset, one after another with a second between them.

    Row t of an episode is recorded at its time since the first, on ``/camera/<view>/image_raw``,
    ``/joint_states`` and, half a period later, ``/command/action``. The task is on
    ``/task/instruction``; ``EpisodeCommand`` on ``/kibble/human`` starts and ends episodes.

    Args:
        config: What to convert; ``input`` is a dataset.
        on_episode: Called with the number of episodes converted, and of all.

    Raises:
        BagError: If the output exists or has another ending.
        CheckpointError: If the dataset is damaged.
        ConfigError: If a view is not there.
    """
    dataset = Demonstrations(Path(str(config.input)), views=config.views)
    feature = dataset.info.features.get("action")
    names = () if feature is None or feature.names is None else feature.names
    start = _FIRST
    with BagWriter(Path(str(config.output))) as writer:
        film = _Film(writer, config, dataset.info.fps)
        for number, episode in enumerate(dataset):
            start = film.add(episode, start, states=dataset.observation_names, actions=names)
            on_episode(number + 1, len(dataset))


@final
class _Film:
    """Writes episodes into a bag."""

    def __init__(self, writer: BagWriter, config: ConvertConfig, fps: float) -> None:
        self._writer, self._config, self._fps = writer, config, fps
        self._connections: dict[str, Connection] = {}

    def add(
        self,
        episode: RecordedEpisode,
        start: int,
        *,
        states: tuple[str, ...],
        actions: tuple[str, ...],
    ) -> int:
        """Write one episode, and return when the next may start, ns since the epoch."""
        said = self._config.instruction or episode.instruction
        stamps = [start + round(row * 1e9 / self._fps) for row in range(len(episode) + 1)]
        outcome = _SUCCESS if episode.success else _FAILURE
        self._write(INSTRUCTION, "std_msgs/msg/String", start, {"data": said})
        self._write(_HUMAN, COMMAND, start, _command(start, _START, said))
        for row, stamp in enumerate(stamps):
            if episode.observations.shape[1]:
                fields = _joints(episode.observations[row], states, stamp)
                self._write(_STATES, "sensor_msgs/msg/JointState", stamp, fields)
            for view, frames in episode.frames.items():
                self._write(*self._image(view, frames[row], stamp))
            if row < len(episode) and episode.actions.shape[1]:
                later = stamp + round(0.5e9 / self._fps)
                numbers = _array(episode.actions[row], actions)
                self._write(ACTION, "std_msgs/msg/Float64MultiArray", later, numbers)
        end = stamps[-1]
        self._write(_HUMAN, COMMAND, end, _command(end, _END, "", outcome))
        return end + _GAP

    def _image(
        self, view: str, frame: NDArray[np.uint8], stamp: int
    ) -> tuple[str, str, int, Fields]:
        topic = f"/camera/{view}/image_raw"
        if self._config.images == "raw":
            return topic, IMAGE, stamp, encode(frame, stamp=stamp, frame_id=view)
        format = cast("Literal['png', 'jpeg']", self._config.images)
        fields = encode_compressed(frame, stamp=stamp, frame_id=view, format=format)
        return f"{topic}/compressed", COMPRESSED_IMAGE, stamp, fields

    def _write(self, topic: str, type_name: str, time: int, fields: Fields) -> None:
        connection = self._connections.get(topic)
        if connection is None:
            connection = self._connections[topic] = self._writer.add(topic, type_name)
        types = message_types()
        self._writer.write(
            connection, time, types.encode(build(types, type_name, fields), type_name)
        )


def _command(stamp: int, what: int, instruction: str, outcome: int = 0) -> Fields:
    return {
        "stamp": stamp_fields(stamp),
        "command": what,
        "instruction": instruction,
        "outcome": outcome,
        "by": "kibble ros convert",
    }


def _joints(values: NDArray[np.float32], names: tuple[str, ...], stamp: int) -> Fields:
    named = names if len(names) == len(values) else tuple(_numbered("state", len(values)))
    return {
        "header": {"stamp": stamp_fields(stamp)},
        "name": list(named),
        "position": values.astype(np.float64),
    }


def _array(values: NDArray[np.float32], names: tuple[str, ...]) -> Fields:
    named = names if len(names) == len(values) else tuple(_numbered("action", len(values)))
    dimension = {"label": ",".join(named), "size": len(values), "stride": len(values)}
    return {"layout": {"dim": [dimension], "data_offset": 0}, "data": values.astype(np.float64)}


def _numbered(name: str, count: int) -> Iterator[str]:
    return (f"{name}_{number}" for number in range(count))
