"""Whatever comes in, the answer is a typed error and the service stays up."""

from __future__ import annotations

import socket
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from tests.reward_models import CentroidModel
from tests.rewards.service.serving import Client, bright, code_of, png_of, running

from kibble.rewards import Episode, Estimate, Frames, Status, Task
from kibble.rewards.catalogue import open_model
from kibble.rewards.service.failures import Code
from kibble.rewards.service.pictures import EncodedPicture
from kibble.rewards.service.settings import ServiceSettings
from kibble.rewards.service.wire import CONTENT_TYPE, Limits, OpenRequest, encode_open_request


@pytest.fixture
def client():
    limits = Limits(body_bytes=2**20)
    settings = ServiceSettings(body_timeout=0.5, limits=limits, body_memory=230 * 2**20)
    with running({"centroid": CentroidModel()}, settings) as url:
        client = Client(url)
        yield client
        name = client.open()  # whatever happened, it still works
        assert client.estimate((name, 1, 31))[0].progress == 1.0


def test_truncated_jpeg(client: Client) -> None:
    whole = bright(5, "jpeg")
    cut = EncodedPicture(format="jpeg", height=8, width=32, data=whole.data[:-200])
    one, two = client.open(), client.open()
    damaged, fine = client.estimate((one, 1, cut), (two, 1, 31))
    assert (damaged.code, damaged.status) == (Code.BAD_PICTURE, Status.MODEL_ERROR)
    assert "must decode" in damaged.message
    assert fine.progress == 1.0
    assert client.estimate((one, 1, 31))[0].progress == 1.0  # the episode has not seen it
    opening = OpenRequest(instruction="go", start={"front": (cut,)})
    assert code_of(lambda: client.opened(opening, uuid.uuid4().hex)) is Code.BAD_PICTURE


@pytest.mark.parametrize(
    ("format", "data"),
    [
        ("png", b""),
        ("png", b"\x89PNG\r\n\x1a\n" + bytes(40)),
        ("jpeg", b"\xff\xd8\xff\xe0" + bytes(99)),
        ("jpeg", png_of(8, 32)),
        ("png", bright(3, "jpeg").data),
        ("png", png_of(9, 32)),
        ("raw", bytes(8 * 32 * 3 - 1)),
        ("png", b"GIF89a" + bytes(30)),
    ],
)
def test_pictures_that_are_not_what_they_are_said_to_be(
    client: Client, format: str, data: bytes
) -> None:
    if not data:
        data = b"\x00"
    picture = EncodedPicture(format=format, height=8, width=32, data=data)  # type: ignore[arg-type]
    assert client.estimate((client.open(), 1, picture))[0].code is Code.BAD_PICTURE


def test_png_of_100_megapixels(client: Client) -> None:
    bomb = png_of(10_000, 10_000)
    assert len(bomb) < 2**20
    honest = EncodedPicture(format="png", height=10_000, width=10_000, data=bomb)
    lying = EncodedPicture(format="png", height=8, width=32, data=bomb)
    name = client.open()
    assert code_of(lambda: client.estimate((name, 1, honest))) is Code.TOO_LARGE
    assert client.estimate((name, 1, lying))[0].code is Code.BAD_PICTURE


def test_many_large_pictures_at_once(client: Client) -> None:
    data = png_of(4000, 4000)
    many = [EncodedPicture(format="png", height=4000, width=4000, data=data) for _ in range(5)]
    names = [client.open() for _ in many]
    frames = [(name, 1, picture) for name, picture in zip(names, many, strict=True)]
    assert code_of(lambda: client.estimate(*frames)) is Code.TOO_LARGE


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x", ""])
def test_wrong_content_type(client: Client, kind: str) -> None:
    path = "/v1/models/centroid/estimates"
    assert code_of(lambda: client.send("POST", path, b"{}", kind)) is Code.WRONG_CONTENT_TYPE


def test_unknown_address_method_and_episode(client: Client) -> None:
    for method, path in [("GET", "/"), ("POST", "/v1/models"), ("GET", "/v1/models/centroid")]:
        assert code_of(lambda m=method, p=path: client.send(m, p)) is Code.MALFORMED
    unknown = client.estimate((uuid.uuid4().hex, 1, 0))[0]
    assert (unknown.code, unknown.status) == (Code.UNKNOWN_EPISODE, Status.MODEL_ERROR)
    assert "open it" in unknown.message
    for name in ("short", "Z" * 32, "0" * 33):
        assert code_of(lambda name=name: client.open(0, name)) is Code.MALFORMED


def test_views_that_the_model_cannot_use(client: Client) -> None:
    opening = OpenRequest(instruction="go", start={"back": (bright(0),)})
    assert code_of(lambda: client.opened(opening, uuid.uuid4().hex)) is Code.UNSUITABLE


