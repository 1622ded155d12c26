"""Make the page on which keypoints are clicked: one HTML text that needs nothing else."""

from __future__ import annotations

import base64
import html
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np
from PIL import Image

from kibble.agents.keypoints.markers import COLOURS, MEANINGS, STROKES
from kibble.rewards.keypoints.roles import Role
from kibble.rewards.types import Frames

__all__ = ["TEMPLATES", "ClickingPage"]

Step = Mapping[str, object]


def _step(move: str, to: str, height: float = 0.0, gripper: str = "any") -> Step:
    return {"move": move, "to": to, "height": height, "gripper": gripper}


TEMPLATES: dict[str, Sequence[Step]] = {
    "push or pull": (
        _step("gripper", "grasp", 0.06),
        _step("gripper", "grasp"),
        _step("function", "target"),
    ),
    "pick and place": (
        _step("gripper", "grasp", 0.05, "open"),
        _step("gripper", "grasp", -0.025, "open"),
        _step("function", "target", 0.1, "closed"),
        _step("function", "target", 0.05, "any"),
    ),
    "reach": (_step("gripper", "target"),),
}
"""Usual ways, in the form of the file; the first is what a new page begins with."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClickingPage:
    """All that the page shows.

    Args:
        frames: The scene, (1, H, W, 3) uint8 RGB per view.
        begin: Points and way to begin with, in the form of the file.
        instruction: What is to be done, or an empty text.
        out: Where the file is to be saved, as it is shown.
    """

    frames: Frames
    begin: Mapping[str, object]
    instruction: str
    out: str

    def text(self, *, token: str, nonce: str) -> str:
        """Write the page.

        Args:
            token: What the page proves itself with when it checks and saves.
            nonce: Marks the page's own style and script.
        """
        begin = {
            "keypoints": self.begin.get("keypoints", {}),
            "waypoints": self.begin.get("waypoints", TEMPLATES["push or pull"]),
            "instruction": self.instruction,
        }
        views = {
            view: {"width": batch.shape[2], "height": batch.shape[1]}
            for view, batch in self.frames.items()
        }
        document = {
            "token": token,
            "views": views,
            "pictures": {view: _as_uri(batch[0]) for view, batch in self.frames.items()},
            "roles": [_described(role) for role in Role],
            "templates": TEMPLATES,
            "begin": begin,
            "out": self.out,
        }
        # "<" would let an instruction such as "</script>" end the block that it stands in.
        data = json.dumps(document, allow_nan=False).replace("<", "\\u003c")
        parts = {
            "title": html.escape(self.instruction or self.out),
            "nonce": nonce,
            "style": _resource("page.css"),
            "script": _resource("page.js"),
            "data": data,
        }
        return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], _resource("page.html"))


def _described(role: Role) -> dict[str, object]:
    return {
        "name": role.value,
        "meaning": MEANINGS[role],
        "colour": "#{:02x}{:02x}{:02x}".format(*COLOURS[role]),
        "strokes": STROKES[role],
    }


def _as_uri(frame: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> str:
    file = io.BytesIO()
    Image.fromarray(frame).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"


def _resource(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8").rstrip("\n")
