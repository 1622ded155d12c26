"""Back ends that answer a proposer's questions as they are told, or at random among choices."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from tests.rewards.keypoints.prompting.rendered import VIEWS, start

from kibble.rewards.keypoints.prompting.scene import mark_scene
from kibble.rewards.keypoints.prompting.settings import PromptSettings
from kibble.rewards.keypoints.prompting.slots import slots_of
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


def best_marks(task: str, seed: int, settings: PromptSettings) -> str:
    """The answer that is nearest to the truth: for the gripper maybe two marks, for the others
    a mark or a tile."""
    frames, _, pixels = start(task, seed)
    scene = mark_scene(frames, VIEWS, settings)
    chosen = {}
    for slot in slots_of(scene, VIEWS, settings.tiles):
        true = pixels[slot.view][ROLES.index(slot.role)]
        if not np.isfinite(true).all():
            chosen[slot.key] = "none"
            continue
        gaps = {
            choice: float(np.linalg.norm(np.subtract(slot.pixel(choice), true)))
            for choice in slot.choices
            if choice != "none"
        }
        chosen[slot.key] = min(gaps, key=gaps.__getitem__)
    return json.dumps(chosen)
