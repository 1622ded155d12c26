"""Serve one page to one person on this machine, until it has been saved."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, final
from urllib.parse import parse_qs, urlsplit

from kibble.agents.keypoints.clicking.page import ClickingPage
from kibble.rewards.errors import KibbleError

__all__ = ["ClickingServer"]

_HOST: Final = "127.0.0.1"
_LARGEST = 1_000_000  # bytes of a draft


@final
class ClickingServer:
    """Listens to this machine alone, and answers only who has the token of this run.

    Other pages in the same browser know neither the token nor may they read our answers; requests
    that name another host, as a rebound name would, are refused as well.

    Args:
        page: What is shown.
        check: Raises a :class:`KibbleError` about a draft that cannot be saved.
        save: Saves a draft and says where; may raise the same.
        port: TCP port, 0 for any that is free.

    Raises:
        OSError: If the port is taken.
    """

    def __init__(
        self,
        page: ClickingPage,
        *,
        check: Callable[[object], object],
        save: Callable[[object], str],
        port: int = 0,
    ) -> None:
        self._page, self._check, self._save = page, check, save
        self._token = secrets.token_urlsafe(24)
        self._saved: str | None = None
        self._turn = threading.Lock()  # a draft is checked or saved at a time
        self._server = ThreadingHTTPServer((_HOST, port), _handler(self))

    @property
    def url(self) -> str:
        """Where the page is, with the token."""
        return f"http://{_HOST}:{self.port}/?token={self._token}"

    @property
    def port(self) -> int:
        """The port that it listens at."""
        return int(self._server.server_address[1])

    def run(self) -> str | None:
        """Answer until a draft was saved or :meth:`stop` was called.

        Returns:
            What ``save`` said, or ``None``.
        """
        try:
            self._server.serve_forever(poll_interval=0.1)
        finally:
            self.close()
        return self._saved

    def close(self) -> None:
        """Free the port of a server that does not run."""
        self._server.server_close()

    def stop(self) -> None:
        """End :meth:`run`, from another thread."""
        self._server.shutdown()

    def page_text(self, nonce: str) -> str:
        """Return the page."""
        return self._page.text(token=self._token, nonce=nonce)

    def admits(self, token: str | None) -> bool:
        """Whether a token is the one of this run."""
        return token is not None and secrets.compare_digest(token.encode(), self._token.encode())

    def answer(self, path: str, draft: object) -> dict[str, str]:
        """Check or save a draft; after it was saved nothing else is."""
        with self._turn:
            try:
                if self._saved is not None:
                    return {"error": f"It was saved already to {self._saved}."}
                if path == "/check":
                    self._check(draft)
                    return {}
                self._saved = self._save(draft)
            except (KibbleError, OSError) as error:
                return {"error": str(error)}
            return {"saved": self._saved}

    @property
    def is_saved(self) -> bool:
        """Whether a draft was saved."""
        return self._saved is not None


def _handler(owner: ClickingServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        server_version = "kibble"
        sys_version = ""
        timeout = 30  # seconds that a silent client may hold a thread

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            token = parse_qs(parts.query).get("token", [None])[0]
            if not self._is_welcome(token):
                return
            if parts.path != "/":
                self._text(HTTPStatus.NOT_FOUND, "There is nothing here.")
                return
            nonce = secrets.token_urlsafe(16)
            policy = (
                f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; "
                "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
                "frame-ancestors 'none'"
            )
            page = owner.page_text(nonce).encode()
            self._send(HTTPStatus.OK, page, "text/html; charset=utf-8", policy)

        def do_POST(self) -> None:
            if not self._is_welcome(self.headers.get("X-Kibble-Token")):
                return
            if self.path not in ("/check", "/save"):
                self._text(HTTPStatus.NOT_FOUND, "There is nothing here.")
                return
            length = self.headers.get("Content-Length", "")
            if not length.isdecimal() or int(length) > _LARGEST:
                self._text(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "A draft must be small.")
                return
            try:
                draft = json.loads(self.rfile.read(int(length)))
            except ValueError:
                self._text(HTTPStatus.BAD_REQUEST, "A draft must be JSON.")
                return
            answer = json.dumps(owner.answer(self.path, draft)).encode()
            self._send(HTTPStatus.OK, answer, "application/json", "default-src 'none'")
            if owner.is_saved:
                threading.Thread(target=owner.stop).start()  # not here: it waits for this answer

        def _is_welcome(self, token: str | None) -> bool:
            hosts = (f"{_HOST}:{owner.port}", f"localhost:{owner.port}")
            if self.headers.get("Host") in hosts and owner.admits(token):
                return True
            self._text(
                HTTPStatus.FORBIDDEN, "Open the address that `kibble keypoints` printed, as it is."
            )
            return False

        def _text(self, status: HTTPStatus, text: str) -> None:
            self._send(status, text.encode(), "text/plain; charset=utf-8", "default-src 'none'")

        def _send(self, status: HTTPStatus, content: bytes, kind: str, policy: str) -> None:
            self.send_response(status)
            for name, value in (
                ("Content-Type", kind),
                ("Content-Length", str(len(content))),
                ("Content-Security-Policy", policy),
                ("X-Content-Type-Options", "nosniff"),
                ("Referrer-Policy", "no-referrer"),
                ("Cache-Control", "no-store"),
            ):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: the terminal is the command's own."""

    return Handler
