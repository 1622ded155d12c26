"""A robot's node follows keypoints without torch, OpenCV or a simulator in its way."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
import kibble.rewards.adapters.keypoints
import kibble.rewards.keypoints.opening
import kibble.rewards.keypoints.fixed.proposer
import kibble.rewards.keypoints.remembered_proposals
heavy = {"torch", "transformers", "cv2", "yaml", "scipy", "gymnasium", "mujoco", "hydra"}
sys.exit(str(sorted(heavy & set(sys.modules))) if heavy & set(sys.modules) else 0)
"""


def test_all_but_the_network_and_optical_flow_needs_numpy_alone():
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
