"""Several reward models as one: weighted, min, product or lexicographic."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Sequence
from typing import Any, cast, final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.ending import EndsEpisodes
from kibble.rewards.errors import ConfigError
from kibble.rewards.frames import resize_frames
from kibble.rewards.keypoints.sketch import Sketch, Sketches
from kibble.rewards.remote.outages import Outage, RecordsOutages
from kibble.rewards.types import Episode, Estimate, Frames, ModelSpec, RewardModel, Status, Task

__all__ = ["CombinedModel", "Combining", "combine_progress"]


class Combining(str, enum.Enum):
    """How M readings become one, each in [0, 1].

    =============  ============================================================================
    name           combined reading
    =============  ============================================================================
    weighted       mean by given weights
    min            the least: done only where every model says so (logical AND)
    product        their product, likewise; every model moves it, and all are lower than min
    lexicographic  levels of the first model; within one level the second decides, and so on
    =============  ============================================================================
    """

    WEIGHTED = "weighted"
    MIN = "min"
    PRODUCT = "product"
    LEXICOGRAPHIC = "lexicographic"


def combine_progress(
    readings: NDArray[np.floating],
    how: Combining | str,
    *,
    weights: Sequence[float] | None = None,
    levels: int = 10,
) -> NDArray[np.float64]:
    """Combine M readings of N frames.

    Lexicographic, from the last model to the first: ``p = (2 * floor(levels * p_i) + p) / (2 *
    levels + 1)``; so one level of an earlier model outweighs everything that later ones say, and
    the result is 1 only where all readings are.

    Args:
        readings: (M, N) in [0, 1], most important model first.
        how: One of :class:`Combining`.
        weights: M of them, at least 0 and not all 0, for ``weighted``; equal by default.
        levels: Steps into which the earlier readings are divided, at least 1.

    Returns:
        (N,) float64 in [0, 1].

    >>> readings = np.array([[0.5, 1.0], [0.25, 1.0]])
    >>> combine_progress(readings, "min").tolist()
    [0.25, 1.0]
    >>> combine_progress(readings, "lexicographic", levels=4).tolist()
    [0.4722222222222222, 1.0]
    """
    chosen, values = Combining(how), np.asarray(readings, np.float64)
    if chosen is Combining.MIN:
        return np.asarray(values.min(axis=0))
    if chosen is Combining.PRODUCT:
        return np.asarray(values.prod(axis=0))
    if chosen is Combining.WEIGHTED:
        return np.asarray(np.average(values, axis=0, weights=weights))
    combined = values[-1]
    for earlier in values[-2::-1]:
        combined = (2.0 * np.floor(levels * earlier) + combined) / (2 * levels + 1)
    return np.asarray(combined)


@final
class CombinedModel:
    """A reward model made of several, each read on the same frames.

    Progress and success are combined by ``how``; confidence is that of the least sure member, or
    the weighted mean for ``weighted``. Where a member has no answer the combination has none
    either, with that member's status, so the last potential is held.

    Args:
        members: Two models or more, most important first.
        how: One of :class:`Combining`, or its name.
        weights: One per member, for ``weighted``; equal by default.
        levels: For ``lexicographic``, at least 1.

    Raises:
        ConfigError: If there are too few members, or weights or levels are unfit.

    Source:
        Min and product as logical AND over goals: first principles, as in goal ensembles and in
        multiplicative synthesis of driving rewards (VLM-RL, Huang et al. 2024).
    """

    def __init__(
        self,
        members: Sequence[RewardModel],
        how: Combining | str = Combining.MIN,
        *,
        weights: Sequence[float] | None = None,
        levels: int = 10,
    ) -> None:
        names = [each.value for each in Combining]
        if how not in names:
            raise ConfigError(f"`how` must be one of {', '.join(names)}, got {how!r}.")
        if len(members) < 2:
            raise ConfigError(
                f"`members` must be two reward models or more, got {len(members)}; "
                "take a single model as it is."
            )
        if levels < 1:
            raise ConfigError(f"`levels` must be at least 1, got {levels}.")
        if weights is not None:
            _check_weights(weights, count=len(members), how=Combining(how))
        self.members = tuple(members)
        self.how = Combining(how)
        self.weights = None if weights is None else tuple(weights)
        self.levels = levels
        self._members_were = [member.spec for member in self.members]
        self._spec = _combined_spec(self)

    @property
    def spec(self) -> ModelSpec:
        """Views and size that serve every member; the version changes when a member's does."""
        members = [member.spec for member in self.members]
        if members != self._members_were:  # of a model behind a service the version may change
            self._members_were, self._spec = members, _combined_spec(self)
        return self._spec

    @property
    def outages(self) -> tuple[Outage, ...]:
        """Outages of all members that stand on services, oldest first."""
        found = [
            outage
            for member in self.members
            if isinstance(member, RecordsOutages)
            for outage in member.outages
        ]
        return tuple(sorted(found, key=lambda outage: outage.began))

    def begin(self, task: Task, start_frames: Frames) -> Episode:
        """Open an episode of every member; see :class:`RewardModel`."""
        episodes = [member.begin(task, _suited(member, start_frames)) for member in self.members]
        progress = self._combined(np.array([[episode.progress] for episode in episodes]))
        return Episode(
            task=task,
            progress=float(progress[0]),
            memory={str(i): _as_plain(episode) for i, episode in enumerate(episodes)},
        )

    def estimate(self, episodes: Sequence[Episode], frames: Frames) -> Estimate:
        """Let every member read the frames; see :class:`RewardModel`."""
        estimates = [
            self._ask(i, member, episodes, frames) for i, member in enumerate(self.members)
        ]
        statuses = np.stack([estimate.status for estimate in estimates])  # (M, N)
        first_failed = (statuses != Status.OK).argmax(axis=0)  # 0 where none failed: status OK
        status = statuses[first_failed, np.arange(len(episodes))]
        answered = status == Status.OK
        progress = self._joined([e.progress for e in estimates], answered)
        for episode, ok, value in zip(episodes, answered, progress, strict=True):
            episode.steps += 1
            if ok:
                episode.progress = float(value)
        confidence = np.stack([e.confidence for e in estimates])
        sure = (
            np.average(confidence, axis=0, weights=self.weights)
            if self.how is Combining.WEIGHTED
            else confidence.min(axis=0)
        )
        return Estimate(
            progress=progress,
            success=self._joined([e.success for e in estimates], answered),
            confidence=np.where(answered, sure, np.nan).astype(np.float32),
            status=status,
        )

    def sketch(self, episode: Episode) -> Sketch | None:
        """Show what the first member that can goes by; see :class:`Sketches`."""
        for place, member in enumerate(self.members):
            if isinstance(member, Sketches):
                (own,) = _own(place, [episode])
                if (sketch := member.sketch(own)) is not None:
                    return sketch
        return None

    def end(self, episodes: Sequence[Episode]) -> None:
        """Tell the members that hold something elsewhere; see :class:`EndsEpisodes`."""
        for place, member in enumerate(self.members):
            if isinstance(member, EndsEpisodes):
                member.end(_own(place, episodes))

    def _ask(
        self, place: int, member: RewardModel, episodes: Sequence[Episode], frames: Frames
    ) -> Estimate:
        """Ask one member, and keep what its episodes remember."""
        own = _own(place, episodes)
        estimate = member.estimate(own, _suited(member, frames))
        for episode, mine in zip(episodes, own, strict=True):
            episode.memory[str(place)] = _as_plain(mine)
        return estimate

    def _joined(
        self, readings: Sequence[NDArray[np.float32]], answered: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        combined = self._combined(np.stack(readings).astype(np.float64))
        return np.where(answered, combined, np.nan).astype(np.float32)

    def _combined(self, readings: NDArray[np.float64]) -> NDArray[np.float64]:
        return combine_progress(readings, self.how, weights=self.weights, levels=self.levels)


def _own(place: int, episodes: Sequence[Episode]) -> list[Episode]:
    """Open again what a member keeps of these episodes."""
    return [
        Episode(task=episode.task, **cast("dict[str, Any]", episode.memory[str(place)]))
        for episode in episodes
    ]


def _as_plain(episode: Episode) -> dict[str, object]:
    """Return what a member's episode remembers beside the task, as plain data."""
    return {"progress": episode.progress, "steps": episode.steps, "memory": episode.memory}


def _suited(member: RewardModel, frames: Frames) -> Frames:
    """Keep a member's views, at its size."""
    return {
        view: resize_frames(frames[view], member.spec.image_size)
        for view in member.spec.views
        if view in frames
    }


def _combined_spec(model: CombinedModel) -> ModelSpec:
    specs = [member.spec for member in model.members]
    settings = f"{model.how.value} {model.weights} {model.levels} "
    versions = settings + " ".join(f"{spec.name}:{spec.version}" for spec in specs)
    return ModelSpec(
        name=f"{model.how.value}({','.join(spec.name for spec in specs)})",
        version=hashlib.sha256(versions.encode()).hexdigest()[:16],
        views=tuple(dict.fromkeys(view for spec in specs for view in spec.views)),
        required_views=tuple(dict.fromkeys(v for spec in specs for v in spec.required_views)),
        image_size=_largest([spec.image_size for spec in specs]),
        needs_goal=any(spec.needs_goal for spec in specs),
        causal=all(spec.causal for spec in specs),
    )


def _largest(sizes: Sequence[tuple[int, int] | None]) -> tuple[int, int] | None:
    """Return the size that holds all of them, or None where one takes frames as they come."""
    known = [size for size in sizes if size is not None]
    if len(known) < len(sizes):
        return None
    return max(height for height, _ in known), max(width for _, width in known)


def _check_weights(weights: Sequence[float], *, count: int, how: Combining) -> None:
    if how is not Combining.WEIGHTED:
        raise ConfigError(
            f"`weights` belong to how='weighted', got them with {how.value!r}; leave them out."
        )
    values = np.asarray(weights, np.float64)
    if values.shape != (count,) or not np.isfinite(values).all() or (values < 0.0).any():
        raise ConfigError(
            f"`weights` must be {count} numbers of at least 0, one per member, got "
            f"{list(weights)}."
        )
    if not values.any():
        raise ConfigError("`weights` must not all be 0; give at least one member some weight.")