def test_missing_goal() -> None:
    with running({"centroid": CentroidModel(needs_goal=True)}) as url:
        client = Client(url)
        assert code_of(client.open) is Code.UNSUITABLE
        assert client.open(0, None, goal={"front": (bright(9),)})


def test_stale_episode() -> None:
    with running({"centroid": CentroidModel()}, ServiceSettings(expiry=0.2)) as url:
        client = Client(url)
        name = client.open()
        until = time.monotonic() + 10.0
        while client.figure("kibble_expired_episodes_total{") < 1.0:
            assert time.monotonic() < until
            time.sleep(0.05)
        stale = client.estimate((name, 1, 0))[0]
        assert stale.code is Code.STALE_EPISODE
        assert "0.2 s" in stale.message
        client.open(0, name)
        assert client.estimate((name, 1, 31))[0].progress == 1.0


def test_too_many_episodes() -> None:
    with running({"centroid": CentroidModel()}, ServiceSettings(episodes=2)) as url:
        client = Client(url)
        first = client.open()
        second = client.open()
        assert code_of(client.open) is Code.TOO_MANY_EPISODES
        client.open(5, second)  # one that is open may be opened anew
        client.close(first)
        assert client.open()


def test_slow_client(client: Client) -> None:
    url = urlsplit(str(client.http.base_url))
    body = encode_open_request(OpenRequest(instruction="go", start={"front": (bright(0),)}))
    head = (
        f"PUT /v1/models/centroid/episodes/{uuid.uuid4().hex} HTTP/1.1\r\nHost: x\r\n"
        f"Content-Type: {CONTENT_TYPE}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((url.hostname, url.port), timeout=10.0) as slow:
        slow.sendall(head.encode() + body[:50])
        name = client.open()
        assert client.estimate((name, 1, 31))[0].progress == 1.0  # nobody waits for it
        answer = slow.recv(4096)
        assert answer.startswith(b"HTTP/1.1 408")
        assert b"slow_client" in answer + slow.recv(4096)


def test_clients_that_go_away_in_the_middle(client: Client) -> None:
    url = urlsplit(str(client.http.base_url))
    for cut in (
        b"P",
        b"PUT /v1/models/centroid/episodes/0 HTTP/1.1\r\n",
        b"\x00\xff garbage\r\n\r\n",
    ):
        with socket.create_connection((url.hostname, url.port), timeout=10.0) as gone:
            gone.sendall(cut)


@pytest.mark.parametrize("announced", [True, False])
def test_oversized_body(client: Client, announced: bool) -> None:
    body = bytes(2**20 + 1)

    def chunks():
        for begin in range(0, len(body), 2**16):
            yield body[begin : begin + 2**16]

    answer = client.http.post(
        "/v1/models/centroid/estimates",
        content=body if announced else chunks(),
        headers={"Content-Type": CONTENT_TYPE},
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_more_than_the_memory_for_bodies() -> None:
    limits = Limits(body_bytes=2**20, request_pixels=2**16)
    settings = ServiceSettings(limits=limits, body_memory=2**20 + 3 * 2**16)
    with running({"centroid": CentroidModel()}, settings) as url:
        client = Client(url)
        address = urlsplit(url)
        head = (
            "POST /v1/models/centroid/estimates HTTP/1.1\r\nHost: x\r\n"
            f"Content-Type: {CONTENT_TYPE}\r\nContent-Length: {2**20}\r\n\r\n"
        )
        with socket.create_connection((address.hostname, address.port), timeout=10.0) as hog:
            hog.sendall(head.encode())
            until = time.monotonic() + 10.0
            big = bytes(2**18)
            post = "/v1/models/centroid/estimates"
            while code_of(lambda: client.send("POST", post, big)) is not Code.BUSY:
                assert time.monotonic() < until
        until = time.monotonic() + 10.0
        while code_of(lambda: client.send("POST", post, big)) is not Code.MALFORMED:
            assert time.monotonic() < until


class FailingModel(CentroidModel):
    """Fails, as told, on frames whose left edge is bright."""

    def __init__(self, fail: Callable[[int], None]) -> None:
        super().__init__()
        self.fail = fail

    def estimate(self, episodes: Sequence[Episode], frames: Frames) -> Estimate:
        if (frames["front"][:, 0, 0, 0] == 255).any():
            self.fail(len(episodes))
        return super().estimate(episodes, frames)


def nan(_: int) -> None:
    bad = np.full(1, np.nan, np.float32)
    Estimate(progress=bad, success=bad, confidence=bad, status=np.zeros(1, np.int8))


def no_memory(_: int) -> None:
    raise MemoryError("16 GiB")


def defect(_: int) -> None:
    raise RuntimeError("CUDA error: device-side assert triggered")


@pytest.mark.parametrize("fail", [nan, no_memory, defect])
def test_a_model_that_fails_on_one_frame_of_a_batch(fail: Callable[[int], None]) -> None:
    with running({"centroid": FailingModel(fail)}) as url:
        client = Client(url)
        names = [client.open(1) for _ in range(5)]
        places = [31, 0, 31, 31, 31]
        outcomes = client.estimate(*[(n, 1, p) for n, p in zip(names, places, strict=True)])
        assert [o.status for o in outcomes] == [
            Status.MODEL_ERROR if place == 0 else Status.OK for place in places
        ]
        assert outcomes[1].code is Code.MODEL_FAILED
        assert np.isnan(outcomes[1].progress)
        assert client.estimate((names[1], 2, 31))[0].progress == 1.0
        assert client.figure('kibble_frames_total{model="centroid",outcome="model_failed"') == 1


def test_memory_for_two_frames_only() -> None:
    def small(count: int) -> None:
        if count > 2:
            raise MemoryError("16 GiB")

    model = FailingModel(small)
    with running({"centroid": model}) as url:
        client = Client(url)
        names = [client.open(1) for _ in range(7)]
        outcomes = client.estimate(*[(name, 1, 0) for name in names])
        assert all(outcome.status is Status.OK for outcome in outcomes)
        assert max(len(batch["front"]) for batch in model.batches[1:]) == 2


def test_a_model_that_fails_again_and_again_is_not_healthy_until_it_works() -> None:
    with running({"centroid": FailingModel(defect)}) as url:
        client = Client(url)
        name = client.open(1)
        for step in range(1, 6):
            assert client.estimate((name, step, 0))[0].code is Code.MODEL_FAILED
        health = client.http.get("/health")
        assert (health.status_code, health.json()["models"]["centroid"]["state"]) == (
            503,
            "failed",
        )
        assert client.estimate((name, 9, 31))[0].progress == 1.0
        assert client.http.get("/health").status_code == 200


class Locked(CentroidModel):
    """Remembers what cannot be copied."""

    def begin(self, task: Task, start_frames: Frames) -> Episode:
        episode = super().begin(task, start_frames)
        episode.memory["lock"] = threading.Lock()
        return episode


def test_memory_that_cannot_be_copied_is_not_kept() -> None:
    with running({"centroid": Locked()}) as url:
        client = Client(url)
        for _ in range(2):
            name = client.open()
            assert client.estimate((name, 1, 31))[0].progress == 1.0
        assert client.figure("kibble_cached_answers_total{") == 0.0


class FailingStart(CentroidModel):
    """Cannot read start frames once it is served."""

    def begin(self, task: Task, start_frames: Frames) -> Episode:
        if self.begun:
            raise TimeoutError("too slow") if task.instruction == "wait" else ValueError("odd")
        return super().begin(task, start_frames)


@pytest.mark.parametrize(("said", "code"), [("wait", Code.LATE), ("go", Code.MODEL_FAILED)])
def test_start_frames_that_cannot_be_read(said: str, code: Code) -> None:
    with running({"centroid": FailingStart()}) as url:
        client = Client(url)
        opening = OpenRequest(instruction=said, start={"front": (bright(0),)})
        assert code_of(lambda: client.opened(opening, uuid.uuid4().hex)) is code


class Broken(CentroidModel):
    def estimate(self, episodes: Sequence[Episode], frames: Frames) -> Estimate:
        raise RuntimeError("no kernel image is available for execution on the device")


class Elsewhere(CentroidModel):
    device = "cpu"


@pytest.mark.parametrize(
    ("opens", "said"),
    [
        (lambda: open_model(str(Path("weights") / "nowhere")), "must be a known name"),
        (Broken, "no kernel image"),
        (Elsewhere, "must compute on 'cuda:0'"),
    ],
)
def test_models_that_cannot_be_served_do_not_hinder_others(opens, said: str) -> None:
    models = {"centroid": CentroidModel(), "broken": opens}
    with running(models, device="cuda:0", ready=False) as url:
        client = Client(url)
        until = time.monotonic() + 10.0
        while client.http.get("/health").json()["models"]["broken"]["state"] == "loading":
            assert time.monotonic() < until
        name = client.open()
        assert client.estimate((name, 1, 31))[0].progress == 1.0
        health = httpx.get(f"{url}/health", trust_env=False)
        assert (health.status_code, health.json()["ready"]) == (503, False)
        with pytest.raises(Exception, match=said) as caught:
            Client(url, "broken").open()
        assert caught.value.code is Code.NOT_READY
        assert list(client.http.get("/v1/models").json()["models"]) == ["centroid"]
