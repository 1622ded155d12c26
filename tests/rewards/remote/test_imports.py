"""A robot's node has NumPy, Pillow and httpx: nothing else may be needed to ask a service."""

from __future__ import annotations

import subprocess
import sys

from tests.reward_models import CentroidModel

PROGRAM = """
import sys
ALLOWED = {"PIL", "anyio", "certifi", "h11", "httpcore", "httpx", "idna", "kibble", "numpy"}
TAKEN_BY_HTTPX_WHERE_THEY_ARE = {"click", "pygments", "rich", "sniffio", "typing_extensions"}
before = {name.partition(".")[0] for name in sys.modules}
import numpy as np
from kibble.rewards import Potential, Task
from kibble.rewards.catalogue import open_model

model = open_model(sys.argv[1])
frames = {"front": np.full((1, 8, 32, 3), 255, np.uint8)}
potential = Potential(model)
potential.begin({0: (Task(instruction="move"), frames)})
potential.update({0: frames})
assert abs(potential.phi[0] - 0.5) < 1e-6
model.close()
loaded = {name.partition(".")[0] for name in sys.modules} - before
known = ALLOWED | TAKEN_BY_HTTPX_WHERE_THEY_ARE | set(sys.stdlib_module_names)
foreign = {name for name in loaded - known if not name.startswith("_")}
print(sorted(foreign))
"""


def test_a_remote_model_needs_numpy_pillow_and_httpx_alone(serve):
    url = serve({"dot": CentroidModel})
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, f"remote@{url}/dot"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
