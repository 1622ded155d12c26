"""Read all frames that are kept with another model."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kibble.agents.scoring.episode_store import EpisodeStore, episode_events
from kibble.agents.scoring.events import Opened
from kibble.agents.scoring.replay_events import replay_events
from kibble.agents.scoring.source import Rescored
from kibble.agents.scoring.stored_episode import StoredEpisode
from kibble.rewards.shaper import Shaper
from kibble.rewards.signals import Signals
from kibble.rewards.types import RewardModel

__all__ = ["MakeShaper", "read_again"]

_EPISODES_AT_ONCE = 64

MakeShaper: TypeAlias = Callable[[RewardModel, int], Shaper]
"""From a reward model and a number of slots to a shaper with the run's settings."""

_Part: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64], Signals]  # numbers, slots


def read_again(
    store: EpisodeStore, remake: MakeShaper, model: RewardModel, *, slots: int, batch: int
) -> tuple[Shaper, Rescored]:
    """Score every stored episode from its start, as if the model had been there then.

    Nothing that is given is changed, so a model that fails leaves all as it was. Up to 64 finished
    episodes are read side by side; a network may round differently in another number of rows.

    Args:
        store: The episodes; while any runs, one runs in every slot.
        remake: Makes a shaper for the model.
        model: What reads now.
        slots: N.
        batch: The most frames to encode at once.

    Returns:
        A shaper of N slots that is where the running episodes are, and all transitions.

    Raises:
        ModelError: If the model fails too often.
    """
    parts: list[_Part] = []
    finished = store.finished
    for begin in range(0, len(finished), _EPISODES_AT_ONCE):
        chosen = finished[begin : begin + _EPISODES_AT_ONCE]
        parts.extend(_read(remake(model, len(chosen)), chosen, batch))
    shaper = remake(model, slots)
    if running := store.running:
        parts.extend(_read(shaper, running, batch))
    nothing = Signals.sparse(*np.zeros((1, 0)), *np.zeros((2, 0), np.bool_))
    return shaper, Rescored(
        model=model,
        numbers=np.concatenate([np.empty(0, np.int64), *(numbers for numbers, _, _ in parts)]),
        slots=np.concatenate([np.empty(0, np.int64), *(places for _, places, _ in parts)]),
        signals=Signals.stack([signals for _, _, signals in parts]) if parts else nothing,
        version=model.spec.version,
    )


def _read(shaper: Shaper, episodes: list[StoredEpisode], batch: int) -> list[_Part]:
    """Score episodes side by side, episode ``i`` in slot ``i`` of the shaper."""
    numbers: list[int] = []
    slots: list[int] = []
    signals: list[Signals] = []
    for event, step in replay_events(shaper, episode_events(episodes), batch=batch):
        if isinstance(event, Opened):
            continue
        assert step is not None
        assert event.active is not None
        places = np.flatnonzero(event.active).tolist()
        numbers.extend(episodes[i].steps[event.number].number for i in places)
        slots.extend(episodes[i].slot for i in places)
        signals.append(step.signals[event.active])
    shaper.potential.check()  # a patient potential keeps failures to itself until it is asked
    if not signals:
        return []
    return [(np.array(numbers, np.int64), np.array(slots, np.int64), Signals.stack(signals))]
