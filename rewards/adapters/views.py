"""Which camera fills which place of a prompt, and what stands where a camera is missing."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from kibble.rewards.errors import ConfigError
from kibble.rewards.types import Status
from kibble.rewards.vlm.prompt import Picture
from kibble.rewards.vlm.questions import Failure

__all__ = ["MISSING_VIEWS", "Slot", "ViewSlots", "view_slot"]

_LOGGER = logging.getLogger(__name__)

MISSING_VIEWS = ("repeat", "blank", "flag")
"""What stands in for a camera that is not there; see :class:`ViewSlots`."""

_USUAL = {
    "front": ("front",),
    "left wrist": ("left_wrist", "wrist_left", "wrist"),
    "right wrist": ("right_wrist", "wrist_right"),
    "third person": ("side", "third_person"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A place in a prompt that wants a picture of one view.

    Args:
        name: What people call it, such as "left wrist".
        cameras: Names of cameras that may fill it; the first that is there does.
    """

    name: str
    cameras: tuple[str, ...]


def view_slot(name: str, camera: str = "") -> Slot:
    """Make a slot that a named camera fills, or, if it has no name, one that usually does.

    ============  =====================================================
    slot          cameras by default, in this order
    ============  =====================================================
    front         ``front``
    left wrist    ``left_wrist``, ``wrist_left``, ``wrist``
    right wrist   ``right_wrist``, ``wrist_right``
    third person  ``side``, ``third_person``
    ============  =====================================================

    The only wrist camera of an arm so is the left one.

    >>> view_slot("front", "cam_high").cameras
    ('cam_high',)
    """
    return Slot(name=name, cameras=(camera,) if camera else _USUAL[name])


@final
class ViewSlots:
    """Fills the places of a prompt; the first cannot be missing.

    ==========  ===============================================================
    ``missing``  what stands in a place whose camera is not there
    ==========  ===============================================================
    ``repeat``   the picture of the first place once more
    ``blank``    a black picture of its size
    ``flag``     nothing: the frame gets the status ``MISSING_VIEW``
    ==========  ===============================================================

    What is made up is told once in the log. A camera that was there at the episode's start and is
    not any more always gives ``MISSING_VIEW``: comparing its picture with another's would mislead.

    Args:
        model: Name of the model, for logs.
        slots: The places, the most important first.
        missing: One of :data:`MISSING_VIEWS`.

    Raises:
        ConfigError: If ``missing`` is none of them, or one camera is named for two places.
    """

    def __init__(self, model: str, slots: Sequence[Slot], *, missing: str) -> None:
        if missing not in MISSING_VIEWS:
            raise ConfigError(
                f"`missing_view` must be one of {', '.join(MISSING_VIEWS)}, got {missing!r}."
            )
        cameras = [camera for slot in slots for camera in slot.cameras]
        twice = [camera for camera in cameras if cameras.count(camera) > 1]
        if twice:
            raise ConfigError(
                f"One camera fills one place of {model!r}, got {twice[0]!r} for "
                f"{' and '.join(slot.name for slot in slots if twice[0] in slot.cameras)}; name "
                "another, or leave that place to `missing_view`."
            )
        self._model = model
        self._slots = tuple(slots)
        self._missing = missing
        self._told: set[str] = set()

    @property
    def views(self) -> tuple[str, ...]:
        """All cameras that may fill a place, in order of importance."""
        return tuple(camera for slot in self._slots for camera in slot.cameras)

    @property
    def required(self) -> tuple[str, ...]:
        """The camera of the first place."""
        return self._slots[0].cameras[:1]

    def chosen(self, pictures: Mapping[str, Picture]) -> dict[str, Picture]:
        """Keep of an episode's first pictures those that fill a place, by camera."""
        return {
            camera: pictures[camera]
            for slot in self._slots
            if (camera := next((c for c in slot.cameras if c in pictures), "")) != ""
        }

    def fill(
        self, pictures: Mapping[str, Picture], cameras: Sequence[str]
    ) -> tuple[Picture, ...] | Failure:
        """Return one picture for each place.

        Args:
            pictures: By camera.
            cameras: Those that filled places at the episode's start, from :meth:`chosen`.

        Returns:
            The pictures in the order of the slots; ``MISSING_VIEW`` where there is none to show.
        """
        lost = [camera for camera in cameras if camera not in pictures]
        if lost:
            return Failure(
                status=Status.MISSING_VIEW,
                reason=f"view {lost[0]!r} was there at the episode's start, and is not now",
            )
        filled: list[Picture] = []
        for slot in self._slots:
            camera = next((c for c in slot.cameras if c in cameras), None)
            if camera is not None:
                filled.append(pictures[camera])
            elif self._missing == "flag":
                return Failure(
                    status=Status.MISSING_VIEW,
                    reason=f"no camera for the {slot.name} view, one of {', '.join(slot.cameras)}",
                )
            else:
                self._tell(slot)
                filled.append(filled[0] if self._missing == "repeat" else _blank(filled[0]))
        return tuple(filled)

    def _tell(self, slot: Slot) -> None:
        if slot.name in self._told:
            return
        self._told.add(slot.name)
        _LOGGER.warning(
            "%s: no camera for the %s view (%s); %s stands in. Name a camera, or choose "
            "missing_view=flag to have such frames count as unanswered.",
            self._model,
            slot.name,
            ", ".join(slot.cameras),
            f"the {self._slots[0].name} view" if self._missing == "repeat" else "a black picture",
        )


def _blank(like: Picture) -> Picture:
    return Picture(np.zeros_like(like.pixels))
