"""Frames are divided into requests: each once, in order, within the limits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kibble.rewards.remote.batches import in_batches
from kibble.rewards.service.pictures import EncodedPicture
from kibble.rewards.service.wire import EstimateRequest as Request
from kibble.rewards.service.wire import Limits, NewestFrame, encode_estimate_request

LIMITS = Limits(body_bytes=6_000, pictures=7, frames=4, request_pixels=900)
FRAMES = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(1, 3), st.integers(1, 20)),
    min_size=1,
    max_size=30,
)


@given(FRAMES)
def test_every_frame_is_sent_once_in_order_and_no_request_is_too_large(asked):
    frames, sessions = [], []
    for number, (session, views, side) in enumerate(asked):
        picture = EncodedPicture(format="raw", height=side, width=10, data=bytes(30 * side))
        pictures = {f"view {view}": picture for view in range(views)}
        frames.append(NewestFrame(episode=f"{number:032x}", step=1, pictures=pictures))
        sessions.append(session)
    batches = in_batches(frames, sessions, LIMITS)
    assert sorted(number for batch in batches for number in batch.numbers) == list(
        range(len(frames))
    )
    for session in set(sessions):
        sent = [n for batch in batches if batch.session == session for n in batch.numbers]
        assert sent == [n for n, own in enumerate(sessions) if own == session]
    for batch in batches:
        assert batch.frames == tuple(frames[number] for number in batch.numbers)
        pictures = [p for frame in batch.frames for p in frame.pictures.values()]
        assert len(batch.frames) <= LIMITS.frames
        if len(batch.frames) > 1:
            assert len(pictures) <= LIMITS.pictures
            assert sum(p.height * p.width for p in pictures) <= LIMITS.request_pixels
            assert len(encode_estimate_request(Request(frames=batch.frames))) <= LIMITS.body_bytes
