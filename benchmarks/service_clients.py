"""Many clients of a service in one light process: requests made beforehand, raw sockets.

Run by ``benchmarks/serve.py`` as a process of its own; prints one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
import uuid

import numpy as np

from kibble.rewards.service.answers import decode_estimates
from kibble.rewards.service.pictures import EncodedPicture, PictureFormat, encode_picture
from kibble.rewards.service.wire import (
    CONTENT_TYPE,
    EstimateRequest,
    NewestFrame,
    OpenRequest,
    encode_estimate_request,
    encode_open_request,
)

SIDE = 96
MODEL = "grm_tiny"


class Frames:
    """Pictures that no other run has shown, so that no cache knows them."""

    def __init__(self, format: PictureFormat) -> None:
        self._rng = np.random.default_rng()
        self._format = format
        ramp = np.linspace(0, 200, SIDE, dtype=np.uint8)
        self._scene = np.broadcast_to(ramp[None, :, None], (SIDE, SIDE, 3))

    def pair(self) -> dict[str, EncodedPicture]:
        return {view: encode_picture(self._picture(), format=self._format) for view in
                ("front", "wrist")}  # fmt: skip

    def _picture(self) -> np.ndarray:
        return self._scene + self._rng.integers(0, 50, (SIDE, SIDE, 3), np.uint8)


def request(method: str, path: str, body: bytes) -> bytes:
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {CONTENT_TYPE}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def opening(name: str, frames: Frames) -> bytes:
    start = {view: (picture,) for view, picture in frames.pair().items()}
    body = encode_open_request(
        OpenRequest(instruction="push the red cube onto the green pad", start=start)
    )
    return request("PUT", f"/v1/models/{MODEL}/episodes/{name}", body)


def estimate(name: str, step: int, frames: Frames) -> bytes:
    newest = NewestFrame(episode=name, step=step, pictures=frames.pair())
    body = encode_estimate_request(EstimateRequest(frames=[newest], timeout=60.0))
    return request("POST", f"/v1/models/{MODEL}/estimates", body)


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return int(head.split(b" ", 2)[1]), await reader.readexactly(length)


async def client(
    port: int, first: bytes, requests: list[bytes], ready: asyncio.Barrier, seconds: list[float]
) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(first)
    status, body = await answer(reader)
    assert status == 200, body
    await ready.wait()
    good = 0
    for one in requests:
        begin = time.perf_counter()
        writer.write(one)
        status, body = await answer(reader)
        seconds.append(time.perf_counter() - begin)
        assert status == 200, body
        good += decode_estimates(body, 1).outcomes[0].status == 0
    writer.close()
    return good


async def run(port: int, clients: int, steps: int, format: PictureFormat) -> dict[str, object]:
    frames, ready = Frames(format), asyncio.Barrier(clients + 1)
    seconds: list[float] = []
    tasks = []
    for _ in range(clients):
        name = uuid.uuid4().hex
        requests = [estimate(name, step, frames) for step in range(1, steps + 1)]
        tasks.append(
            asyncio.create_task(client(port, opening(name, frames), requests, ready, seconds))
        )
    await ready.wait()
    begin = time.perf_counter()
    good = sum(await asyncio.gather(*tasks))
    wall = time.perf_counter() - begin
    return {
        "frames": clients * steps,
        "answered_ok": good,
        "seconds": wall,
        "frames_per_second": clients * steps / wall,
        "latency_ms": {f"p{q}": float(1000.0 * np.percentile(seconds, q)) for q in (50, 95, 99)},
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--format", default="raw")
    words = parser.parse_args()
    print(json.dumps(asyncio.run(run(words.port, words.clients, words.steps, words.format))))
