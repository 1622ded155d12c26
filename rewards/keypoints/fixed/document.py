"""Marked keypoints as plain data: the form that the YAML file and the clicking page share."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from typing import TypeGuard

from kibble.rewards.errors import ConfigError
from kibble.rewards.keypoints.errors import ProposalError
from kibble.rewards.keypoints.fixed.scene import MarkedScene
from kibble.rewards.keypoints.proposal import Keypoint, Proposal, require_apart
from kibble.rewards.keypoints.roles import Role
from kibble.rewards.keypoints.waypoint import GripperState, Waypoint

__all__ = ["FORM", "as_document", "read_document"]

FORM = 1
"""Number of the form, under the key ``kibble_keypoints``."""

_MOVERS = (Role.GRIPPER.value, Role.FUNCTION.value)
_ROLES = tuple(role.value for role in Role)
_STATES = tuple(state.value for state in GripperState)


def as_document(scene: MarkedScene) -> dict[str, object]:
    """Write a scene as numbers, strings, lists and mappings; pixels to a hundredth."""
    proposal = scene.proposal
    document: dict[str, object] = {"kibble_keypoints": FORM}
    if scene.instruction is not None:
        document["instruction"] = scene.instruction
    document["views"] = {
        view: {"width": width, "height": height}
        for view, (height, width) in proposal.sizes.items()
    }
    document["keypoints"] = {
        role.value: _rounded(proposal.keypoints[role].pixels)
        for role in Role
        if role in proposal.keypoints
    }
    document["waypoints"] = [
        {
            "move": waypoint.mover.value,
            "to": _rounded(waypoint.pixels) if waypoint.anchor is None else waypoint.anchor.value,
            "height": round(float(waypoint.height), 4),
            "gripper": waypoint.gripper.value,
        }
        for waypoint in proposal.waypoints
    ]
    return document


def read_document(document: object, *, name: str) -> MarkedScene:
    """Read what :func:`as_document` writes, or somebody by hand.

    Args:
        document: The plain data. Needed are ``kibble_keypoints: 1``, ``views`` (name to
            ``{width, height}``), ``keypoints`` (role to view to ``[u, v]``) and ``waypoints``, a
            list of ``{move, to, height, gripper}``; height (0, m) and gripper (any) may be left
            out, ``instruction`` too.
        name: Where it comes from, for error texts and as the proposal's source.

    Raises:
        ConfigError: If a key is unknown or missing or has a bad value, a point lies outside its
            picture, or two points lie on one spot.
    """
    known = ("kibble_keypoints", "instruction", "views", "keypoints", "waypoints")
    whole = _mapping(document, "the whole file", name, known, optional=("instruction",))
    if whole["kibble_keypoints"] != FORM or isinstance(whole["kibble_keypoints"], bool):
        raise ConfigError(
            f"{name}: `kibble_keypoints` must be {FORM}, got {whole['kibble_keypoints']!r}; this "
            "version of kibble knows that form alone."
        )
    instruction = whole.get("instruction")
    if instruction is not None and not (isinstance(instruction, str) and instruction.strip()):
        raise ConfigError(
            f"{name}: `instruction` must be a sentence, got {instruction!r}; leave the key out "
            "where the keypoints are good for any."
        )
    try:
        proposal = Proposal(
            keypoints=_keypoints(whole["keypoints"], name),
            waypoints=_waypoints(whole["waypoints"], name),
            sizes=_sizes(whole["views"], name),
            source=name,
        )
        require_apart(proposal)
    except ProposalError as error:
        raise ConfigError(f"{name}: {error}") from error
    return MarkedScene(proposal=proposal, instruction=instruction)


def _sizes(value: object, name: str) -> dict[str, tuple[int, int]]:
    sizes = {}
    for view, size in _mapping(value, "views", name).items():
        sides = _mapping(size, f"views.{view}", name, ("width", "height"))
        for side, pixels in sides.items():
            if isinstance(pixels, bool) or not isinstance(pixels, int) or pixels < 1:
                raise ConfigError(
                    f"{name}: `views.{view}.{side}` must be a whole number of pixels, got "
                    f"{pixels!r}; write the size of the picture that was marked."
                )
        sizes[view] = (int(str(sides["height"])), int(str(sides["width"])))
    return sizes


def _keypoints(value: object, name: str) -> dict[Role, Keypoint]:
    marked = _mapping(value, "keypoints", name, _ROLES, optional=_ROLES)
    return {
        role: Keypoint(pixels=_pixels(marked[role.value], f"keypoints.{role.value}", name))
        for role in Role
        if role.value in marked
    }


def _waypoints(value: object, name: str) -> tuple[Waypoint, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ConfigError(
            f"{name}: `waypoints` must be a list, got {value!r}; write one step of the way a line."
        )
    return tuple(
        _waypoint(step, f"waypoints[{number}]", name) for number, step in enumerate(value)
    )


def _waypoint(value: object, key: str, name: str) -> Waypoint:
    known = ("move", "to", "height", "gripper")
    step = _mapping(value, key, name, known, optional=("height", "gripper"))
    goal, height = step["to"], step.get("height", 0.0)
    if not _is_number(height):
        raise ConfigError(
            f"{name}: `{key}.height` must be a number of metres, got {height!r}; write 0.06."
        )
    mover = Role(_one_of(step["move"], _MOVERS, f"{key}.move", name))
    anchor = Role(_one_of(goal, _ROLES, f"{key}.to", name)) if isinstance(goal, str) else None
    pixels = {} if anchor is not None else _pixels(goal, f"{key}.to", name)
    state = GripperState(_one_of(step.get("gripper", "any"), _STATES, f"{key}.gripper", name))
    try:
        return Waypoint(
            mover=mover, anchor=anchor, pixels=pixels, height=float(height), gripper=state
        )
    except ConfigError as error:
        raise ConfigError(f"{name}: `{key}`: {error}") from error


def _pixels(value: object, key: str, name: str) -> dict[str, tuple[float, float]]:
    pixels = {}
    for view, pixel in _mapping(value, key, name).items():
        pair = list(pixel) if isinstance(pixel, Sequence) and not isinstance(pixel, str) else []
        numbers = [float(number) for number in pair if _is_number(number)]
        if len(pair) != 2 or len(numbers) != 2:
            raise ConfigError(
                f"{name}: `{key}.{view}` must be [u, v] in pixels, to the right and downwards, "
                f"got {pixel!r}."
            )
        pixels[view] = (numbers[0], numbers[1])
    return pixels


def _mapping(
    value: object,
    key: str,
    name: str,
    known: Sequence[str] | None = None,
    optional: Sequence[str] = (),
) -> Mapping[str, object]:
    """Return a mapping with the known keys, those that are not optional all there."""
    if not isinstance(value, Mapping) or not value:
        raise ConfigError(
            f"{name}: `{key}` must be a mapping with entries, got {value!r}; see "
            "docs/keypoints.md."
        )
    for word in value:
        if not isinstance(word, str):
            raise ConfigError(f"{name}: keys of `{key}` must be names, got {word!r}; quote it.")
        if known is not None and word not in known:
            near = difflib.get_close_matches(word, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}."
            raise ConfigError(f"{name}: `{key}` has an unknown entry {word!r}; {hint}")
    for word in known or ():
        if word not in optional and word not in value:
            raise ConfigError(f"{name}: `{key}` must have an entry {word!r}, got none; add it.")
    return value


def _one_of(value: object, known: Sequence[str], key: str, name: str) -> str:
    if value not in known:
        raise ConfigError(f"{name}: `{key}` must be one of {', '.join(known)}, got {value!r}.")
    return str(value)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _rounded(pixels: Mapping[str, tuple[float, float]]) -> dict[str, list[float]]:
    return {view: [round(float(u), 2), round(float(v), 2)] for view, (u, v) in pixels.items()}
