"""Back ends are opened by what a user says of them, and what is missing is said."""

from __future__ import annotations

import subprocess
import sys

import pytest

from kibble.rewards.errors import WeightsError
from kibble.rewards.vlm.opening import BackendOptions, open_backend


def test_missing_weights_are_said_before_torch_is_imported():
    code = (
        "import sys\n"
        "from kibble.rewards.errors import WeightsError\n"
        "from kibble.rewards.vlm.opening import BackendOptions, open_backend\n"
        "try:\n"
        "    open_backend('nobody/no-such-model', BackendOptions())\n"
        "except WeightsError as error:\n"
        "    sys.exit(f'{error}' if 'transformers' in sys.modules else 0)\n"
        "sys.exit('opened')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_missing_adapters_are_named(tmp_path):
    with pytest.raises(WeightsError, match="nobody/no-such-adapter"):
        open_backend(str(tmp_path), BackendOptions(), adapters={"done": "nobody/no-such-adapter"})


def test_a_torchvision_that_does_not_fit_torch_is_said(tmp_path):
    """Stand-ins for the two packages raise what the real ones raise."""
    (tmp_path / "transformers.py").write_text(
        "try:\n"
        "    raise RuntimeError('operator torchvision::nms does not exist')\n"
        "except RuntimeError as error:\n"
        "    raise ModuleNotFoundError('Could not import module') from error\n"
    )
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from kibble.rewards.errors import MissingDependencyError\n"
        "from kibble.rewards.vlm.opening import BackendOptions, open_backend\n"
        "try:\n"
        f"    open_backend({str(tmp_path)!r}, BackendOptions())\n"
        "except MissingDependencyError as error:\n"
        "    sys.exit(0 if 'torchvision' in str(error) else str(error))\n"
        "sys.exit('opened')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
