"""Real architectures with tiny random weights propose: here, and behind a server."""

from __future__ import annotations

import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.rewards.keypoints.prompting.rendered import start
from tests.rewards.vlm import tiny_models
from tests.rewards.vlm.openai.faulty_server import faulty_server

from kibble.rewards.catalogue import open_model
from kibble.rewards.errors import ServiceAwayError
from kibble.rewards.keypoints.errors import ProposalError
from kibble.rewards.keypoints.reward import KeypointReward
from kibble.rewards.remote.outages import RecordsOutages
from kibble.rewards.types import Status, Task

ROOT = Path(__file__).parents[3]
OPTIONS = "size=160&limit=6&dtype=float32"


def scene(task: str = "pick_place") -> tuple[Task, dict[str, np.ndarray]]:
    frames, sentence, _ = start(task, 2)
    return Task(instruction=sentence), frames


def opened(reference: str) -> KeypointReward:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of transformers about its own classes
        model = open_model(reference)
    assert isinstance(model, KeypointReward)
    return model


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.rewards.vlm.openai.tiny_server",
            f"tiny=vllm={tiny_models.qwen3_vl()}",
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    bound = threading.Timer(300.0, process.kill)
    bound.start()
    try:
        assert process.stdout is not None
        with process.stdout as output:
            yield f"http://127.0.0.1:{int(output.readline())}/v1"
    finally:
        bound.cancel()
        process.kill()
        process.wait(10.0)


@pytest.mark.parametrize("family", ["qwen2_5_vl", "qwen3_vl", "internvl"])
def test_constrained_words_of_any_model_open_an_episode(family: str) -> None:
    model = opened(f"keypoints_vlm@{getattr(tiny_models, family)()}?constrain=true&{OPTIONS}")
    task, frames = scene()
    episode, again = model.begin(task, frames), model.begin(task, frames)
    assert again.progress == episode.progress
    estimate = model.estimate([episode], frames)
    assert estimate.status[0] == Status.OK
    assert estimate.progress[0] == pytest.approx(episode.progress)


def test_free_words_of_a_random_model_are_no_proposal() -> None:
    model = opened(f"keypoints_vlm@{tiny_models.qwen3_vl()}?{OPTIONS}")
    with pytest.raises(ProposalError, match="1 of 1 answers"):
        model.begin(*scene())


@pytest.mark.slow
def test_a_server_proposes_what_the_weights_propose(url: str) -> None:
    options = "constrain=true&variant=pixel&views=front&size=160&limit=4&heights=0&dtype=float32"
    here = opened(f"keypoints_vlm@{tiny_models.qwen3_vl()}?{options}")
    there = opened(f"keypoints_vlm@tiny?{options}&backend=openai&url={url}")
    near, far = (model.begin(*scene()).memory for model in (here, there))
    assert far["path"]["waypoints"] == near["path"]["waypoints"]
    np.testing.assert_allclose(far["positions"], near["positions"])


def test_an_outage_of_the_server_is_told_by_the_reward_model() -> None:
    with faulty_server() as server:
        model = opened(f"keypoints_vlm@tiny?{OPTIONS}&backend=openai&url={server.url}")
        assert isinstance(model, RecordsOutages)
        assert model.outages == ()
    with pytest.raises(ServiceAwayError, match="away"):
        model.begin(*scene())
    (outage,) = model.outages
    assert (outage.over, outage.unread) == (False, 1)
