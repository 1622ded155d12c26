"""Clients that die at any moment take nothing from the others, and leave nothing behind."""

from __future__ import annotations

import random
import socket
import struct
import threading
import time
import uuid
from urllib.parse import urlsplit

from tests.reward_models import CentroidModel
from tests.rewards.service.serving import Client, bright, running

from kibble.rewards.service.settings import ServiceSettings
from kibble.rewards.service.wire import (
    CONTENT_TYPE,
    EstimateRequest,
    NewestFrame,
    encode_estimate_request,
)

STEPS = 120


def dies(url: str, rng: random.Random, stop: threading.Event) -> None:
    """Open an episode, send part of a request or all of it, and reset the connection."""
    address = urlsplit(url)
    while not stop.is_set():
        client = Client(url)
        name = client.open()
        client.http.close()
        frame = NewestFrame(episode=name, step=1, pictures={"front": bright(rng.randrange(32))})
        body = encode_estimate_request(EstimateRequest(frames=[frame]))
        head = (
            "POST /v1/models/centroid/estimates HTTP/1.1\r\nHost: x\r\n"
            f"Content-Type: {CONTENT_TYPE}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        whole = head.encode() + body
        with socket.create_connection((address.hostname, address.port), timeout=10.0) as gone:
            gone.sendall(whole[: rng.choice([1, len(head) // 2, len(head) + 40, len(whole)])])
            time.sleep(rng.uniform(0.0, 0.01))
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def lives(url: str, seed: int, wrong: list[object]) -> None:
    rng = random.Random(seed)
    client = Client(url)
    name = uuid.uuid4().hex
    client.open(0, name)
    for step in range(1, STEPS + 1):
        place = rng.randrange(32)
        outcome = client.estimate((name, step, place))[0]
        if abs(outcome.progress - place / 31) > 1e-6:  # NaN is not above it
            wrong.append((seed, step, place, outcome))
        if outcome.code is not None:
            wrong.append(outcome)
    client.close(name)


def test_nothing_is_lost_and_nothing_is_left() -> None:
    settings = ServiceSettings(expiry=1.0, cache=0)
    with running({"centroid": CentroidModel()}, settings) as url:
        wrong: list[object] = []
        stop = threading.Event()
        dying = [
            threading.Thread(target=dies, args=(url, random.Random(seed), stop))
            for seed in range(2)
        ]
        living = [
            threading.Thread(target=lives, args=(url, seed, wrong), daemon=True)
            for seed in range(4)
        ]
        for thread in dying + living:
            thread.start()
        for thread in living:
            thread.join(60.0)
        stop.set()
        for thread in dying:
            thread.join(20.0)
        assert not any(thread.is_alive() for thread in dying + living)
        assert wrong == []
        watcher = Client(url)
        assert watcher.figure('kibble_frames_total{model="centroid",outcome="OK"') >= 4 * STEPS
        until = time.monotonic() + 20.0
        while watcher.figure("kibble_open_episodes{") > 0.0:
            assert time.monotonic() < until
            time.sleep(0.1)
        assert watcher.figure("kibble_expired_episodes_total{") >= 2.0
        assert watcher.figure("kibble_waiting_frames{") == 0.0
