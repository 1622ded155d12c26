"""From events to signals, at once or late, and once more when the model has changed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TypeAlias, cast, final

import numpy as np
from numpy.typing import NDArray

from kibble.agents.scoring.config import ScoringConfig
from kibble.agents.scoring.episode_store import EpisodeStore
from kibble.agents.scoring.events import Event, Opened, Stepped
from kibble.agents.scoring.queues import (
    DeferredQueue,
    ImmediateQueue,
    Results,
    ScoringQueue,
    ThreadedQueue,
)
from kibble.agents.scoring.replay_events import replay_events
from kibble.agents.scoring.rescoring import MakeShaper, read_again
from kibble.agents.scoring.source import Listener, Scored
from kibble.rewards.errors import ConfigError
from kibble.rewards.rule import RewardRule
from kibble.rewards.shaped_step import ShapedStep
from kibble.rewards.shaper import Shaper
from kibble.rewards.types import Frames, RewardModel, Task

__all__ = ["Observer", "Scoring"]

_LOGGER = logging.getLogger(__name__)

Observer: TypeAlias = Callable[[Shaper, ShapedStep], None]
"""Told of each step right after it was scored; may hold potentials and change weights."""


@final
class Scoring:
    """Passes what happens in N environments through a :class:`Shaper`, in its order.

    Whenever the frames are read, the shaper makes the same calls of the model with the same frames
    in the same order, so signals and rewards do not depend on ``config.kind``.

    With a frame store, everything that it holds is read again when the model's version changes or
    :meth:`rescore` is called; running episodes then go on as if the new model had read them from
    their start.

    Args:
        shaper: One slot per environment.
        config: When to score, and what to keep.
        remake: Makes the shaper anew for another model; needed for a frame store.

    Attributes:
        listeners: See :class:`kibble.agents.scoring.source.SignalSource`.
        observers: Called right after a step was scored, before the next, in the thread that
            scores. What they do to potentials and weights acts on the same step in every kind.
        newest: Number of the newest step taken; -1 before the first.
        paid: (N,) float64, what the environments returned as that step's rewards.
        followed: Whether a buffer derives rewards from the signals.
        exact: See :class:`ScoringConfig`.

    Raises:
        ConfigError: If there is to be a frame store without ``remake``.
    """

    def __init__(
        self,
        shaper: Shaper,
        *,
        config: ScoringConfig | None = None,
        remake: MakeShaper | None = None,
    ) -> None:
        config = (ScoringConfig() if config is None else config).settled(beside=False)
        if config.store_mb > 0.0 and remake is None:
            raise ConfigError(
                "`remake` must be given to keep frames, got none with store_mb="
                f"{config.store_mb}; pass a function that makes the shaper for another model."
            )
        self.listeners: list[Listener] = []
        self.observers: list[Observer] = []
        self.newest = -1
        self.paid: NDArray[np.float64] = np.zeros(len(shaper))
        self.followed = False
        self.exact = config.exact
        self._kind = config.kind
        self._batch = config.batch
        self._remake = remake
        self._store = EpisodeStore(int(config.store_mb * 1e6)) if config.store_mb > 0.0 else None
        self._shaper = shaper
        self._version = shaper.potential.spec.version
        self._weight: NDArray[np.float64] | None = None
        self._queue = self._make_queue(config)

    @property
    def shaper(self) -> Shaper:
        """The shaper; while steps wait to be scored it is behind the environments."""
        return self._shaper

    @property
    def store(self) -> EpisodeStore | None:
        """The compressed frames that are kept, if any."""
        return self._store

    @property
    def rule(self) -> RewardRule:
        """What turns signals into rewards."""
        return self._shaper.rule

    @property
    def immediate(self) -> bool:
        """Whether a step's reward is known when the step returns."""
        return self._kind == "immediate"

    def set_weight(self, weight: float | NDArray[np.float64]) -> None:
        """Weigh the potential by a number, or (N,) numbers, from the next step on."""
        self._weight = np.array(np.broadcast_to(weight, len(self._shaper)), np.float64)

    def open(self, starts: Mapping[int, tuple[Task, Frames]]) -> None:
        """Open an episode in each slot named."""
        if not self.immediate:  # the environment may draw into the same array again
            starts = {slot: (task, _copied(frames)) for slot, (task, frames) in starts.items()}
        self._put(Opened(starts=starts, weight=self._take_weight()))

    def step(
        self,
        rewards: NDArray[np.floating],
        terminated: NDArray[np.bool_],
        truncated: NDArray[np.bool_],
        frames: Mapping[int, Frames],
        *,
        penalty: NDArray[np.float64],
        infraction: NDArray[np.bool_],
    ) -> ShapedStep | None:
        """Take one step of all slots; the arguments are those of :meth:`Shaper.step`.

        Returns:
            What it was paid, or ``None`` where that is known later.
        """
        self.newest += 1
        event = Stepped(
            number=self.newest,
            rewards=np.array(rewards, np.float64),
            terminated=terminated,
            truncated=truncated,
            frames=frames,
            penalty=penalty,
            infraction=infraction,
            weight=self._take_weight(),
        )
        scored = self._put(event)
        if not self.immediate:
            return None
        newest = scored[-1]
        assert isinstance(newest, Scored)
        return newest.step

    def settle(self) -> None:
        """Score all that waits, and tell the listeners."""
        self._tell(self._queue.settle())

    def rescore(self, model: RewardModel) -> None:
        """Read all frames that are kept with another model, which takes over from here.

        Episodes that left the store keep their potentials. If the model fails, nothing changes.

        Raises:
            ConfigError: If no frames are kept.
            ModelError: If the model fails too often.
        """
        self.settle()
        self._tell(self._rescore(model))

    def forget_before(self, number: int) -> None:
        """Drop frames of episodes whose steps all lie before that number."""
        if self._store is not None:
            self._store.needed_from = number

    def close(self) -> None:
        """Score nothing more."""
        self._queue.close()

    def get_state(self) -> dict[str, object]:
        """Score all that waits and return what goes on: counters and the frame store."""
        self.settle()
        return {
            "newest": self.newest,
            "version": self._version,
            "store": None if self._store is None else self._store.get_state(),
        }

    def set_state(self, state: dict[str, object]) -> None:
        """Go on from a state of :meth:`get_state`; nothing must wait."""
        self.settle()
        self.newest = cast("int", state["newest"])
        self._version = cast("str", state["version"])
        if self._store is not None and state["store"] is not None:
            self._store.set_state(cast("dict[str, object]", state["store"]))

    def _make_queue(self, config: ScoringConfig) -> ScoringQueue:
        if config.kind == "deferred":
            return DeferredQueue(self._score, batch=config.batch)
        if config.kind == "asynchronous":
            return ThreadedQueue(self._score, batch=config.batch)
        return ImmediateQueue(self._score)

    def _take_weight(self) -> NDArray[np.float64] | None:
        weight, self._weight = self._weight, None
        return weight

    def _put(self, event: Event) -> Results:
        results = self._queue.put(event)
        self._tell(results)
        return results

    def _tell(self, results: Results) -> None:
        for result in results:
            for listener in self.listeners:
                listener(result)

    def _score(self, events: list[Event]) -> Results:
        """Score events in their order; in the thread that scores."""
        results: Results = []
        version = self._shaper.potential.spec.version
        if version != self._version:
            results.extend(self._meet_new_version(version))
        for event, step in replay_events(self._shaper, events, batch=self._batch):
            if isinstance(event, Opened):
                if self._store is not None:
                    self._store.open(event)
                continue
            assert step is not None
            if self._store is not None:
                self._store.step(event, step.signals)
            versions = tuple(self._shaper.potential.versions)
            results.append(Scored(number=event.number, step=step, versions=versions))
            for observer in self.observers:
                observer(self._shaper, step)
        return results

    def _meet_new_version(self, version: str) -> Results:
        """Read what is kept again, or say that older potentials stay as they are."""
        if self._shaper.potential.fault is not None:
            return []  # the run is about to stop; it reads the store again when it goes on
        if self._store is not None:
            try:
                return self._rescore(self._shaper.potential.model)
            except Exception as error:  # kept until the run can stop without a loss
                self._shaper.potential.fail(error)
                return []
        _LOGGER.warning(
            "Reward model %r changed from version %s to %s: transitions keep the potentials that "
            "the older one read, and running episodes hold theirs; keep frames with "
            "`scoring.store_mb` to have them read again.",
            self._shaper.potential.spec.name,
            self._version,
            version,
        )
        self._version = version
        return []

    def _rescore(self, model: RewardModel) -> Results:
        if self._store is None or self._remake is None:
            raise ConfigError(
                "`scoring.store_mb` must be more than 0 to score frames again, got 0; write for "
                "example scoring.store_mb=200."
            )
        shaper, rescored = read_again(
            self._store, self._remake, model, slots=len(self._shaper), batch=self._batch
        )
        shaper.rule = self._shaper.rule  # it may have learned since it was made
        shaper.weight = self._shaper.weight
        shaper.potential.held[:] = self._shaper.potential.held
        self._shaper = shaper
        self._version = rescored.version
        _LOGGER.info(
            "Read %d transitions again with version %s; %d episodes had left the frame store.",
            len(rescored.numbers),
            self._version,
            self._store.departed,
        )
        return [rescored]


def _copied(frames: Frames) -> Frames:
    return {view: images.copy() for view, images in frames.items()}
