"""Thinning keeps what it promises, however long the stream."""

from __future__ import annotations

from functools import partial

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kibble.agents.footage.thinning import ThinnedFrames


def _feed(count: int, limit: int) -> tuple[ThinnedFrames, np.ndarray, np.ndarray]:
    kept = ThinnedFrames(limit=limit)
    for number in range(count):
        kept.add(partial(np.full, (1, 1, 3), number % 251, np.uint8), float(number))
    return kept, *kept.finish()


@given(count=st.integers(1, 400), limit=st.integers(2, 40))
def test_frames_are_evenly_spread_bounded_and_end_with_the_last(count: int, limit: int) -> None:
    kept, frames, times = _feed(count, limit)
    assert times[-1] == count - 1
    assert len(times) <= limit + 1
    assert len(times) >= min(count, limit / 2)
    assert (np.diff(times[:-1]) == kept.stride).all()
    assert frames[:, 0, 0, 0].tolist() == [int(time) % 251 for time in times]


@given(count=st.integers(1, 40))
def test_short_streams_are_kept_whole(count: int) -> None:
    _, _, times = _feed(count, 40)
    assert times.tolist() == list(range(count))


def test_nothing_gives_no_frames() -> None:
    frames, times = ThinnedFrames(limit=4).finish()
    assert len(frames) == len(times) == 0
