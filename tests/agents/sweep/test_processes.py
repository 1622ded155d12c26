"""Processes end by themselves, apart from each other, and with the one that started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from kibble.agents.sweep.processes import run_processes


def touch(path: Path, others: Path, limit: int) -> None:
    """Say that it runs, see how many do, and write that down at the end."""
    mark = others / path.name
    mark.touch()
    time.sleep(0.2)
    assert len(list(others.iterdir())) <= limit
    print(f"{path.name} was here")
    path.touch()
    mark.unlink()


def fail() -> None:
    raise ZeroDivisionError("on purpose")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def write_pid_and_wait(path: Path) -> None:
    path.write_text(str(os.getpid()))
    time.sleep(600)


def test_one_that_fails_or_dies_takes_no_other_with_it(tmp_path) -> None:
    others = tmp_path / "running"
    others.mkdir()
    calls = {name: partial(touch, tmp_path / name, others, 2) for name in ("a", "b", "c")}
    started: list[str] = []
    codes: dict[str, int] = {}
    run_processes(
        {"fails": fail, "dies": die, **calls},
        at_once=2,
        logs=tmp_path / "logs",
        on_start=started.append,
        on_end=codes.__setitem__,
    )
    assert started == ["fails", "dies", "a", "b", "c"]
    assert codes == {"fails": 1, "dies": -signal.SIGKILL, "a": 0, "b": 0, "c": 0}
    assert all((tmp_path / name).exists() for name in calls)
    assert "on purpose" in (tmp_path / "logs" / "fails.log").read_text()
    assert (tmp_path / "logs" / "b.log").read_text() == "b was here\n"


def test_interrupted_it_stops_what_runs(tmp_path) -> None:
    def interrupt(name: str) -> None:
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            time.sleep(0.05)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_processes(
            {"waits": partial(write_pid_and_wait, tmp_path / "pid")},
            at_once=1,
            logs=tmp_path / "logs",
            on_start=interrupt,
            on_end=lambda name, code: None,
        )
    assert not _is_alive(int((tmp_path / "pid").read_text()))


def test_children_do_not_outlive_a_killed_parent(tmp_path) -> None:
    script = (
        "import sys; from functools import partial; from pathlib import Path\n"
        "from kibble.agents.sweep.processes import run_processes\n"
        "from tests.agents.sweep.test_processes import write_pid_and_wait\n"
        "if __name__ == '__main__':\n"
        "    out = Path(sys.argv[1])\n"
        "    run_processes({'waits': partial(write_pid_and_wait, out / 'pid')}, at_once=1,\n"
        "        logs=out / 'logs', on_start=lambda n: None, on_end=lambda n, c: None)\n"
    )
    (tmp_path / "parent.py").write_text(script)
    parent = subprocess.Popen(
        [sys.executable, str(tmp_path / "parent.py"), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    pid = tmp_path / "pid"
    while not pid.exists() or not pid.read_text():
        assert parent.poll() is None
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    for _ in range(200):
        if not _is_alive(int(pid.read_text())):
            return
        time.sleep(0.05)
    os.kill(int(pid.read_text()), signal.SIGKILL)
    pytest.fail("the child still runs ten seconds after its parent was killed")


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")  # killed but not reaped yet is dead enough
    return not (state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z")
