"""Completion: the words offered, and the scripts in real shells."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kibble.agents.command_line.completion import SHELLS, candidates, completion_script


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("kibble tr", ["train ", "traps "]),
        ("kibble de", ["demo ", "demos "]),
        ("kibble completion z", ["zsh "]),
        ("kibble train --tr", ["--traceback "]),
        ("kibble train task=pe", ["task=peg_insert "]),
        ("kibble train task=push agent.gam", ["agent.gamma="]),
        ("kibble train tas", ["task="]),
        ("kibble train resume=", ["resume=true ", "resume=false "]),
        ("kibble train seed=", []),
        ("kibble nothing se", []),
        ("kibble ro", ["ros "]),
        ("kibble ros re", ["record "]),
        ("kibble ros record outp", ["output="]),
        ("kibble ros record quiet=", ["quiet=true ", "quiet=false "]),
        ("kibble ros nothing se", []),
    ],
)
def test_candidates(line: str, expected: list[str]) -> None:
    assert candidates(line) == expected


def test_keys_that_are_given_are_not_offered_again() -> None:
    assert "seed=" in candidates("kibble train s")
    assert "seed=" not in candidates("kibble train seed=1 s")


def test_inner_keys_are_offered_after_a_dot_only() -> None:
    assert all("." not in word for word in candidates("kibble train "))
    assert "agent.gamma=" in candidates("kibble train agent.")


def test_an_unfinished_line_still_completes() -> None:
    assert candidates("kibble train task=psuh agent.gam") == ["agent.gamma="]


def _complete_in_bash(line: str, tmp_path: Path) -> list[str]:
    """Load the script into bash and call its function as bash does on the Tab key."""
    command = tmp_path / "kibble"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m kibble "$@"\n')
    command.chmod(0o755)
    (tmp_path / "script").write_text(completion_script("bash"))
    # Bash splits the line into words at "=" too, which is what the script has to cope with.
    words = line.replace("=", " = ").split() + ([""] if line.endswith((" ", "=")) else [])
    quoted = " ".join(f"'{word}'" for word in words)
    result = subprocess.run(
        [
            "bash",
            "-c",
            f"source {tmp_path / 'script'}; COMP_LINE='{line}'; COMP_POINT={len(line)};"
            f"COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; COMP_WORDBREAKS=' =';"
            "_kibble; printf '%s\\n' \"${COMPREPLY[@]}\"",
        ],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )
    return result.stdout.splitlines()


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_takes_off_what_stands_before_the_equals_sign(tmp_path: Path) -> None:
    assert _complete_in_bash("kibble train task=pu", tmp_path) == ["push "]
    assert _complete_in_bash("kibble train tas", tmp_path) == ["task="]


@pytest.mark.parametrize("shell", SHELLS)
def test_scripts_are_valid(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = tmp_path / "script"
    script.write_text(completion_script(shell))
    subprocess.run([shell, "-n", str(script)], check=True, capture_output=True)
