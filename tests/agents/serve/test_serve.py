"""`kibble serve` as a process: answers, stops, and refuses what is unsafe."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest
from tests.rewards.service.serving import Client, bright_column

from kibble.agents.cli import run
from kibble.agents.serve.config import ServeConfig
from kibble.agents.serve.models import named_models
from kibble.rewards.errors import ConfigError, WeightsError
from kibble.rewards.service.pictures import encode_picture
from kibble.rewards.service.wire import OpenRequest


def started(*words: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "kibble", "serve", "port=0", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **(env or {})},
    )


def line_with(process: subprocess.Popen[str], words: str) -> str:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if words in line:
            return line
    raise AssertionError("".join(lines))


@pytest.mark.slow
def test_it_serves_until_it_is_asked_to_stop() -> None:
    process = started("model=grm_tiny", env={"KIBBLE_TOKEN": "0123456789abcdef"})
    deadline = threading.Timer(60.0, process.kill)
    deadline.start()
    try:
        url = line_with(process, "Listening at").split()[2].rstrip(",")
        line_with(process, "grm_tiny is ready on cpu")
        assert httpx.get(f"{url}/health", trust_env=False).json()["ready"] is True
        client = Client(url, "grm_tiny", token="0123456789abcdef")
        picture = encode_picture(bright_column(5, (96, 96, 3)))
        name = "0" * 32
        client.opened(OpenRequest(instruction="push it", start={"front": (picture,)}), name)
        assert 0.0 <= client.estimate((name, 1, picture))[0].progress <= 1.0
        client.http.close()
        process.send_signal(signal.SIGTERM)
        assert "all requests were answered" in line_with(process, "Stopped")
        assert process.wait(20.0) == 0
    finally:
        deadline.cancel()
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["host=0.0.0.0"], "must be this machine's own"),
        (["host=no.such.host.invalid"], "must be an address of this machine"),
        (["model=grm_tyni"], "did you mean grm_tiny"),
        (["model=gvl"], "reads whole episodes"),
        (["model=[grm_tiny,grm_tiny]"], "a name of its own"),
        (["certificate=cert.pem"], "belong together"),
        (["certificate=cert.pem", "key=key.pem"], "must be a PEM file"),
        (["batch=0"], "`batch` must be at least 1"),
        (["port=70000"], "`port` must lie in"),
    ],
)
def test_what_is_refused_before_anything_is_loaded(
    words: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("KIBBLE_TOKEN", raising=False)
    assert run(["serve", "port=0", *words]) == 2
    assert said in capsys.readouterr().err


def test_a_short_token_is_refused(monkeypatch, capsys) -> None:
    monkeypatch.setenv("KIBBLE_TOKEN", "secret")
    assert run(["serve", "port=0"]) == 2
    assert "16 or more characters" in capsys.readouterr().err


def test_it_ends_where_no_model_can_be_opened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert run(["serve", "port=0", f"model={tmp_path / 'empty'}"]) == 2
    assert "config.json" in capsys.readouterr().err


def test_references_on_the_command_line_need_no_more_quotes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    reference = "clip@some/model?alpha=0.5&goal=an open drawer"
    assert run(["serve", f"model={reference}", "--print-config"]) == 0
    assert reference in capsys.readouterr().out


def test_names_on_the_wire() -> None:
    named = named_models({"one": "grm_tiny", "two": "clip@some/model?alpha=0.5"})
    assert {name: str(reference) for name, reference in named.items()} == {
        "one": "grm_tiny",
        "two": "clip@some/model?alpha=0.5",
    }
    assert list(named_models(["grm_tiny", "clip@some/model"])) == ["grm_tiny", "clip"]
    with pytest.raises(WeightsError, match="known"):
        named_models("nothing_like_it")
    with pytest.raises(ConfigError, match="must name a reward model"):
        ServeConfig(model=3)
