"""``kibble ros convert``: a bag into a LeRobot dataset, or a dataset into a bag."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from kibble.agents.progress_bar import bar
from kibble.agents.ros.convert_config import ConvertConfig
from kibble.rewards.errors import ConfigError
from kibble.rewards.ros.bags.packages import check_packages

__all__ = ["convert"]

_FOR_BAGS = ("state", "action", "fps", "tolerance", "image_size", "video")


def convert(config: ConvertConfig) -> None:
    """Convert and say what came out: the command ``kibble ros convert``.

    Raises:
        ConfigError: If the input is neither a bag nor a dataset.
        KibbleError: If it cannot be read, or the output cannot be written.
        MissingDependencyError: If rosbags is not installed.
    """
    check_packages()
    from kibble.agents.footage.bag import is_bag
    from kibble.agents.footage.dataset import is_dataset

    source = Path(str(config.input))
    if is_dataset(source):
        _refuse(config, _FOR_BAGS, kind="a dataset", other="a bag")
        _from_dataset(config)
    elif is_bag(source):
        _refuse(config, ("images",), kind="a bag", other="a dataset")
        _from_bag(config)
    else:
        raise ConfigError(
            f"`input` must be a ROS 2 bag (.mcap, .db3 or its folder) or a LeRobot dataset (with "
            f"meta/), got '{source}', which is {'neither' if source.exists() else 'not there'}."
        )


def _refuse(config: ConvertConfig, names: Sequence[str], *, kind: str, other: str) -> None:
    """Refuse settings that would have no effect."""
    defaults = {field.name: field.default for field in dataclasses.fields(config)}
    for name in names:
        value = getattr(config, name)
        if value != defaults[name]:
            raise ConfigError(
                f"`{name}` is for inputs that are {other}, got {value} with {kind}; leave it out."
            )


def _from_bag(config: ConvertConfig) -> None:
    from kibble.agents.demonstrations.files import Demonstrations
    from kibble.agents.ros.bag_to_dataset import convert_bag

    with bar(config.quiet, "episodes") as show:
        notes = convert_bag(config, on_moment=show)
    dataset = Demonstrations(Path(str(config.output)), views=())
    rows = sum(row.length for row in dataset.rows)
    print(f"Dataset: {config.output} ({len(dataset)} episodes, {rows} rows, {config.fps:g} Hz)")
    for note in notes:
        print(f"Note: {note}")


def _from_dataset(config: ConvertConfig) -> None:
    from kibble.agents.ros.dataset_to_bag import convert_dataset
    from kibble.rewards.ros.bags.bag import Bag

    with bar(config.quiet, "episodes") as show:
        convert_dataset(config, on_episode=show)
    with Bag(Path(str(config.output))) as written:
        print(f"Bag: {config.output} ({written.count} messages)")
        for topic in written.topics:
            print(f"  {topic.name}  {topic.type_name}  {topic.count}")
