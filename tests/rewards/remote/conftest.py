"""Services for the tests of remote models: one in a thread, and one in a process to be killed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tests.rewards.remote.service_process import ServiceProcess

from kibble.rewards import RewardModel
from kibble.rewards.service.application import create_application
from kibble.rewards.service.server import Server, TlsFiles, open_listener
from kibble.rewards.service.settings import ServiceSettings


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Serve models in this process, on a free port, and return the address."""
    running: list[tuple[Server, threading.Thread]] = []

    def start(
        models: dict[str, Callable[[], RewardModel]],
        *,
        tls: TlsFiles | None = None,
        **settings: object,
    ) -> str:
        chosen = ServiceSettings(**settings)  # type: ignore[arg-type]
        application = create_application(models, chosen, grace=1.0)
        listener = open_listener("127.0.0.1", 0, token=chosen.token)
        server = Server(application, listener, tls=tls, grace=1.0)
        thread = threading.Thread(target=server.run)
        thread.start()
        running.append((server, thread))
        return server.url

    yield start
    for server, thread in running:
        server.stop()
        thread.join(20.0)
        assert not thread.is_alive()


@pytest.fixture
def process() -> Iterator[ServiceProcess]:
    """A service in a process of its own, started."""
    with ServiceProcess() as running:
        yield running


@pytest.fixture
def serve_text() -> Iterator[Callable[[str], str]]:
    """Answer every request with one text, and return the address."""
    servers: list[ThreadingHTTPServer] = []

    def start(text: str) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
