"""Back ends that answer a proposer's questions as they are told, or at random among choices."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import numpy as np
from tests.rewards.keypoints.prompting.rendered import VIEWS, start

from kibble.rewards.keypoints.prompting.close_up import close_up
from kibble.rewards.keypoints.prompting.scene import mark_scene
from kibble.rewards.keypoints.prompting.settings import PromptSettings
from kibble.rewards.keypoints.prompting.slots import Slot, slots_of
from kibble.rewards.keypoints.roles import ROLES
from kibble.rewards.vlm.backend import BackendSpec
from kibble.rewards.vlm.questions import Answer, Question, Reply, Say


class ScriptedBackend:
    """Gives the answers of a list, one for each question, and keeps the questions."""

    spec = BackendSpec(name="scripted", version="1", device="cpu")

    def __init__(self, *answers: str | Answer) -> None:
        self._answers = [Reply(text=each) if isinstance(each, str) else each for each in answers]
        self.asked: list[Say] = []

    def answer(self, questions: Sequence[Question]) -> list[Answer]:
        self.asked += [question for question in questions if isinstance(question, Say)]
        return [self._answers.pop(0) for _ in questions]


class DrawingBackend:
    """Answers with one of a question's choices, drawn at random."""

    spec = BackendSpec(name="drawing", version="1", device="cpu")

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def answer(self, questions: Sequence[Question]) -> list[Answer]:
        return [Reply(text=str(self._rng.choice(question.choices))) for question in questions]


def marks_answer(**labels: str) -> str:
    """An answer about one view, front: grasp="2" and so on."""
    return json.dumps({f"front_{role}": label for role, label in labels.items()})


def plan_answer(*steps: tuple[str, str, str, str]) -> str:
    keys = ("move", "to", "height", "fingers")
    return json.dumps({"waypoints": [dict(zip(keys, step, strict=True)) for step in steps]})


class TrueBackend:
    """Answers about the first frames of a task as well as marks and tiles allow.

    Args:
        task: Name of the task.
        seed: Seed of its scene.
        settings: How the scene is shown.
        way: What it answers when asked for a way.
    """

    spec = BackendSpec(name="true", version="1", device="cpu")

    def __init__(self, task: str, seed: int, settings: PromptSettings, way: str) -> None:
        self._frames, _, self._pixels = start(task, seed)
        self._settings, self._way = settings, way
        scene = mark_scene(self._frames, VIEWS, settings)
        self._slots = {slot.key: slot for slot in slots_of(scene, VIEWS, settings.tiles)}
        self.closer = 0  # questions about enlarged parts

    def answer(self, questions: Sequence[Question]) -> list[Answer]:
        return [
            Reply(text=self._said(question.prompt.turns[0].parts[1])) for question in questions
        ]

    def _said(self, text: object) -> str:
        asked = str(text).rpartition("\n")[2]
        if "waypoints" in asked:
            return self._way
        keys = re.findall(r'"(\w+)": "<', asked)
        if "<point>" in asked:
            return json.dumps({key: self._nearest(self._slots[key]) for key in keys})
        self.closer += 1
        slot = self._slots[keys[0]]
        at = slot.pixel(self._nearest(slot))
        assert at is not None
        frame = self._frames[slot.view][0]
        look = close_up(frame, slot.view, slot.role, at, self._settings)
        return json.dumps({keys[0]: self._nearest(look.slot, look.corner)})

    def _nearest(self, slot: Slot, corner: tuple[int, int] = (0, 0)) -> str:
        """The choice that is nearest to the truth: a mark, for the gripper two, or a tile."""
        true = self._pixels[slot.view][ROLES.index(slot.role)] - corner
        if not np.isfinite(true).all():
            return "none"
        gaps = {
            choice: float(np.linalg.norm(np.subtract(at, true)))
            for choice in slot.choices
            if (at := slot.pixel(choice)) is not None
        }
        return min(gaps, key=gaps.__getitem__)
