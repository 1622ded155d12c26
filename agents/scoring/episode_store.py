"""Compressed frames of past and running episodes, within a bound of memory."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import cast, final

import numpy as np

from kibble.agents.scoring.episode_packing import pack_episodes, unpack_episodes
from kibble.agents.scoring.events import Event, Opened, Stepped
from kibble.agents.scoring.frame_codec import FrameDecoder
from kibble.agents.scoring.stored_episode import StoredEpisode, StoredStep
from kibble.rewards.signals import Signals
from kibble.rewards.types import Frames, Task

__all__ = ["EpisodeStore", "episode_events"]

_LOGGER = logging.getLogger(__name__)


@final
class EpisodeStore:
    """Keeps what scoring episodes again needs: their frames, rewards, flags and weights.

    When it is full the oldest finished episodes leave: their transitions keep the potentials that
    they have, of the model that read them. That is counted, and logged at the 1st, 2nd, 4th, …
    Running episodes never leave, so the bound holds for all but them.

    Args:
        limit: The most bytes of compressed frames.

    Attributes:
        departed: Episodes that left because it was full.
        needed_from: Number of the first step that anybody needs, to be assigned; finished episodes
            that lie before it are dropped at the next chance, uncounted.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.departed = 0
        self.needed_from = 0
        self._running: dict[int, StoredEpisode] = {}
        self._finished: list[StoredEpisode] = []
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes of compressed frames that it holds."""
        return self._size

    @property
    def finished(self) -> list[StoredEpisode]:
        """The finished episodes, oldest first."""
        return list(self._finished)

    @property
    def running(self) -> list[StoredEpisode]:
        """The running episodes by slot."""
        return [self._running[slot] for slot in sorted(self._running)]

    def open(self, event: Opened) -> None:
        """Open episodes; what ran in their slots is over."""
        for slot, (task, frames) in event.starts.items():
            if slot in self._running:
                self._finish(slot)
            self._running[slot] = episode = StoredEpisode.begin(slot, task, frames)
            self._size += episode.size
        self._make_room()

    def step(self, event: Stepped, signals: Signals) -> None:
        """Add a step of every running episode."""
        for slot, episode in list(self._running.items()):
            self._size += episode.add(event, signals)
            if episode.ended:
                self._finish(slot)
        self._make_room()

    def get_state(self) -> dict[str, object]:
        """Return everything as few large arrays."""
        return {"departed": self.departed, **pack_episodes([*self._finished, *self.running])}

    def set_state(self, state: dict[str, object]) -> None:
        """Hold what :meth:`get_state` returned; episodes that ran can go on."""
        self.departed = cast("int", state["departed"])
        episodes = unpack_episodes(state)
        self._finished = [episode for episode in episodes if episode.ended]
        self._running = {episode.slot: episode for episode in episodes if not episode.ended}
        self._size = sum(episode.size for episode in episodes)

    def _finish(self, slot: int) -> None:
        episode = self._running.pop(slot)
        episode.ended = True
        if episode.steps:
            self._finished.append(episode)
        else:
            self._size -= episode.size

    def _make_room(self) -> None:
        while self._finished and self._finished[0].steps[-1].number < self.needed_from:
            self._size -= self._finished.pop(0).size
        leaving = 0
        while self._size > self.limit and leaving < len(self._finished):
            self._size -= self._finished[leaving].size
            leaving += 1
        for _ in range(leaving):
            self.departed += 1
            if self.departed & (self.departed - 1) == 0:  # often enough to be seen, no flood
                _LOGGER.warning(
                    "The frame store is full (`scoring.store_mb`=%g): the oldest episodes leave "
                    "and keep the potentials that they have; so far: %d.",
                    self.limit / 1e6,
                    self.departed,
                )
        del self._finished[:leaving]


def episode_events(episodes: list[StoredEpisode]) -> Iterator[Event]:
    """Replay episodes side by side, episode ``i`` in slot ``i``, one step of all at a time.

    The ``number`` of a step is its place in the episodes, t; frames are decompressed as they are
    asked for.
    """
    decoders = [FrameDecoder() for _ in episodes]
    starts: dict[int, tuple[Task, Frames]] = {
        i: (episode.task, decoders[i].decode(episode.start)) for i, episode in enumerate(episodes)
    }
    weight = np.array([episode.weight for episode in episodes], np.float64)
    yield Opened(starts=starts, weight=weight)
    for t in range(max((len(episode.steps) for episode in episodes), default=0)):
        steps: dict[int, StoredStep] = {
            i: episode.steps[t] for i, episode in enumerate(episodes) if t < len(episode.steps)
        }
        rewards, penalty = np.zeros(len(episodes)), np.ones(len(episodes))
        terminated, truncated, infraction, active = np.zeros((4, len(episodes)), np.bool_)
        weight = weight.copy()
        frames = {}
        for i, step in steps.items():
            rewards[i], penalty[i], weight[i] = step.reward, step.penalty, step.weight
            terminated[i], truncated[i] = step.terminated, step.truncated
            infraction[i], active[i] = step.infraction, True
            if step.frames is not None:
                frames[i] = decoders[i].decode(step.frames)
        yield Stepped(
            number=t,
            rewards=rewards,
            terminated=terminated,
            truncated=truncated,
            frames=frames,
            penalty=penalty,
            infraction=infraction,
            weight=weight,
            active=active,
        )
