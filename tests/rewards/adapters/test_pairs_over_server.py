"""The pairwise reward models over a server process read what they read over the same weights here.

The server renders prompts by the model's own processor and chat template, picture after picture,
with nothing cached: equal readings mean that the questions arrive as they were written.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.rewards.adapters.tiny_pairs import noise, opened, recorded, task
from tests.rewards.vlm import tiny_models

from kibble.rewards.adapters.generative import GenerativeReward
from kibble.rewards.catalogue import open_model
from kibble.rewards.types import RewardModel, Status

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
HEADS = ("contrastive", "progress", "completion")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    base = tiny_models.qwen3_vl()
    served = [f"grm=vllm={tiny_models.qwen2_5_vl()}", f"base=vllm={base}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.rewards.vlm.openai.tiny_server", *served],
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


def play(model: RewardModel) -> tuple[np.ndarray, list[float]]:
    """Progress and success of three frames, and the log-probabilities of all answers."""
    assert isinstance(model, GenerativeReward)
    watched, recorder = recorded(model)
    episode = watched.begin(task(), noise(0))
    read = []
    for seed in (1, 2, 3):
        estimate = watched.estimate([episode], noise(seed))
        assert estimate.status[0] == Status.OK
        read.append([estimate.progress[0], estimate.success[0]])
    return np.array(read), recorder.logprobs()


@pytest.mark.parametrize(
    ("name", "there"),
    [("grm", "grm@grm?constrain=true"), ("yes_token", "yes_token@base?")],
)
def test_a_server_reads_what_the_weights_read(url: str, name: str, there: str) -> None:
    far, said_far = play(open_model(f"{there}&backend=openai&url={url}".replace("?&", "?")))
    near, said_near = play(opened(name))
    np.testing.assert_allclose(far, near, atol=1e-6)
    np.testing.assert_allclose(said_far, said_near, atol=1e-3)


def test_adapters_on_a_server_go_by_their_names(url: str) -> None:
    heads = "&".join(f"{head}=base" for head in HEADS)
    model = open_model(f"lrm?base=base&mode=tri&{heads}&constrain=true&backend=openai&url={url}")
    read, _ = play(model)
    assert ((read >= 0.0) & (read <= 1.0)).all()


def test_trend_words_go_as_two_clips(url: str) -> None:
    model = open_model(f"trend@base?constrain=true&backend=openai&url={url}")
    episode = model.begin(task(), noise(0))
    for seed in range(1, 6):
        assert model.estimate([episode], noise(seed)).status[0] == Status.OK
