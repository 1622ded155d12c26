"""The command line: what it says, what it refuses, and with which exit status."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import kibble
from kibble.agents.cli import run
from kibble.agents.command_line.command import Command
from kibble.agents.command_line.table import COMMANDS
from kibble.rewards.errors import ModelError


def test_overview_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"  {name} " in text for name in [*COMMANDS, "completion"])


def test_no_words_give_the_overview(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    assert "Usage: kibble COMMAND" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"kibble {kibble.__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_explains_every_key(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*name.split(), "--help"]) == 0
    text = capsys.readouterr().out
    assert "Examples\n  kibble " in text
    keys = text.partition("Keys (key=value)\n")[2].partition("\n\nFlags")[0].splitlines()
    assert keys
    assert [line for line in keys if line.startswith("  ") and not line.startswith("   ")]
    for line, following in zip(keys, [*keys[1:], ""], strict=True):
        if not line.startswith("   "):  # a key; its meaning is beside it or on the next line
            assert len(line.split(None, 1)) == 2 or following.startswith("      "), line


@pytest.mark.parametrize("words", [["ros"], ["ros", "--help"]])
def test_commands_of_two_words_are_listed_by_their_first(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 0
    text = capsys.readouterr().out
    assert text.startswith("Usage: kibble ros COMMAND")
    seconds = [name.split()[1] for name in COMMANDS if name.startswith("ros ")]
    assert len(seconds) > 2
    assert all(f"\n  {second} " in text for second in seconds)


def test_help_of_a_command_of_two_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["help", "ros", "node"]) == 0
    assert capsys.readouterr().out.startswith("kibble ros node: ")


def test_help_of_train_lists_groups_with_the_default_marked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["help", "train"]) == 0
    text = capsys.readouterr().out
    assert "push*" in text
    assert "peg_insert" in text
    assert "sac*" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["trian"], r"must be a command of kibble, got 'trian'; did you mean train or"),
        (["train", "tsk=push"], r"`tsk` must be a key .* did you mean task"),
        (["train", "task=psuh"], r"`task` must name one of its options, got 'psuh'; did you mean"),
        (["train", "agent.gama=0.9"], r"`agent.gama` must be a key .* did you mean agent.gamma"),
        (["train", "gama=0.9"], r"did you mean .*agent.gamma"),
        (["train", "seed=zero"], r"`seed` must be an integer, got 'zero'"),
        (["train", "agent.gamma=high"], r"`agent.gamma` must be a number, got 'high'"),
        (["train", "resume=perhaps"], r"`resume` must be true or false, got 'perhaps'"),
        (["train", "task.views=3"], r"`task.views` must be a list such as \[front,wrist\]"),
        (["ros", "nod"], r"`kibble ros` must be followed by .*, got 'nod'; did you mean node"),
        (["ros", "domain=3"], r"`kibble ros` must be followed by one of its commands, got ''"),
        (["ros", "node", "rat=3"], r"`rat` must be a key of `kibble ros node`.*did you mean rate"),
        (["train", "push"], r"must be name=value, got 'push'; did you mean task=push\?"),
        (["train", "--seed", "0"], r"takes name=value without dashes, got '--seed'"),
        (["train", "seed=0,1"], r"`seed` must be one value, got 'seed=0,1'"),
        (["train", "task.id={a"], r"'task.id=\{a' cannot be read"),
        (["train", "hydra.job.name=a"], r"Hydra's own settings have no effect"),
        (["train", "--config-dir"], r"must be complete: .*expected one argument"),
        (["train", "--config-dir", "nowhere"], r"`--config-dir` must be a directory"),
        (["doctor", "task=push"], r"`task` must be a key of `kibble doctor`"),
        (["doctor", "format=xml"], r"`format` must be table or json, got 'xml'"),
        (["doctor", "seconds=0"], r"`seconds` must lie in \(0, 60\], got 0.0"),
        (["render", "policy=exprt"], r"`policy` must be one of auto, expert, random, got"),
        (["completion", "tcsh"], r"takes one of bash, zsh, fish, got 'tcsh'"),
    ],
)
def test_mistakes_are_answered_in_one_paragraph(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("kibble: error: ")
    assert output.err.count("\n") == 1
    assert re.search(message, output.err), output.err


def test_print_config_shows_overrides(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "task=stack", "seed=3", "--print-config"]) == 0
    text = capsys.readouterr().out
    assert "id: kibble/Stack-v0" in text
    assert "seed: 3" in text


def test_options_of_the_users_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "task" / "swing.yaml"
    own.parent.mkdir()
    own.write_text(
        "name: swing\nid: Pendulum-v1\ninstruction: swing up\n"
        "views: null\nimage_size: [64, 64]\noptions: {}\n"
    )
    words = ["train", "--config-dir", str(tmp_path), "task=swing", "--print-config"]
    assert run(words) == 0
    assert "id: Pendulum-v1" in capsys.readouterr().out


def _replace_doctor(monkeypatch: pytest.MonkeyPatch, function: str) -> None:
    row = COMMANDS["doctor"]
    command = Command(
        name=row.name,
        summary=row.summary,
        examples=row.examples,
        schema=row.schema,
        function=f"{__name__}:{function}",
        graphics="never",
    )
    monkeypatch.setitem(COMMANDS, "doctor", command)


def interrupted(config: object) -> None:
    raise KeyboardInterrupt


def unusable(config: object) -> None:
    raise ModelError("`progress` must be finite, got nan for frame 0; check the weights.")


def unreadable(config: object) -> None:
    Path("/nowhere/at/all").read_text()


def defective(config: object) -> None:
    raise ZeroDivisionError("a defect")


def lacking(config: object) -> None:
    import gymnasium

    raise gymnasium.error.DependencyNotInstalled('pygame is missing, run `pip install "pygame"`')


def judging(config: object) -> int:
    return 1


def test_interrupt_gives_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _replace_doctor(monkeypatch, "interrupted")
    assert run(["doctor"]) == 130
    assert capsys.readouterr().err == "kibble: interrupted.\n"


def test_errors_of_the_user_show_no_traceback_unless_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _replace_doctor(monkeypatch, "unusable")
    assert run(["doctor"]) == 2
    assert capsys.readouterr().err == (
        "kibble: error: `progress` must be finite, got nan for frame 0; check the weights.\n"
    )
    with pytest.raises(ModelError, match="must be finite"):
        run(["doctor", "--traceback"])
    monkeypatch.setenv("KIBBLE_TRACEBACK", "1")
    with pytest.raises(ModelError, match="must be finite"):
        run(["doctor"])


def test_unreadable_files_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _replace_doctor(monkeypatch, "unreadable")
    assert run(["doctor"]) == 2
    assert "'/nowhere/at/all' must be usable" in capsys.readouterr().err


def test_what_an_environment_lacks_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _replace_doctor(monkeypatch, "lacking")
    assert run(["doctor"]) == 2
    assert "The environment lacks a package: pygame is missing" in capsys.readouterr().err


def test_defects_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    _replace_doctor(monkeypatch, "defective")
    with pytest.raises(ZeroDivisionError, match="a defect"):
        run(["doctor"])


def test_exit_status_is_the_commands_own(monkeypatch: pytest.MonkeyPatch) -> None:
    _replace_doctor(monkeypatch, "judging")
    assert run(["doctor"]) == 1


def _kibble(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kibble", *words],
        capture_output=True,
        text=True,
        env={**os.environ, **environ},
        check=False,
    )


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from kibble.agents.cli import run; run(['--help']);"
        "heavy = {'torch', 'mujoco', 'hydra', 'gymnasium', 'stable_baselines3', 'rich'};"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert result.stderr.strip() == "[]"


def test_help_of_a_command_needs_no_torch() -> None:
    script = (
        "import sys; from kibble.agents.cli import run; run(['train', '--help']);"
        "print(sorted({'torch', 'mujoco', 'gymnasium'} & set(sys.modules)), file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert result.stderr.strip() == "[]"


def test_module_and_exit_status() -> None:
    result = _kibble("train", "task=psuh")
    assert result.returncode == 2
    assert "did you mean push?" in result.stderr
    assert "Traceback" not in result.stderr


def test_no_graphics_is_an_error_of_one_paragraph() -> None:
    result = _kibble("render", MUJOCO_GL="metal")
    assert result.returncode == 2
    assert "`MUJOCO_GL` must name a back end that can render" in result.stderr
    assert result.stderr.count("\n") == 1


def test_missing_extra_is_named() -> None:
    script = (
        "import sys; sys.modules['hydra'] = None; from kibble.agents.cli import run;"
        "sys.exit(run(['train']))"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert "pip install 'kibble[train]'" in result.stderr
