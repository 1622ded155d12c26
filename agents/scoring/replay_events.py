"""Score events in their order, whatever time has passed since they happened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from kibble.agents.scoring.events import Event, Opened, frames_of
from kibble.rewards.prefetch import Prefetching
from kibble.rewards.shaped_step import ShapedStep
from kibble.rewards.shaper import Shaper
from kibble.rewards.types import Frames, RewardModel

__all__ = ["replay_events"]


def replay_events(
    shaper: Shaper, events: Iterable[Event], *, batch: int
) -> Iterator[tuple[Event, ShapedStep | None]]:
    """Pass events through a shaper one after another, exactly as if each happened now.

    Where the model can encode frames ahead (:class:`kibble.rewards.prefetch.Prefetching`), those
    of many events are encoded together first. The calls of the model stay what they would have
    been: the same frames of the same slots in the same order.

    Args:
        shaper: What scores; it moves on by the events.
        events: In the order in which they happened.
        batch: The most frames to encode at once, at least one event's.

    Yields:
        Each event, with what it was paid where it is a step.

    Raises:
        FrameError: If frames do not suit the model.
        ModelError: If the model failed too often or answered malformed.
    """
    model = shaper.potential.model
    if not isinstance(model, Prefetching):
        yield from _replay(shaper, events)
        return
    group: list[Event] = []
    waiting: list[Frames] = []
    for event in events:
        frames = frames_of(event)
        if group and len(waiting) + len(frames) > batch:
            _prefetch(model, waiting)
            yield from _replay(shaper, group)
            group, waiting = [], []
        group.append(event)
        waiting.extend(frames)
    _prefetch(model, waiting)
    yield from _replay(shaper, group)


def _replay(shaper: Shaper, events: Iterable[Event]) -> Iterator[tuple[Event, ShapedStep | None]]:
    for event in events:
        if event.weight is not None:
            shaper.weight = event.weight
        if isinstance(event, Opened):
            shaper.begin(event.starts)
            yield event, None
            continue
        yield (
            event,
            shaper.step(
                event.rewards,
                event.terminated,
                event.truncated,
                event.frames,
                active=event.active,
                penalty=event.penalty,
                infraction=event.infraction,
            ),
        )


def _prefetch(model: RewardModel, waiting: list[Frames]) -> None:
    """Encode frames together that have the same views at the same sizes."""
    assert isinstance(model, Prefetching)
    alike: dict[tuple[tuple[str, tuple[int, ...]], ...], list[Frames]] = {}
    for frames in waiting:
        known = {view: frames[view] for view in model.spec.views if view in frames}
        shapes = tuple((view, images.shape[1:]) for view, images in known.items())
        alike.setdefault(shapes, []).append(known)
    for shapes, group in alike.items():
        model.prefetch({view: np.concatenate([one[view] for one in group]) for view, _ in shapes})
