"""What happens where nothing can be drawn; in processes of their own, as GL is chosen once."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

SCRIPT = textwrap.dedent(
    """
    import gymnasium
    import kibble.envs
    from kibble.rewards.errors import MissingDependencyError
    env = gymnasium.make("kibble/Reach-v0").unwrapped
    env.reset(seed=0)
    env.step([0, 0, 0, 0])
    try:
        print(env.frames()["front"].shape)
    except MissingDependencyError as error:
        print("refused:", error)
    env.close()
    """
)


def run(**variables):
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("MUJOCO_GL", "DISPLAY", "PYOPENGL_PLATFORM")
    }
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="EGL is Linux's way")
def test_linux_draws_without_a_display_or_a_variable():
    assert "(1, 96, 96, 3)" in run()


def test_without_gl_the_simulation_runs_and_frames_say_what_to_do():
    printed = run(MUJOCO_GL="disable")
    assert "refused: Rendering needs a working GL back end" in printed
    assert "MUJOCO_GL='disable'" in printed
    assert "kibble doctor" in printed
