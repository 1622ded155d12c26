"""The wire format of the service: what travels, and what a client may rely on.

**Requests** (HTTP/1.1, ``MODEL`` a name from ``GET /v1/models``, ``EPISODE`` 32 hexadecimal digits
that the *client* draws at random, so that opening can be repeated and nobody meets another's):

==============================================  ===================  ==========================
``GET /health``                                                      200 ready, else 503
``GET /v1/models``                                                   :class:`Served`
``PUT /v1/models/MODEL/episodes/EPISODE``       :class:`OpenRequest`  :class:`Opened`
``POST /v1/models/MODEL/estimates``             :class:`EstimateRequest`  :class:`Estimates`
``DELETE /v1/models/MODEL/episodes/EPISODE``                         200, also if it is not open
``GET /metrics``                                                     Prometheus text
==============================================  ===================  ==========================

A request body has the content type ``application/x-kibble-frames`` and is ``KBL1``, the header's
length as a little-endian uint32, the header (JSON, UTF-8), then the bytes of all pictures one
after the other. The header's ``pictures`` lists ``[format, height, width, bytes]`` in that order,
everything else refers to pictures by their place in the list; one picture may stand for several.
Answers are JSON (:mod:`kibble.rewards.service.answers`); numbers are exact, NaN is ``null``.

**Token.** Where the service has one, every request but ``GET /health`` carries
``Authorization: Bearer TOKEN``.

**Instance.** Every answer, errors too, has ``instance``, an identity that the service draws when
it starts, also in the header ``Kibble-Instance``. Another instance than before means a restart: no
episode is open there. Frames for them are answered ``unknown_episode``: open each again from its
start frames, with the same name and goal, and go on counting steps. The model's ``version`` stands
in every answer too: weights may have changed with the restart.

**Sessions.** Where several replicas stand behind one address, requests with one value of the
header ``X-Session-Id`` reach one of them. All requests about an episode carry the same.

**Steps.** Each frame says which ``step`` of its episode it is: 1 or more, growing; steps may be
left out (a frame that was late is simply dropped). The newest step asked again with the same
pictures gets the answer that it had, without being read twice: whoever is unsure whether an
answer was lost asks again. So is ``PUT`` of an open episode that has had no frames; later it
opens the episode anew. Frames of one episode are read in the order of their steps; a client sends
the next only after the answer to the last, or both in one request.

**Deadlines.** ``timeout`` in a body is how long the client will wait, in seconds, from when the
service receives the request. What has not been handed to the model by then is answered ``late``
and the episode has not seen it; the same step may be sent again.

**Errors.** A request that fails as a whole is answered by its HTTP status and
``{"instance", "code", "message"}``, see :class:`kibble.rewards.service.failures.Code`; ``busy``,
``not_ready`` and ``too_many_episodes`` have the header ``Retry-After``. Otherwise the answer is
200 and each frame has its own outcome: an estimate, a status of the model's that is not OK, or a
code. The frames of one request do not spoil one another.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from kibble.rewards.service.failures import Code, ServiceError
from kibble.rewards.service.header import Header, malformed
from kibble.rewards.service.pictures import EncodedPicture

__all__ = [
    "CONTENT_TYPE",
    "INSTANCE_HEADER",
    "SESSION_HEADER",
    "EncodedFrames",
    "EstimateRequest",
    "Limits",
    "NewestFrame",
    "OpenRequest",
    "decode_estimate_request",
    "decode_open_request",
    "encode_estimate_request",
    "encode_open_request",
]

CONTENT_TYPE = "application/x-kibble-frames"
INSTANCE_HEADER = "Kibble-Instance"
SESSION_HEADER = "X-Session-Id"
"""The name that Ray Serve looks for by default."""

_MAGIC = b"KBL1"
_PREFIX = struct.Struct("<4sI")

EncodedFrames: TypeAlias = Mapping[str, tuple[EncodedPicture, ...]]
"""View to N pictures, N the same in every view."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a request may be at most; told by ``GET /v1/models``.

    Args:
        body_bytes: Size of a body.
        picture_pixels: Height times width of one picture.
        request_pixels: The same of all its pictures together.
        pictures: Pictures in one request.
        frames: (Episode, frame) pairs in one request.
        instruction_characters: Length of an instruction.
    """

    body_bytes: int = 64 * 2**20
    picture_pixels: int = 4096 * 4096
    request_pixels: int = 64 * 2**20
    pictures: int = 2048
    frames: int = 256
    instruction_characters: int = 4000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OpenRequest:
    """What opens an episode: the task and the start frames.

    Args:
        instruction: ``Task.instruction``.
        start: The episode's first frames, N = 1.
        goal: ``Task.goal_frames``, N = 1, or ``None``.
        reference: ``Task.start_frames``, N = 1, or ``None``.
        demonstration: ``Task.demonstration``, N = its length, or ``None``.
        timeout: Seconds that the client waits; ``None`` leaves it to the service.
    """

    instruction: str
    start: EncodedFrames
    goal: EncodedFrames | None = None
    reference: EncodedFrames | None = None
    demonstration: EncodedFrames | None = None
    timeout: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NewestFrame:
    """One (episode, frame) pair.

    Args:
        episode: Name of an open episode.
        step: Which frame of the episode it is, 1 or more and larger than those before.
        pictures: View to picture.
    """

    episode: str
    step: int
    pictures: Mapping[str, EncodedPicture]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EstimateRequest:
    """Frames to be read.

    Args:
        frames: One or more; of any episodes of the model.
        timeout: Seconds that the client waits; ``None`` leaves it to the service.
    """

    frames: Sequence[NewestFrame]
    timeout: float | None = None


def encode_open_request(request: OpenRequest) -> bytes:
    """Encode the body of ``PUT /v1/models/MODEL/episodes/EPISODE``."""
    pictures: list[EncodedPicture] = []
    places: dict[int, int] = {}
    header: dict[str, object] = {"instruction": request.instruction}
    for name in ("start", "goal", "reference", "demonstration"):
        frames: EncodedFrames | None = getattr(request, name)
        if frames is not None:
            header[name] = {
                view: [_place(picture, pictures, places) for picture in column]
                for view, column in frames.items()
            }
    return _body(header, pictures, request.timeout)


def decode_open_request(body: bytes, limits: Limits) -> OpenRequest:
    """Decode a body; pictures stay encoded and point into it.

    Raises:
        ServiceError: ``malformed`` or ``too_large``, with what was found.
    """
    header = _header(body, limits)
    instruction = header.text("instruction", limits.instruction_characters)
    if not instruction.strip():
        raise malformed(
            "`instruction` must say what success looks like, got a blank one; write one sentence."
        )
    start = header.frames("start", count=1)
    if start is None:
        raise malformed("`start` must hold the episode's first frames, got none.")
    return OpenRequest(
        instruction=instruction,
        start=start,
        goal=header.frames("goal", count=1),
        reference=header.frames("reference", count=1),
        demonstration=header.frames("demonstration"),
        timeout=header.timeout(),
    )


def encode_estimate_request(request: EstimateRequest) -> bytes:
    """Encode the body of ``POST /v1/models/MODEL/estimates``."""
    pictures: list[EncodedPicture] = []
    places: dict[int, int] = {}
    rows = [
        [
            frame.episode,
            frame.step,
            {view: _place(p, pictures, places) for view, p in frame.pictures.items()},
        ]
        for frame in request.frames
    ]
    return _body({"frames": rows}, pictures, request.timeout)


def decode_estimate_request(body: bytes, limits: Limits) -> EstimateRequest:
    """Decode a body; pictures stay encoded and point into it.

    Raises:
        ServiceError: ``malformed`` or ``too_large``, with what was found.
    """
    header = _header(body, limits)
    rows = header.rows("frames", limits.frames)
    frames = [
        NewestFrame(episode=episode, step=step, pictures=pictures)
        for episode, step, pictures in rows
    ]
    asked = [(frame.episode, frame.step) for frame in frames]
    if sorted(set(asked)) != sorted(asked):
        raise malformed("`frames` must name each step of an episode once, got one twice.")
    return EstimateRequest(frames=frames, timeout=header.timeout())


def _place(picture: EncodedPicture, pictures: list[EncodedPicture], places: dict[int, int]) -> int:
    """Return the picture's place in the list; the same object stands there once."""
    if id(picture) not in places:
        places[id(picture)] = len(pictures)
        pictures.append(picture)
    return places[id(picture)]


