"""Words that a command does not know reach the command that does, exactly as they were given."""

from __future__ import annotations

import pytest

from kibble.agents.cli import run
from kibble.agents.command_line.completion import candidates
from kibble.agents.command_line.compose import open_composer
from kibble.agents.command_line.sentences import quote_sentences
from kibble.agents.command_line.table import COMMANDS


@pytest.mark.parametrize(
    "word",
    [
        "task=push,reach",
        "task.instruction=push it, 'gently', and \"now\"",
        "demonstrations=data/${task.name}",
        "agent.network=[32,32]",
        "+task.options.noise=0.1,0.2",
        "seed=range(3)",
    ],
)
def test_words_arrive_as_they_were(word: str) -> None:
    with open_composer(COMMANDS["sweep"]) as composer:
        config = composer.instantiate([word, "jobs=3"])
    (arrived,) = config.words
    assert config.jobs == 3
    assert arrived in (word, quote_sentences([word])[0])


def test_other_commands_keep_their_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "jobs=3"]) == 2
    assert "`jobs` must be a key of `kibble train`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "must be told what to train"),
        (["out=nowhere"], "must hold sweep.json, got 'nowhere' without it"),
        (["report=nowhere"], "must hold sweep.json, got 'nowhere' without it"),
        (["report=a", "seed=1,2"], "`report` must stand without `out` and without words"),
        (["jobs=two", "seed=1,2"], "`jobs` must be an integer, got 'two'"),
        (["jobs=-1", "seed=1,2"], "`jobs` must be 0 (as many as fit) or more, got -1"),
        (["episodes=0", "seed=1,2"], "`episodes` must be at least 1, got 0"),
        (["tsk=push,reach"], "`tsk` must be a key of `kibble train`"),
        (["seed=0,1", "hydra/launcher=mine"], "must name an installed launcher of Hydra"),
        (["seed=0,1", "hydra/launcher=basic", "hydra.launcher.x=1"], "Key 'x' not in"),
    ],
)
def test_mistakes_leave_nothing_behind(words, message, capsys, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["sweep", *words]) == 2
    assert message in capsys.readouterr().err
    assert [path.name for path in tmp_path.rglob("*") if path.name != "runs"] == []


def test_words_of_both_commands_complete() -> None:
    assert "jobs=" in candidates("kibble sweep j")
    assert "reward=grm_tiny " in candidates("kibble sweep task=push,reach reward=g")
    assert "agent.gamma=" in candidates("kibble sweep agent.ga")
