"""A reward service in a process of its own, that can be killed and started again."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import time
from multiprocessing.process import BaseProcess
from types import TracebackType

import httpx
import tests.reward_models

from kibble.rewards.service.application import create_application
from kibble.rewards.service.server import Server, open_listener
from kibble.rewards.service.settings import ServiceSettings

# A server that has imported everything forks in a moment, and ends with the tests.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload([__name__])


def serve(port: int, model: str) -> None:
    """Serve one of the small models, in this process."""
    application = create_application(
        {"dot": getattr(tests.reward_models, model)}, ServiceSettings()
    )
    Server(application, open_listener("127.0.0.1", port, token=None), grace=1.0).run()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class ServiceProcess:
    """Runs ``serve`` on one port, as often as it is started; killed at the end in any case."""

    def __init__(self, model: str = "CentroidModel") -> None:
        self.port = free_port()
        self.model = model
        self._process: BaseProcess | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *, ready: bool = True) -> None:
        assert self._process is None
        self._process = _PROCESSES.Process(target=serve, args=(self.port, self.model), daemon=True)
        self._process.start()
        if ready:
            self._wait()

    def kill(self) -> None:
        """End it as a crash would."""
        assert self._process is not None
        self._process.kill()
        self._process.join(10.0)
        assert self._process.exitcode == -signal.SIGKILL
        self._process.close()
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

    def _wait(self) -> None:
        """Wait until it says that it is ready."""
        deadline = time.monotonic() + 60.0
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{self.url}/health", trust_env=False).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.02)
        raise AssertionError("the service did not become ready")

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        assert self._process.pid is not None
        os.kill(self._process.pid, number)
