"""A real service in a thread of the test, and a plain client that knows the wire format."""

from __future__ import annotations

import contextlib
import io
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping

import httpx
import numpy as np
from PIL import Image

from kibble.rewards.service.answers import (
    Opened,
    Outcome,
    decode_error,
    decode_estimates,
    decode_opened,
)
from kibble.rewards.service.application import create_application
from kibble.rewards.service.failures import Code, ServiceError
from kibble.rewards.service.pictures import EncodedPicture, PictureFormat, encode_picture
from kibble.rewards.service.server import Server, open_listener
from kibble.rewards.service.settings import ServiceSettings
from kibble.rewards.service.wire import (
    CONTENT_TYPE,
    EstimateRequest,
    NewestFrame,
    OpenRequest,
    encode_estimate_request,
    encode_open_request,
)
from kibble.rewards.types import RewardModel

SHAPE = (8, 32, 3)


def bright_column(place: int, shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """A dark picture with one bright column: `CentroidModel` reads place / (width - 1)."""
    pixels = np.zeros(shape, np.uint8)
    pixels[:, place] = 255
    return pixels


def bright(place: int, format: PictureFormat = "raw") -> EncodedPicture:
    return encode_picture(bright_column(place), format=format)


def png_of(height: int, width: int) -> bytes:
    """A black PNG, small as a file however large as a picture."""
    target = io.BytesIO()
    Image.new("L", (width, height)).save(target, "PNG")
    return target.getvalue()


CLIENTS: list[Client] = []


class Client:
    """One client of one model."""

    def __init__(self, url: str, model: str = "centroid", *, token: str | None = None) -> None:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self.http = httpx.Client(base_url=url, timeout=30.0, headers=headers, trust_env=False)
        self.model = model
        CLIENTS.append(self)

    def open(self, place: int = 0, name: str | None = None, **more: object) -> str:
        name = uuid.uuid4().hex if name is None else name
        self.opened(
            OpenRequest(instruction="go right", start={"front": (bright(place),)}, **more), name
        )  # type: ignore[arg-type]
        return name

    def opened(self, request: OpenRequest, name: str) -> Opened:
        path = f"/v1/models/{self.model}/episodes/{name}"
        return decode_opened(self.send("PUT", path, encode_open_request(request)))

    def estimate(
        self, *frames: tuple[str, int, EncodedPicture | int], timeout: float | None = None
    ) -> list[Outcome]:
        pairs = [
            NewestFrame(
                episode=episode,
                step=step,
                pictures={"front": bright(front) if isinstance(front, int) else front},
            )
            for episode, step, front in frames
        ]
        body = encode_estimate_request(EstimateRequest(frames=pairs, timeout=timeout))
        answer = self.send("POST", f"/v1/models/{self.model}/estimates", body)
        return list(decode_estimates(answer, len(frames)).outcomes)

    def close(self, name: str) -> None:
        self.send("DELETE", f"/v1/models/{self.model}/episodes/{name}")

    def send(
        self, method: str, path: str, body: bytes | None = None, kind: str = CONTENT_TYPE
    ) -> bytes:
        answer = self.http.request(method, path, content=body, headers={"Content-Type": kind})
        if answer.status_code == 200:
            return answer.content
        error = decode_error(answer.content, retry_after=answer.headers.get("retry-after"))
        assert error is not None, answer.content
        assert answer.status_code == error.code.http_status or error.code is Code.MALFORMED
        raise error

    def figure(self, line: str) -> float:
        """Return a figure of /metrics by the line's beginning."""
        for text in self.http.get("/metrics").text.splitlines():
            if text.startswith(line):
                return float(text.rpartition(" ")[2])
        return 0.0


def code_of(call: Callable[[], object]) -> Code:
    try:
        call()
    except ServiceError as error:
        return error.code
    raise AssertionError("no error")


def _opened(model: RewardModel | Callable[[], RewardModel]) -> RewardModel:
    """Return a model that there is, or the outcome of what opens one."""
    return model if not isinstance(model, type) and isinstance(model, RewardModel) else model()  # type: ignore[operator]


@contextlib.contextmanager
def running(
    models: Mapping[str, RewardModel | Callable[[], RewardModel]],
    settings: ServiceSettings | None = None,
    *,
    device: str | None = None,
    ready: bool = True,
) -> Iterator[str]:
    """Run a service at a free port; yield its address."""
    opens = {
        name: (lambda model=model: model)
        if hasattr(model, "estimate") and not isinstance(model, type)
        else model
        for name, model in models.items()
    }
    application = create_application(opens, settings, device=device, grace=5.0)  # type: ignore[arg-type]
    with open_listener("127.0.0.1", 0, token=None) as listener:
        server = Server(application, listener, grace=5.0)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            until = time.monotonic() + 30.0
            while True:
                with contextlib.suppress(httpx.TransportError):
                    health = httpx.get(f"{server.url}/health", trust_env=False)
                    if health.status_code == 200 or not ready:
                        break
                assert time.monotonic() < until, "the service did not become ready"
                time.sleep(0.02)
            yield server.url
        finally:
            while CLIENTS:
                CLIENTS.pop().http.close()
            server.stop()
            thread.join(20.0)
        assert not thread.is_alive(), "the service did not stop"
