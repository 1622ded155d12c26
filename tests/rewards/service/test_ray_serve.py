"""The service under Ray Serve on this machine: two replicas, episodes that stay with theirs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib.util import find_spec

import httpx
import numpy as np
import pytest
from tests.rewards.remote.service_process import free_port

from kibble.agents.ray_session import ray_session
from kibble.rewards import Frames, Status, Task
from kibble.rewards.catalogue import open_model
from kibble.rewards.errors import ConfigError, ServiceAwayError

pytestmark = [
    pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra ray"),
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray"),
]

TASK = Task(instruction="push the red cube onto the green pad")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    port = free_port()
    with ray_session(None, cores=2):
        from ray import serve

        from kibble.rewards.service.ray_serve import ray_application

        serve.start(http_options={"host": "127.0.0.1", "port": port})
        try:
            application = ray_application({"counter": "time_counter?horizon=40"}, replicas=2)
            serve.run(application, name="rewards", route_prefix="/")
            yield f"http://127.0.0.1:{port}"
        finally:
            serve.shutdown()


def frames(count: int) -> Frames:
    return {"front": np.zeros((count, 8, 8, 3), np.uint8)}


def instances(url: str, sessions: list[str]) -> list[str]:
    """Which replica answers requests of each session."""
    return [
        httpx.get(f"{url}/health", headers={"X-Session-Id": session}, trust_env=False).json()[
            "instance"
        ]
        for session in sessions
    ]


def test_episodes_stay_with_their_replica_and_go_on_when_it_dies(url):
    sessions = [f"session {number}" for number in range(16)]
    first = instances(url, sessions)
    assert len(set(first)) == 2
    assert all(instances(url, sessions) == first for _ in range(3))

    model = open_model(f"remote@{url}/counter?sessions=8&wait=20")
    episodes = [model.begin(TASK, frames(1)) for _ in range(16)]
    names = [episode.memory["name"] for episode in episodes]
    for step in range(1, 4):  # a counter knows how many frames of an episode it has seen
        estimate = model.estimate(episodes, frames(16))
        np.testing.assert_allclose(estimate.progress, step / 40, rtol=1e-6)
    assert [episode.memory["name"] for episode in episodes] == names

    import ray

    name = next(
        actor["name"]
        for actor in ray.util.list_named_actors(all_namespaces=True)
        if actor["name"].startswith("SERVE_REPLICA::")
    )
    ray.kill(ray.get_actor(name, namespace="serve"))
    deadline = time.monotonic() + 60.0
    while True:
        try:
            estimate = model.estimate(episodes, frames(16))
            break
        except ServiceAwayError:
            assert time.monotonic() < deadline
            time.sleep(0.2)
    assert (estimate.status == Status.OK).all()
    moved = [e.memory["name"] != n for e, n in zip(episodes, names, strict=True)]
    assert any(moved)  # those of the dead replica were opened again
    assert not all(moved)
    assert (estimate.progress[~np.array(moved)] > 3 / 40).all()


def test_numbers_out_of_range_are_refused():
    from kibble.rewards.service.ray_serve import ray_application

    with pytest.raises(ConfigError, match="`replicas` and `threads` must be at least 1"):
        ray_application({"counter": "time_counter"}, replicas=0)
