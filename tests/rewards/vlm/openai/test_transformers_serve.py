"""The back end against ``transformers serve``, a server that others wrote."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.rewards.vlm import tiny_models

from kibble.rewards.errors import ModelError
from kibble.rewards.vlm.openai.backend import open_server
from kibble.rewards.vlm.opening import BackendOptions, open_backend
from kibble.rewards.vlm.prompt import Picture, Prompt, Turn
from kibble.rewards.vlm.questions import Rate, Reply, Say

ROOT = Path(__file__).parents[4]
PATIENCE = 120.0  # seconds in which the process must listen


@pytest.fixture(scope="module")
def weights() -> str:
    return str(tiny_models.qwen3_vl())


@pytest.fixture(scope="module")
def url(weights, tmp_path_factory) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tests.rewards.vlm.openai.transformers_serve", "serve"]
    command += [weights, "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    home = tmp_path_factory.mktemp("hub")
    log = home / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(home)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1.0).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(log.read_text()[-2000:])
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
        process.wait(10.0)


def picture(seed: int) -> Picture:
    rng = np.random.default_rng(seed)
    return Picture(rng.integers(0, 256, (64, 80, 3), dtype=np.uint8))


@pytest.mark.slow
def test_it_says_what_the_weights_say(url, weights):
    server = open_server(weights, BackendOptions(backend="openai", url=url))
    local = open_backend(weights, BackendOptions(dtype="float32"))
    prompt = Prompt(
        turns=(
            Turn("system", ("Judge the robot.",)),
            Turn("user", ("Before: ", picture(0), " After: ", picture(1), "\nBetter?")),
        )
    )
    try:
        assert server.spec.rates is False  # it leaves log-probabilities out and says nothing
        bounded = Prompt(turns=prompt.turns, pixels=(2_048, 4_096))
        questions = [Say(prompt=prompt, max_tokens=8), Say(prompt=bounded, max_tokens=2)]
        there, resized = server.answer(questions)
        here, _ = local.answer(questions)
        assert isinstance(there, Reply)
        assert isinstance(here, Reply)
        assert there.text == here.text
        assert there.finished == here.finished
        assert isinstance(resized, Reply)
        with pytest.raises(ModelError, match="reads log-probabilities, which the server at"):
            server.answer([Rate(prompt=prompt, answers=("yes", "no"))])
        with pytest.raises(ModelError, match="goes on with the assistant's turn"):
            server.answer([Say(prompt=Prompt(turns=(*prompt.turns, Turn("assistant", ("It",)))))])
        with pytest.raises(ModelError, match="must"):
            open_server("no/such-model", BackendOptions(backend="openai", url=url))
    finally:
        server.close()
