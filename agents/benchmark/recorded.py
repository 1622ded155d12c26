"""A user's own LeRobot dataset as trials."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kibble.agents.benchmark.trials import Trial
from kibble.agents.demonstrations.episode import RecordedEpisode
from kibble.agents.demonstrations.files import Demonstrations
from kibble.rewards.errors import ConfigError
from kibble.rewards.frames import resize_frames
from kibble.rewards.types import Frames

__all__ = ["recorded_trials"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Known:
    """An episode without its frames, but for the last one."""

    episode: RecordedEpisode
    last: Frames


def recorded_trials(
    folder: Path,
    *,
    size: tuple[int, int],
    episodes: int | None = None,
    views: Sequence[str] | Mapping[str, str] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Trial]:
    """Read a LeRobot dataset as trials; frames are decoded again when they are asked for.

    Episodes whose instruction is empty are refused: nothing says what they are about. The goal
    frames of an episode are the last frames of another successful one with its instruction.

    Args:
        folder: The dataset.
        size: (height, width) in pixels to which frames are reduced.
        episodes: Most episodes that are read, or ``None`` for all.
        views: Views to keep, or names of ours to the dataset's, or ``None`` for all.
        on_progress: Called with the episodes looked at and wanted.

    Raises:
        CheckpointError: If the dataset cannot be read.
        ConfigError: If it has no episodes or no instructions.
    """
    data = Demonstrations(folder, views=views)
    total = len(data) if episodes is None else min(episodes, len(data))
    if total == 0:
        raise ConfigError(f"`data` must hold episodes, got none in '{folder}'; record some.")
    known: list[_Known] = []
    for i in range(total):
        episode = data[i]
        if not episode.instruction.strip():
            raise ConfigError(
                f"Every episode must have an instruction, got none for episode {i} of '{folder}'; "
                "add the task to the dataset."
            )
        last = {view: resize_frames(array[-1:], size) for view, array in episode.frames.items()}
        known.append(_Known(episode=dataclasses.replace(episode, frames={}), last=last))
        if on_progress is not None:
            on_progress(i + 1, total)
    return [
        _trial(data, i, each.episode, _goal_of(i, known), size) for i, each in enumerate(known)
    ]


def _outcome(episode: RecordedEpisode) -> bool | None:
    return episode.success if episode.labels is not None else episode.outcome


def _goal_of(number: int, known: Sequence[_Known]) -> Frames | None:
    """The end of another successful episode with the same instruction."""
    instruction = known[number].episode.instruction
    for other in (*known[number + 1 :], *known[:number]):
        if other.episode.instruction == instruction and _outcome(other.episode) is not False:
            return other.last
    return None


def _trial(
    data: Demonstrations,
    number: int,
    episode: RecordedEpisode,
    goal: Frames | None,
    size: tuple[int, int],
) -> Trial:
    def load() -> Frames:
        frames = data[number].frames
        return {view: resize_frames(array, size) for view, array in frames.items()}

    labels = episode.labels
    state = episode.observations
    return Trial(
        name=f"episode-{number}",
        task=episode.instruction,
        kind="recorded",
        load=load,
        steps=len(episode) + 1,
        sentences=((episode.instruction,),),
        progress=None if labels is None else labels.progress[:, None],
        # what is recorded is success that has been held; the oracle's progress is 1 exactly where
        # the goal is met at that instant, which is what a reward model judges
        success=None if labels is None else labels.progress[:, None] >= 1.0,
        outcome=_outcome(episode),
        state=state if state.size and len(state) == len(episode) + 1 else None,
        goal_frames=(goal,),
        frame_rate=episode.fps,
    )