def _body(
    header: dict[str, object], pictures: Sequence[EncodedPicture], timeout: float | None
) -> bytes:
    header["pictures"] = [[p.format, p.height, p.width, len(p.data)] for p in pictures]
    if timeout is not None:
        header["timeout"] = timeout
    text = json.dumps(header, separators=(",", ":")).encode()
    return b"".join([_PREFIX.pack(_MAGIC, len(text)), text, *(p.data for p in pictures)])


def _header(body: bytes, limits: Limits) -> Header:
    if len(body) > limits.body_bytes:
        raise ServiceError(
            Code.TOO_LARGE,
            f"A body may have {limits.body_bytes} bytes, got {len(body)}; send fewer or smaller "
            "frames at once.",
        )
    if len(body) < _PREFIX.size or not body.startswith(_MAGIC):
        raise malformed(
            f"A body must begin with {_MAGIC!r} and the header's length, got {body[:8]!r}; see "
            "kibble.rewards.service.wire."
        )
    length = _PREFIX.unpack_from(body)[1]
    begin = _PREFIX.size + length
    if begin > len(body):
        raise malformed(
            f"The header must have the {length} bytes that are announced, got "
            f"{len(body) - _PREFIX.size}; the body was cut."
        )
    try:
        values = json.loads(body[_PREFIX.size : begin])
    except (ValueError, RecursionError) as error:
        raise malformed(
            f"The header must be JSON in UTF-8, got text that is not ({error})."
        ) from (error)
    return Header(values, memoryview(body)[begin:], limits)
