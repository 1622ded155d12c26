"""Open the proposer that ``kibble keypoints`` is told to ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kibble.agents.keypoints.scene import Scene
from kibble.rewards.cameras.camera import Camera
from kibble.rewards.errors import ConfigError
from kibble.rewards.keypoints.fixed.proposer import FixedProposer
from kibble.rewards.keypoints.proposer import Proposer
from kibble.rewards.keypoints.variant import Variant
from kibble.rewards.option_values import read_options
from kibble.rewards.reference import parse_reference

__all__ = ["ORACLE", "is_file", "open_proposer"]

ORACLE = "oracle"
"""Name of the proposer that asks the simulator."""

_EMBEDDED = "embedded"
_VLM = "keypoints_vlm"


def is_file(name: str) -> bool:
    """Whether a proposer is named by a file of marked keypoints.

    >>> is_file("marks.yaml")
    True
    """
    return name.lower().endswith((".yaml", ".yml"))


def open_proposer(name: str, scene: Scene) -> Proposer:
    """Open a proposer by name.

    Args:
        name: ``"embedded"``, a directory of weights, a YAML file, ``"oracle"``, or
            ``"keypoints_vlm@WEIGHTS?key=value"``.
        scene: What it will be asked about first: whose views a language model is shown, and by
            whose cameras the oracle sees.

    Raises:
        KibbleError: If it cannot be opened.
    """
    if is_file(name):
        return FixedProposer.open(name)
    if name == ORACLE:
        if not scene.cameras:
            raise ConfigError(
                "`proposer=oracle` must be asked about a task of the tabletop suite, got other "
                "pictures, of which nobody knows the truth; write proposer=embedded."
            )
        from kibble.agents.oracle_keypoints import OracleProposer

        return OracleProposer(scene.cameras)
    if name.startswith(_VLM):
        return _language_model(name, tuple(scene.frames), scene.cameras)
    from kibble.rewards.keypoints.embedded.proposer import EmbeddedProposer

    return EmbeddedProposer.load() if name == _EMBEDDED else EmbeddedProposer.load(name)


def _language_model(name: str, views: Sequence[str], cameras: Mapping[str, Camera]) -> Proposer:
    """Ask about the scene's views; where no camera is known, by pixels alone."""
    from kibble.rewards.adapters.keypoints_vlm import CARD, Options
    from kibble.rewards.adapters.keypoints_vlm import open_proposer as open_language_model

    reference = parse_reference(name)
    if reference.name != CARD.name:
        raise ConfigError(f"`proposer` must be {CARD.name}@WEIGHTS?key=value, got {name!r}.")
    given = {key for key, _ in reference.options}
    pairs = list(reference.options)
    if "views" not in given:
        pairs += [("views", view) for view in views]
    if not given & {"variant", "calibration"} and not (cameras and len(views) > 1):
        pairs += [("variant", Variant.PIXEL.value)]
    options = read_options(Options, pairs, model=CARD.name)
    return open_language_model(reference.weights, options, None)
