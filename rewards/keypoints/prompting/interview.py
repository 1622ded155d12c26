"""The questions of a proposal, put to a back end as often as there are samples."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.cameras.camera import Camera
from kibble.rewards.keypoints.prompting.agreement import Agreed, agree, plan_distance
from kibble.rewards.keypoints.prompting.answers import (
    check_apart,
    plan_choices,
    read_marks,
    read_plan,
)
from kibble.rewards.keypoints.prompting.chosen import (
    Chosen,
    Said,
    agreed_marks,
    label_probability,
)
from kibble.rewards.keypoints.prompting.close_up import close_up
from kibble.rewards.keypoints.prompting.questions import (
    closer_question,
    marks_question,
    plan_question,
)
from kibble.rewards.keypoints.prompting.sampling import (
    UNREADABLE,
    Sampling,
    readable,
    reply_of,
)
from kibble.rewards.keypoints.prompting.scene import PromptedScene, show_chosen
from kibble.rewards.keypoints.prompting.settings import PromptSettings
from kibble.rewards.keypoints.prompting.slots import Slot, slots_of
from kibble.rewards.keypoints.prompting.step import Step
from kibble.rewards.keypoints.proposal import APART
from kibble.rewards.keypoints.roles import ROLES, Role
from kibble.rewards.types import Frames
from kibble.rewards.vlm.asked import answers_from
from kibble.rewards.vlm.backend import Backend
from kibble.rewards.vlm.prompt import Picture, Prompt, Turn
from kibble.rewards.vlm.questions import Answer, Say

__all__ = ["Interview"]

_MAX_TOKENS = 768


@final
class Interview:
    """Asks which marks, where exactly those in free space are, then which way between them.

    Args:
        backend: What answers.
        views: Views that are shown, from the left; the first has the grid.
        settings: What is drawn.
        sampling: How often is asked.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        views: Sequence[str],
        settings: PromptSettings,
        sampling: Sampling,
    ) -> None:
        self._backend = backend
        self._views = tuple(views)
        self._settings = settings
        self._sampling = sampling

    def choose(
        self, instruction: str, scene: PromptedScene, sizes: Mapping[str, tuple[int, int]]
    ) -> Chosen:
        """Ask for a mark for every role in every view; one by one where answers are constrained.

        Args:
            instruction: The task.
            scene: What is shown.
            sizes: View to (height, width), pixels.

        Raises:
            ProposalError: If too many answers follow no grammar, or the model failed.
            TimeoutError: If it took too long.
            ServiceAwayError: If a server cannot be reached.
        """
        slots = slots_of(scene, self._views, self._settings.tiles)
        ask = self._asked_role_by_role if self._sampling.constrain else self._asked_at_once
        samples = ask(instruction, scene, slots)
        return agreed_marks(samples, slots, sizes, asked=self._sampling.samples)

    def _asked_at_once(
        self, instruction: str, scene: PromptedScene, slots: Sequence[Slot]
    ) -> list[dict[str, Said]]:
        text = marks_question(instruction, scene, self._views, slots)
        questions = [
            self._say(scene.picture, text, (), sample) for sample in range(self._sampling.samples)
        ]
        answers = answers_from(self._backend, questions, frames=1)

        def read(sample: int) -> dict[str, Said]:
            said = _said(answers[sample], slots)
            check_apart({key: one.label for key, one in said.items()}, slots)
            return said

        return readable(read, self._sampling, source=self._backend.spec.name)

    def _asked_role_by_role(
        self, instruction: str, scene: PromptedScene, slots: Sequence[Slot]
    ) -> list[dict[str, Said]]:
        """Ask for one mark at a time; what is the grasp or function point is no target."""
        samples: dict[int, dict[str, Said]] = {n: {} for n in range(self._sampling.samples)}
        failures: dict[int, Exception] = {}
        for role in ROLES:
            asked = [(number, slot) for number in samples for slot in slots if slot.role is role]
            questions = [
                self._say(
                    scene.picture,
                    marks_question(instruction, scene, self._views, [slot]),
                    _mark_choices(slot, samples[number]),
                    number,
                )
                for number, slot in asked
            ]
            answers = answers_from(self._backend, questions, frames=1)
            for (number, slot), answer in zip(asked, answers, strict=True):
                try:
                    samples[number] |= _said(answer, [slot])
                except UNREADABLE as error:
                    failures[number] = error
            samples = {n: said for n, said in samples.items() if n not in failures}

        def read(number: int) -> dict[str, Said]:
            if number in failures:
                raise failures[number]
            return samples[number]

        return readable(read, self._sampling, source=self._backend.spec.name)

    def look_closer(self, instruction: str, frames: Frames, chosen: Chosen) -> Chosen:
        """Ask about points that were chosen by their tile again, on an enlarged part.

        A point that is in no tile of the part stays where it was. See :meth:`choose` for what it
        raises.
        """
        looks = [
            close_up(frames[view][0], view, role, chosen.points[view, role], self._settings)
            for view, role in sorted(chosen.coarse)
        ]
        questions = [
            self._say(
                look.picture,
                closer_question(instruction, look.slot),
                _mark_choices(look.slot, {}),
                sample,
            )
            for look in looks
            for sample in range(self._sampling.samples)
        ]
        answers = answers_from(self._backend, questions, frames=1)
        points, confidences = dict(chosen.points), dict(chosen.confidences)
        count = self._sampling.samples
        for number, look in enumerate(looks):
            given, slot = answers[number * count : (number + 1) * count], look.slot

            def read(
                sample: int, given: Sequence[Answer] = given, slot: Slot = slot
            ) -> dict[str, Said]:
                return _said(given[sample], [slot])

            samples = readable(read, self._sampling, source=self._backend.spec.name)
            size = frames[slot.view].shape[1], frames[slot.view].shape[2]
            agreed = agreed_marks(samples, [slot], {slot.view: size}, asked=count)
            at = (slot.view, slot.role)
            if at in agreed.points:
                u, v = agreed.points[at]
                points[at] = (u + look.corner[0], v + look.corner[1])
                confidences[at] = min(confidences[at], agreed.confidences[at])
        return Chosen(points=points, confidences=confidences)

    def plan(
        self,
        instruction: str,
        frames: Frames,
        scene: PromptedScene,
        chosen: Chosen,
        cameras: Mapping[str, Camera],
    ) -> Agreed[tuple[Step, ...]]:
        """Ask for the way between chosen points; see :meth:`choose` for what it raises.

        Args:
            instruction: The task.
            frames: (1, H, W, 3) uint8 RGB per view.
            scene: What was shown.
            chosen: What was chosen.
            cameras: Calibrated views, for a ruler of heights on one from the side.
        """
        picture, ruled = show_chosen(
            frames, self._views, chosen.points, scene, self._settings, cameras
        )
        heights = {f"h{number}": height for number, height in enumerate(self._settings.heights)}
        text = plan_question(instruction, chosen.present, self._views, ruled, self._settings)
        choices = plan_choices(chosen.present, tuple(heights))
        questions = [
            self._say(picture, text, choices, sample) for sample in range(self._sampling.samples)
        ]
        answers = answers_from(self._backend, questions, frames=1)

        def read(sample: int) -> tuple[Step, ...]:
            text = reply_of(answers[sample]).text
            return read_plan(text, chosen.present, self._settings.tiles.names, heights)

        return agree(
            readable(read, self._sampling, source=self._backend.spec.name),
            lambda one, other: plan_distance(one, other, tiles=self._settings.tiles),
            asked=self._sampling.samples,
        )

    def _say(
        self, picture: NDArray[np.uint8], text: str, choices: tuple[str, ...], sample: int
    ) -> Say:
        return Say(
            prompt=Prompt(turns=(Turn("user", (Picture(picture), text)),)),
            max_tokens=_MAX_TOKENS,
            choices=choices if self._sampling.constrain else None,
            temperature=self._sampling.temperature,
            seed=sample,
        )


def _said(answer: Answer, slots: Sequence[Slot]) -> dict[str, Said]:
    reply = reply_of(answer)
    return {
        key: Said(label=label, probability=label_probability(reply.tokens, key, label))
        for key, label in read_marks(reply.text, slots).items()
    }


def _mark_choices(slot: Slot, said: Mapping[str, Said]) -> tuple[str, ...]:
    """Return the answers for a slot, without places that others of its view rule out."""
    taken: list[tuple[float, float]] = []
    if slot.role is Role.TARGET and said:
        labels = [said[f"{slot.view}_{role.value}"].label for role in (Role.GRASP, Role.FUNCTION)]
        taken = [at for label in labels if (at := slot.pixel(label)) is not None]
    free = [choice for choice in slot.choices if _apart(slot.pixel(choice), taken)]
    return tuple(f'{{"{slot.key}": "{choice}"}}' for choice in free)


def _apart(at: tuple[float, float] | None, taken: Sequence[tuple[float, float]]) -> bool:
    return at is None or all(math.dist(at, other) >= APART for other in taken)
