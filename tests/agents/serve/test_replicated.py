"""`kibble serve replicas=2` as a user starts it: affinity, a replica that dies, and the end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import httpx
import numpy as np
import pytest

from kibble.agents.serve.config import ServeConfig
from kibble.rewards import Frames, Status, Task
from kibble.rewards.catalogue import open_model
from kibble.rewards.errors import ConfigError, ServiceAwayError

TASK = Task(instruction="push the red cube onto the green pad")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    words = ["serve", "model='time_counter?horizon=40'", "replicas=2", "port=0"]
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "kibble", *words],
            stdout=said,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(60.0)


def address(process: subprocess.Popen[bytes], said: Path) -> str:
    deadline = time.monotonic() + 240.0
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(r"reward\.weights=(remote@[^']*)'", said.read_text())
        if found:
            return found[1]
        time.sleep(0.2)
    raise AssertionError(said.read_text())


def replicas(root: int) -> list[int]:
    """Processes of replicas below one process."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended
            continue
    found = []
    for pid in parents:
        above = pid
        while above in parents and above != root:
            above = parents[above]
        try:
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if above == root and line.startswith(b"ray::ServeReplica"):
            found.append(pid)
    return found


def frames(count: int) -> Frames:
    return {"front": np.zeros((count, 8, 8, 3), np.uint8)}


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra ray")
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in /proc")
def test_episodes_stay_with_their_replica_and_go_on_when_it_dies(service, tmp_path):
    reference = address(service, tmp_path / "said")
    url = reference.removeprefix("remote@").rpartition("/")[0]
    assert url.startswith("http://127.0.0.1:")

    def instances() -> list[str]:
        headers = [{"X-Session-Id": f"session {number}"} for number in range(16)]
        answers = [httpx.get(f"{url}/health", headers=h, trust_env=False) for h in headers]
        return [answer.json()["instance"] for answer in answers]

    first = instances()
    assert len(set(first)) == 2
    assert instances() == first

    model = open_model(f"{reference.partition('?')[0]}?sessions=8&wait=20")
    episodes = [model.begin(TASK, frames(1)) for _ in range(16)]
    names = [episode.memory["name"] for episode in episodes]
    for step in range(1, 4):  # a counter knows how many frames of an episode it has seen
        estimate = model.estimate(episodes, frames(16))
        np.testing.assert_allclose(estimate.progress, step / 40, rtol=1e-6)
    assert [episode.memory["name"] for episode in episodes] == names

    running = replicas(service.pid)
    assert len(running) == 2
    os.kill(running[0], signal.SIGKILL)
    deadline = time.monotonic() + 90.0
    while True:
        try:
            estimate = model.estimate(episodes, frames(16))
            break
        except ServiceAwayError:
            assert time.monotonic() < deadline
            time.sleep(0.2)
    assert (estimate.status == Status.OK).all()
    moved = np.array([e.memory["name"] != n for e, n in zip(episodes, names, strict=True)])
    assert moved.any()  # those of the dead replica were opened again
    assert not moved.all()
    assert (estimate.progress[~moved] > 3 / 40).all()

    service.terminate()
    assert service.wait(60.0) == 0
    assert "Stopped." in (tmp_path / "said").read_text()


def test_numbers_that_cannot_be_meant():
    with pytest.raises(ConfigError, match="`replicas` must be at least 1, got 0"):
        ServeConfig(replicas=0)
    with pytest.raises(ConfigError, match="`gpus` must be 0, or more with replicas= or ray="):
        ServeConfig(gpus=1.0)
    assert not ServeConfig().by_ray
    assert ServeConfig(ray="auto", gpus=1.0).by_ray
