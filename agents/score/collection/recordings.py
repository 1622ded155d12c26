"""Which recordings a collection has."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path
from typing import Any

from kibble.agents.footage.dataset import is_dataset
from kibble.rewards.errors import BagError, ConfigError

__all__ = ["Recording", "list_recordings"]

_KEYS = ("input", "instruction", "views", "goal", "episode")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One recording of a collection, by paths that hold from every folder.

    Args:
        input: What ``kibble score input=`` takes.
        instruction: What was wanted, or ``None`` where the recording says it.
        views: Names of its views, as ``views=`` takes them.
        goal: The finished scene, as ``goal=`` takes it.
        episode: Number of the episode, or ``None`` where the input is one episode.
    """

    input: Any
    instruction: str | None = None
    views: Any = None
    goal: Any = None
    episode: int | None = None

    @property
    def key(self) -> str:
        """What tells it from the others of a collection."""
        paths = self.input if isinstance(self.input, str) else json.dumps(self.input)
        return paths if self.episode is None else f"{paths}#{self.episode}"


def list_recordings(
    collection: str | Sequence[str],
    *,
    instruction: str | None = None,
    views: object = None,
    goal: object = None,
) -> list[Recording]:
    """List the recordings of a collection.

    Args:
        collection: One or several of: a glob of videos, bags, folders of pictures or datasets; a
            LeRobot dataset or a ROS 2 bag, all episodes of it; a folder, everything in it; a
            ``.jsonl`` file with one mapping of ``input``, ``instruction``, ``views``, ``goal``
            and ``episode`` a line, paths relative to that file; a single recording.
        instruction: For recordings that a line says nothing else of.
        views: Likewise.
        goal: Likewise.

    Returns:
        Recordings, none twice, in order.

    Raises:
        ConfigError: If there is nothing, or a line is not such a mapping.
    """
    given = [collection] if isinstance(collection, str) else [str(one) for one in collection]
    shared = Recording(
        input=None, instruction=instruction, views=views, goal=_absolute(goal, Path.cwd())
    )
    found: dict[str, Recording] = {}
    for text in given:
        for recording in _expanded(text, shared):
            if recording.key in found:
                raise ConfigError(
                    f"`collection` must have every recording once, got '{recording.key}' twice; "
                    "leave one out."
                )
            found[recording.key] = recording
    return list(found.values())


def _expanded(text: str, shared: Recording) -> Iterator[Recording]:
    if text.endswith(".jsonl"):
        yield from _listed(Path(text), shared)
        return
    if has_magic(text) and not Path(text).exists():
        found = sorted(glob(text, recursive=True))  # noqa: PTH207  (Path's is never absolute)
        paths = [Path(path) for path in found]
    elif Path(text).is_dir() and not is_dataset(Path(text)) and not _is_bag_folder(Path(text)):
        paths = sorted(path for path in Path(text).iterdir() if path.name[0] != ".")
    else:
        paths = [Path(text)]
    if not paths or not paths[0].exists():
        raise ConfigError(
            f"`collection` must name recordings, got '{text}', which there is none of; check the "
            "path, and put a glob in quotes."
        )
    for path in paths:
        yield from _at(path, shared)


def _at(path: Path, shared: Recording) -> Iterator[Recording]:
    episodes: Sequence[int | None] = (None,)
    if path.is_dir() and is_dataset(path):
        from kibble.agents.demonstrations.lerobot.info import read_info

        episodes = range(read_info(path).episodes)
    elif _is_bag_folder(path) or path.suffix in (".mcap", ".db3"):
        episodes = _bag_episodes(path)
    for episode in episodes:
        yield _recording({"input": str(path), "episode": episode}, shared, Path.cwd())


def _is_bag_folder(path: Path) -> bool:
    return (path / "metadata.yaml").is_file()


def _bag_episodes(path: Path) -> Sequence[int | None]:
    """Return the numbers of a bag's episodes; None where it is one, or cannot be read."""
    from kibble.rewards.ros.bags.bag import Bag
    from kibble.rewards.ros.bags.episodes import find_episodes

    try:
        with Bag(path) as bag:
            count = len(find_episodes(bag))
    except BagError:  # becomes the recording's own error
        return (None,)
    return (None,) if count == 1 else range(count)


def _listed(path: Path, shared: Recording) -> Iterator[Recording]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigError(
            f"`collection` must name files that can be read, got '{path}': {error.strerror}."
        ) from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ConfigError(f"Line {number} of '{path}' must be JSON, got {error}.") from error
        if not isinstance(row, dict) or "input" not in row or not set(row) <= set(_KEYS):
            raise ConfigError(
                f"Line {number} of '{path}' must map input, and if wanted "
                f"{', '.join(_KEYS[1:])}, to values, got {line.strip()[:120]}."
            )
        yield _recording(row, shared, path.parent.resolve())


def _recording(row: Mapping[str, object], shared: Recording, folder: Path) -> Recording:
    episode = row.get("episode")
    if episode is not None and (not isinstance(episode, int) or isinstance(episode, bool)):
        raise ConfigError(f"`episode` must be a whole number, got {episode!r}.")
    instruction = row.get("instruction", shared.instruction)
    return Recording(
        input=_absolute(row["input"], folder),
        instruction=None if instruction is None else str(instruction),
        views=row.get("views", shared.views),
        goal=_absolute(row["goal"], folder) if "goal" in row else shared.goal,
        episode=episode,
    )


def _absolute(source: object, folder: Path) -> object:
    """Make every path in what ``input=`` or ``goal=`` takes hold from every folder."""
    if isinstance(source, Mapping):
        return {str(view): _absolute(path, folder) for view, path in source.items()}
    if isinstance(source, Sequence) and not isinstance(source, str):
        return [_absolute(path, folder) for path in source]
    return None if source is None else str(folder / str(source))
