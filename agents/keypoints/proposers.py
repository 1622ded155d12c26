"""Open the proposer that ``kibble keypoints`` is told to ask."""

from __future__ import annotations

from collections.abc import Mapping

from kibble.rewards.cameras.camera import Camera
from kibble.rewards.errors import ConfigError
from kibble.rewards.keypoints.fixed.proposer import FixedProposer
from kibble.rewards.keypoints.proposer import Proposer

__all__ = ["ORACLE", "is_file", "open_proposer"]

ORACLE = "oracle"
"""Name of the proposer that asks the simulator."""

_EMBEDDED = "embedded"


def is_file(name: str) -> bool:
    """Whether a proposer is named by a file of marked keypoints.

    >>> is_file("marks.yaml")
    True
    """
    return name.lower().endswith((".yaml", ".yml"))


def open_proposer(name: str, cameras: Mapping[str, Camera]) -> Proposer:
    """Open a proposer by name.

    Args:
        name: ``"embedded"``, a directory of weights, a YAML file, ``"oracle"``, or
            ``"keypoints_vlm@WEIGHTS?key=value"``.
        cameras: Of the scene, for the oracle.

    Raises:
        KibbleError: If it cannot be opened.
    """
    if is_file(name):
        return FixedProposer.open(name)
    if name == ORACLE:
        if not cameras:
            raise ConfigError(
                "`proposer=oracle` must be asked about a task of the tabletop suite, got other "
                "pictures, of which nobody knows the truth; write proposer=embedded."
            )
        from kibble.agents.oracle_keypoints import OracleProposer

        return OracleProposer(cameras)
    from kibble.rewards.keypoints.embedded.proposer import EmbeddedProposer

    return EmbeddedProposer.load() if name == _EMBEDDED else EmbeddedProposer.load(name)
