"""What is encoded is decoded as it was; whatever else comes is a typed error."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibble.rewards.service.failures import Code, ServiceError
from kibble.rewards.service.pictures import decode_picture, encode_picture
from kibble.rewards.service.wire import (
    EstimateRequest,
    Limits,
    NewestFrame,
    OpenRequest,
    decode_estimate_request,
    decode_open_request,
    encode_estimate_request,
    encode_open_request,
)

EPISODE = "0" * 32
PIXELS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)


def body_of(header: object, pixels: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<4sI", b"KBL1", len(text)) + text + pixels


def one_frame(**changes: object) -> dict[str, object]:
    return {
        "frames": [[EPISODE, 1, {"front": 0}]],
        "pictures": [["raw", 5, 7, 105]],
        **changes,
    }


@pytest.mark.parametrize("format", ["raw", "png"])
def test_exact_formats_keep_every_pixel(format: str) -> None:
    front = encode_picture(PIXELS, format=format)  # type: ignore[arg-type]
    sent = OpenRequest(
        instruction="push",
        start={"front": (front,)},
        goal={"front": (front,)},
        demonstration={"front": (front, encode_picture(PIXELS[::-1]))},
        timeout=0.5,
    )
    body = encode_open_request(sent)
    got = decode_open_request(body, Limits())
    assert (got.instruction, got.timeout, got.reference) == ("push", 0.5, None)
    assert got.demonstration is not None
    assert [len(column) for column in got.demonstration.values()] == [2]
    np.testing.assert_array_equal(decode_picture(got.start["front"][0]), PIXELS)
    np.testing.assert_array_equal(decode_picture(got.demonstration["front"][1]), PIXELS[::-1])
    assert len(body) < 400 + 2 * PIXELS.nbytes + 200  # the shared picture travels once


def test_frames_of_several_episodes_in_order() -> None:
    picture = encode_picture(PIXELS)
    sent = [
        NewestFrame(episode=EPISODE, step=2, pictures={"front": picture, "wrist": picture}),
        NewestFrame(episode="f" * 32, step=9, pictures={"front": picture}),
    ]
    got = decode_estimate_request(encode_estimate_request(EstimateRequest(frames=sent)), Limits())
    assert [(f.episode, f.step, sorted(f.pictures)) for f in got.frames] == [
        (EPISODE, 2, ["front", "wrist"]),
        ("f" * 32, 9, ["front"]),
    ]
    assert got.timeout is None


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        (b"", Code.MALFORMED, "begin with"),
        (b"GET / HTTP/1.1", Code.MALFORMED, "begin with"),
        (struct.pack("<4sI", b"KBL1", 2**32 - 1), Code.MALFORMED, "cut"),
        (body_of([]), Code.MALFORMED, "JSON object"),
        (struct.pack("<4sI", b"KBL1", 4) + b"\xff{}x", Code.MALFORMED, "not"),
        (struct.pack("<4sI", b"KBL1", 10**5) + b"[" * 10**5, Code.MALFORMED, "JSON"),
        (body_of(one_frame()), Code.MALFORMED, "fill the body"),
        (body_of(one_frame(), bytes(106)), Code.MALFORMED, "fill the body"),
        (body_of(one_frame(pictures=[["raw", 10**5, 1000, 1]]), b"0"), Code.TOO_LARGE, "pixels"),
        (body_of(one_frame(pictures=[["gif", 5, 7, 105]]), bytes(105)), Code.MALFORMED, "gif"),
        (body_of(one_frame(pictures=[["raw", 5, -7, 105]]), bytes(105)), Code.MALFORMED, "-7"),
        (body_of(one_frame(pictures=[["raw", 5, True, 105]]), bytes(105)), Code.MALFORMED, "True"),
        (body_of(one_frame(frames=[]), bytes(105)), Code.MALFORMED, "at least one"),
        (body_of(one_frame(frames=[[EPISODE, 0, {"f": 0}]]), bytes(105)), Code.MALFORMED, "step"),
        (body_of(one_frame(frames=[[EPISODE, 1, {"f": 1}]]), bytes(105)), Code.MALFORMED, "place"),
        (body_of(one_frame(frames=[[7, 1, {"f": 0}]]), bytes(105)), Code.MALFORMED, "episode"),
        (body_of(one_frame(frames=[[EPISODE, 1, {}]]), bytes(105)), Code.MALFORMED, "views"),
        (body_of(one_frame(timeout=float("nan")), bytes(105)), Code.MALFORMED, "timeout"),
        (body_of(one_frame(timeout=-1), bytes(105)), Code.MALFORMED, "timeout"),
        (
            body_of(one_frame(frames=[[EPISODE, 1, {"f": 0}]] * 2), bytes(105)),
            Code.MALFORMED,
            "once",
        ),
        (
            body_of(one_frame(frames=[[EPISODE, i, {"f": 0}] for i in range(1, 300)]), bytes(105)),
            Code.TOO_LARGE,
            "256 frames",
        ),
    ],
)
def test_malformed_requests(body: bytes, code: Code, said: str) -> None:
    with pytest.raises(ServiceError, match=said) as caught:
        decode_estimate_request(body, Limits())
    assert caught.value.code is code


def test_opening_needs_a_sentence_and_start_frames() -> None:
    picture = ["raw", 5, 7, 105]
    for header, said in [
        ({"instruction": " ", "start": {"f": [0]}}, "blank"),
        ({"instruction": 3, "start": {"f": [0]}}, "text"),
        ({"instruction": "push"}, "start"),
        ({"instruction": "push", "start": {"f": [0, 0]}}, "1 per view"),
        ({"instruction": "push", "start": {"f": [0]}, "demonstration": {"a": [0], "b": [0, 0]}},
         "as many"),
    ]:  # fmt: skip
        with pytest.raises(ServiceError, match=said):
            decode_open_request(body_of({**header, "pictures": [picture]}, bytes(105)), Limits())
    with pytest.raises(ServiceError, match="4000 characters") as caught:
        decode_open_request(
            body_of(
                {"instruction": "x" * 5000, "start": {"f": [0]}, "pictures": [picture]}, bytes(105)
            ),
            Limits(),
        )
    assert caught.value.code is Code.TOO_LARGE


@given(st.binary(max_size=64), st.integers(0, 200))
def test_no_bytes_raise_anything_else(noise: bytes, cut: int) -> None:
    whole = encode_estimate_request(
        EstimateRequest(
            frames=[
                NewestFrame(episode=EPISODE, step=1, pictures={"front": encode_picture(PIXELS)})
            ]
        )
    )
    damaged = whole[:cut] + noise + whole[cut + len(noise) :]
    for decode in (decode_estimate_request, decode_open_request):
        caught = Code.MALFORMED
        try:
            decode(damaged, Limits())  # type: ignore[operator]
        except ServiceError as error:
            caught = error.code
        assert caught in (Code.MALFORMED, Code.TOO_LARGE)
