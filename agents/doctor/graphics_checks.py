"""Tries every OpenGL back end in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping

from kibble.agents.doctor.check import Check, Verdict
from kibble.agents.graphics import BACKENDS, Backend, choose_backend, has_library
from kibble.rewards.errors import MissingDependencyError

__all__ = ["check_graphics"]

_SLOW = 200.0  # frames/s at 96 x 96; below this, rendering costs more than learning


def check_graphics(environ: Mapping[str, str], *, seconds: float, timeout: float) -> list[Check]:
    """Try EGL, OSMesa and GLFW one by one, and say which one kibble will use.

    Args:
        environ: The process environment.
        seconds: How long frames per second are measured for.
        timeout: Seconds after which a back end is given up.

    Returns:
        A check per back end, and one for the choice; only that one can be ``BROKEN``.
    """
    checks: list[Check] = []
    speeds: dict[str, float] = {}
    for backend in BACKENDS.values():
        check, speed = _try(backend, environ, seconds=seconds, timeout=timeout)
        checks.append(check)
        if speed is not None:
            speeds[backend.name] = speed
    return [*checks, _check_choice(environ, speeds)]


def _try(
    backend: Backend, environ: Mapping[str, str], *, seconds: float, timeout: float
) -> tuple[Check, float | None]:
    """Render with one back end; its frames per second are None where it fails."""
    if backend.library is not None and not has_library(backend.library):
        return _failed(backend, f"{backend.library} is not installed"), None
    child = {**environ, "MUJOCO_GL": backend.name}
    child.pop("PYOPENGL_PLATFORM", None)  # MuJoCo sets it to fit, and refuses another value
    command = [sys.executable, "-m", "kibble.agents.doctor.graphics_probe", str(seconds)]
    try:
        result = subprocess.run(
            command, env=child, capture_output=True, text=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        return _failed(backend, f"no answer within {timeout:g} s"), None
    if result.returncode != 0:
        return _failed(backend, _reason(result)), None
    answer = json.loads(result.stdout.splitlines()[-1])
    speed = float(answer["frames_per_second"])
    slow = speed < _SLOW
    return Check(
        section="graphics",
        name=backend.name,
        verdict=Verdict.NOTE if slow else Verdict.OK,
        found=f"{speed:,.0f} frames/s at 96x96 ({answer['renderer']})",
        remedy="slow; is the machine busy, or the driver a remote one?" if slow else "",
    ), speed


def _failed(backend: Backend, reason: str) -> Check:
    return Check(
        section="graphics",
        name=backend.name,
        verdict=Verdict.NOTE,
        found=reason,
        remedy=backend.remedy,
    )


def _reason(result: subprocess.CompletedProcess[str]) -> str:
    """Take the line that says why from what a failed probe wrote."""
    if result.returncode < 0:
        return f"the driver ended the process with signal {-result.returncode}"
    lines = [line.strip() for line in result.stderr.splitlines() if line.strip()]
    errors = [line for line in lines if "Error" in line and not line.startswith("File")]
    window = [
        line.partition("GLFWError: ")[2].replace("b'", "'")
        for line in lines
        if "GLFWError: " in line
    ]
    return [f"exit status {result.returncode}", *lines, *errors, *window[:1]][-1]


def _check_choice(environ: Mapping[str, str], speeds: Mapping[str, float]) -> Check:
    """Check the back end that the entry point would choose now."""
    trial = dict(environ)
    try:
        chosen = choose_backend(trial)
    except MissingDependencyError as error:
        found, _, remedy = str(error).partition("; ")
        return Check(
            section="graphics",
            name="chosen",
            verdict=Verdict.BROKEN,
            found=found,
            remedy=remedy,
        )
    by_user = "MUJOCO_GL is set" if environ.get("MUJOCO_GL") else "chosen by kibble"
    name = chosen or "glfw"
    if name in speeds or (chosen is None and sys.platform != "linux"):
        return Check(
            section="graphics", name="chosen", verdict=Verdict.OK, found=f"{name} ({by_user})"
        )
    working = ", ".join(speeds)
    return Check(
        section="graphics",
        name="chosen",
        verdict=Verdict.BROKEN,
        found=f"{name} ({by_user}) does not work here",
        remedy=f"export MUJOCO_GL={next(iter(speeds))} (works: {working})"
        if speeds
        else BACKENDS["egl"].remedy,
    )
