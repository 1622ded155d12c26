"""A server of OpenAI's protocol on a real socket that fails as it is told."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

__all__ = ["FaultyServer", "answer", "faulty_server"]


def answer(text: str = "yes", *, finish: str = "stop", logprob: float = -0.5, **more) -> dict:
    """The body of a good answer of one token."""
    likeliest = [{"token": text, "logprob": logprob}, {"token": "other", "logprob": -3.0}]
    return {
        "id": "1",
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": finish,
                "logprobs": {"content": [{**likeliest[0], "top_logprobs": likeliest}]},
                **more,
            }
        ],
    }


class FaultyServer(ThreadingHTTPServer):
    """Answers well but for the faults in ``script``, one for each request, in order.

    A fault is a status, bytes to be sent as the body of status 200, or one of "reset", "stall",
    "trickle" and "truncate".
    """

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.script: list[int | bytes | str] = []
        self.owner = "vllm"
        self.retry_after = ""
        self.asked: list[dict] = []
        self.headers_seen: list[dict[str, str]] = []
        self.good = answer()
        self.pause = 0.0
        self.most_at_once = 0
        self.at_once = 0
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.connections: list[socket.socket] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request, client_address) -> None:
        """Clients that are gone are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultyServer

    def setup(self) -> None:
        super().setup()
        self.server.connections.append(self.connection)

    def log_message(self, format, *args) -> None:
        pass

    def do_GET(self) -> None:
        if self.path != "/v1/models":
            self._send(b"not found", 404)
            return
        entry = {"id": "tiny", "owned_by": self.server.owner, "root": "weights"}
        self._send(json.dumps({"object": "list", "data": [entry]}).encode())

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path != "/v1/chat/completions":
            self._send(b"not found", 404)
            return
        server = self.server
        with server.lock:
            server.asked.append(body)
            server.headers_seen.append({k.lower(): v for k, v in self.headers.items()})
            fault = server.script.pop(0) if server.script else None
            server.at_once += 1
            server.most_at_once = max(server.most_at_once, server.at_once)
        if server.pause:
            time.sleep(server.pause)
        with server.lock:
            server.at_once -= 1
        self._act(fault)

    def _act(self, fault: int | bytes | str | None) -> None:
        good = json.dumps(self.server.good).encode()
        if fault is None:
            self._send(good)
        elif isinstance(fault, bytes):
            self._send(fault)
        elif isinstance(fault, int):
            self._send(b'{"error": {"message": "told to fail"}}', fault)
        elif fault == "reset":
            self.connection.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            os.close(self.connection.detach())
            self.close_connection = True
        elif fault == "truncate":
            self._head(len(good), 200)
            self.wfile.write(good[:20])
            self.close_connection = True
        elif fault == "stall":
            self.server.over.wait(20.0)
        elif fault == "trickle":
            self._head(len(good), 200)
            for byte in good[:-1]:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                if self.server.over.wait(0.05):
                    break

    def _head(self, length: int, status: int) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(length))
        if status != 200 and self.server.retry_after:
            self.send_header("retry-after", self.server.retry_after)
        self.end_headers()

    def _send(self, body: bytes, status: int = 200) -> None:
        self._head(len(body), status)
        self.wfile.write(body)


@contextlib.contextmanager
def faulty_server(port: int = 0) -> Iterator[FaultyServer]:
    """Run a server for as long as the block lasts, at any free port by default."""
    server = FaultyServer(port)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
        for connection in server.connections:  # those that are kept alive
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        thread.join(5.0)
