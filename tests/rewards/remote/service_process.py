"""A reward service in a process of its own, that can be killed and started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

import httpx

_ROOT = Path(__file__).parents[3]
_PROGRAM = """
import sys
from tests.rewards.remote.service_process import serve
serve(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
"""


def serve(port: int, model: str, expiry: float) -> None:
    """Serve one of the small models, in this process."""
    import tests.reward_models

    from kibble.rewards.service.application import create_application
    from kibble.rewards.service.server import Server, open_listener
    from kibble.rewards.service.settings import ServiceSettings

    application = create_application(
        {"dot": getattr(tests.reward_models, model)},
        ServiceSettings(expiry=expiry, token=os.environ.get("KIBBLE_TOKEN") or None),
    )
    Server(application, open_listener("127.0.0.1", port, token=None), grace=1.0).run()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class ServiceProcess:
    """Runs ``serve`` on one port, as often as it is started; killed at the end in any case."""

    def __init__(
        self, *, model: str = "CentroidModel", expiry: float = 600.0, token: str = ""
    ) -> None:
        self.port = free_port()
        self.model = model
        self._expiry = expiry
        self._token = token
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *, ready: bool = True) -> None:
        assert self._process is None
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(self.port), self.model, str(self._expiry)],
            cwd=_ROOT,
            env={**os.environ, "KIBBLE_TOKEN": self._token, "OMP_NUM_THREADS": "1"},
        )
        if ready:
            self.wait()

    def wait(self) -> None:
        """Wait until it says that it is ready."""
        deadline = time.monotonic() + 60.0
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{self.url}/health", trust_env=False).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        raise AssertionError("the service did not become ready")

    def kill(self) -> None:
        """End it as a crash would."""
        self._signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait(10.0)
        self._process = None

    def pause(self) -> None:
        """Let it answer nothing, and refuse nothing either."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """End the pause."""
        self._signal(signal.SIGCONT)

    def __enter__(self) -> ServiceProcess:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self.kill()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)
