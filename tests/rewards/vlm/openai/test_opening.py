"""What becomes of opening a back end whose server or address is not as it must be."""

from __future__ import annotations

import pytest
from tests.rewards.vlm.openai.faulty_server import faulty_server

from kibble.rewards.errors import ConfigError, ModelError, ServiceAwayError
from kibble.rewards.vlm.opening import BackendOptions, open_backend
from kibble.rewards.vlm.prompt import Prompt, Turn
from kibble.rewards.vlm.questions import Say


@pytest.fixture
def server():
    with faulty_server() as running:
        yield running


@pytest.mark.parametrize("fault", [500, b"<html>", b"{}"])
def test_a_server_that_cannot_answer_is_not_opened(server, fault):
    server.script = [fault] * 20
    with pytest.raises(ModelError, match="must answer for the model 'tiny'"):
        open_backend("tiny", BackendOptions(backend="openai", url=server.url, timeout=5.0))


@pytest.mark.parametrize("fault", ["stall", 503])
def test_a_server_that_does_not_answer_in_time_is_away(server, fault):
    server.script = [fault] * 1000
    with pytest.raises(ServiceAwayError, match=r"must answer within 0.3 s"):
        open_backend("tiny", BackendOptions(backend="openai", url=server.url, timeout=0.3))


@pytest.mark.parametrize("url", ["127.0.0.1:8000/v1", "ftp://127.0.0.1/v1"])
def test_an_address_is_http(url):
    with pytest.raises(ConfigError, match="must begin with http"):
        open_backend("tiny", BackendOptions(backend="openai", url=url))


def test_a_wrong_path_is_an_error(server):
    with pytest.raises(ModelError, match="the path, got status 404"):
        open_backend(
            "tiny", BackendOptions(backend="openai", url=server.url.replace("/v1", "/nothing"))
        )


def test_an_adapter_that_is_not_served_is_an_error(server):
    options = BackendOptions(backend="openai", url=server.url)
    backend = open_backend("tiny", options)
    asked = Say(prompt=Prompt((Turn("user", ("Done?",)),)), adapter="progress")
    with pytest.raises(ModelError, match="adapter 'progress' must be served"):
        backend.answer([asked])
    backend.close()
