"""A robot's node imports the maths of cameras with NumPy alone."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import importlib, pkgutil, sys
import kibble.rewards.cameras as package
for module in pkgutil.iter_modules(package.__path__):
    importlib.import_module(f"{package.__name__}.{module.name}")
heavy = {"torch", "cv2", "yaml", "mujoco", "gymnasium", "hydra", "transformers"}
print(sorted(heavy & set(sys.modules)), "kibble.rewards.cameras.placing" in sys.modules)
"""


def test_nothing_heavy_is_imported():
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=120
    )
    assert result.stdout.split("\n")[0] == "[] True"
