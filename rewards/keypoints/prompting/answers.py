"""What a language model answers when it chooses marks and plans a way: strict grammars."""

from __future__ import annotations

import itertools
import json
from collections.abc import Collection, Mapping, Sequence

from kibble.rewards.keypoints.errors import ProposalError
from kibble.rewards.keypoints.prompting.slots import NONE, Slot
from kibble.rewards.keypoints.prompting.step import ANY, FINGERS, Step
from kibble.rewards.keypoints.roles import Role
from kibble.rewards.vlm.readouts.errors import AnswerError
from kibble.rewards.vlm.readouts.json_text import Json, json_ending

__all__ = ["MOST_STEPS", "check_apart", "plan_choices", "read_marks", "read_plan"]

MOST_STEPS = 8
_KEYS = ("move", "to", "height", "fingers")


def read_marks(text: str, slots: Sequence[Slot]) -> dict[str, str]:
    """Read a mark, two of them, a tile, or "none", for every slot.

    The answer must end with one JSON object of exactly the slots' keys, bare or in one code
    block. Values are strings, or bare whole numbers for marks; "3+7" is halfway between two.

    Args:
        text: The model's answer.
        slots: What was asked for.

    Returns:
        Key to label.

    Raises:
        ProposalError: If the answer is anything else, naming the key and the mark.

    >>> from kibble.rewards.keypoints.prompting.tiles import Tiles
    >>> slot = Slot(
    ...     view="front", role=Role.TARGET, marks={"7": (1, 2)}, tiles=Tiles(), size=(96, 96)
    ... )
    >>> read_marks('The pad is 7. {"front_target": "7"}', [slot])
    {'front_target': '7'}
    """
    keys = {slot.key: slot for slot in slots}
    answer = _object(text, keys, "marks")
    return {key: _mark(key, answer[key], slot) for key, slot in keys.items()}


def check_apart(chosen: Mapping[str, str], slots: Sequence[Slot]) -> None:
    """Refuse one mark for two roles, except for the gripper's and for grasp with function.

    Raises:
        ProposalError: Naming the mark and both roles.
    """
    for one, other in itertools.combinations(slots, 2):
        label = chosen[one.key]
        together = {one.role, other.role}
        may = Role.GRIPPER in together or together == {Role.GRASP, Role.FUNCTION}
        if one.view == other.view and label == chosen[other.key] != NONE and not may:
            raise ProposalError(
                f"`{one.key}` and `{other.key}` must be different marks, got {label!r} for both; "
                "what moves and where it is to go are two places."
            )


def read_plan(
    text: str, present: Collection[Role], tiles: Collection[str], heights: Mapping[str, float]
) -> tuple[Step, ...]:
    """Read a way of 1 to 8 waypoints that ends at the target.

    The answer must end with ``{"waypoints": [{"move": "gripper", "to": "grasp", "height": "h1",
    "fingers": "open"}, …]}``, bare or in one code block. ``move`` is gripper or function, ``to``
    grasp, function, target or a tile, ``height`` one of those offered, ``fingers`` open, closed
    or any.

    Args:
        text: The model's answer.
        present: Roles that were marked.
        tiles: Names of tiles.
        heights: Name to metres.

    Returns:
        The steps, in order.

    Raises:
        ProposalError: If the answer is anything else, naming what is wrong.
    """
    entries = _object(text, ("waypoints",), "waypoints")["waypoints"]
    if not isinstance(entries, list) or not 1 <= len(entries) <= MOST_STEPS:
        raise ProposalError(
            f"`waypoints` must be a list of 1 to {MOST_STEPS}, got {_short(entries)}."
        )
    steps = tuple(
        _step(number, entry, present, tiles, heights) for number, entry in enumerate(entries)
    )
    if steps[-1].to != Role.TARGET.value:
        raise ProposalError(
            f"The last waypoint must go to the target, got {steps[-1].to!r}; end the way there."
        )
    return steps


def plan_choices(present: Collection[Role], heights: Sequence[str]) -> tuple[str, ...]:
    """Return the ways that a constrained answer may be: straight, pushing and carrying.

    The gripper goes to the target; or from above to the grasp point, whereupon the function point
    goes to the target, along the surface or from above.

    Args:
        present: Roles that were marked.
        heights: Names of heights, the lowest first.

    Returns:
        Answers that :func:`read_plan` reads.
    """
    target = Role.TARGET.value
    if Role.GRASP not in present:
        ways = [[(Role.GRIPPER, target, end, ANY)] for end in heights]
        return tuple(_plan_text(way) for way in ways)
    mover = Role.FUNCTION if Role.FUNCTION in present else Role.GRIPPER
    grasp = Role.GRASP.value
    ways = []
    for above, end in itertools.product(heights[1:] or heights, heights):
        approach = [(Role.GRIPPER, grasp, height) for height in (above, heights[0])]
        ways.append([(*step, ANY) for step in (*approach, (mover, target, end))])
        if heights.index(end) < heights.index(above):
            lowered = [(mover, target, height, "closed") for height in (above, end)]
            ways.append([*((*step, "open") for step in approach), *lowered])
    return tuple(_plan_text(way) for way in ways)


def _plan_text(way: Sequence[tuple[Role, str, str, str]]) -> str:
    steps = [
        {"move": mover.value, "to": to, "height": height, "fingers": fingers}
        for mover, to, height, fingers in way
    ]
    return json.dumps({"waypoints": steps})


def _object(text: str, keys: Collection[str], what: str) -> dict[str, Json]:
    try:
        value = json_ending(text, "{")
    except AnswerError as error:
        raise ProposalError(f"An answer with {what} must end with JSON: {error}") from error
    if not isinstance(value, dict) or set(value) != set(keys):
        missing = [key for key in keys if not isinstance(value, dict) or key not in value]
        unknown = [key for key in value if key not in keys] if isinstance(value, dict) else []
        raise ProposalError(
            f"An answer with {what} must have the keys {', '.join(keys)}, got {_short(value)}"
            f"{f', without {missing}' if missing else ''}"
            f"{f', with the unknown {unknown}' if unknown else ''}."
        )
    repeated = [key for key in keys if text.count(f'"{key}"') != 1]
    if repeated:
        raise ProposalError(
            f"An answer with {what} must have each key once, got {repeated} again before the "
            "last object; which one is meant?"
        )
    return value


def _mark(key: str, value: Json, slot: Slot) -> str:
    label = str(value) if type(value) is int else value
    if not isinstance(label, str) or not slot.known(label):
        tiles = f"a tile ({slot.tiles.names[0]} to {slot.tiles.names[-1]}) or '{NONE}'"
        marks = tuple(slot.marks)
        if marks:
            tiles = f"a mark ({marks[0]} to {marks[-1]}), two of them as 'mark+mark', {tiles}"
        raise ProposalError(
            f"`{key}` must be, in view {slot.view!r}, {tiles}, got {_short(value)}, which does "
            "not exist there."
        )
    return label


def _step(
    number: int,
    entry: Json,
    present: Collection[Role],
    tiles: Collection[str],
    heights: Mapping[str, float],
) -> Step:
    if not isinstance(entry, dict) or set(entry) != set(_KEYS):
        raise ProposalError(
            f"Waypoint {number} must have the keys {', '.join(_KEYS)}, got {_short(entry)}."
        )
    movers = [role.value for role in (Role.GRIPPER, Role.FUNCTION) if role in present]
    places = [role.value for role in Role if role in present and role is not Role.GRIPPER]
    allowed: dict[str, Collection[str]] = {
        "move": movers,
        "to": (*places, *tiles),
        "height": tuple(heights),
        "fingers": FINGERS,
    }
    read: dict[str, str] = {}
    for key, values in allowed.items():
        value = entry[key]
        if not isinstance(value, str) or value not in values:
            listed = (*places, "a tile") if key == "to" else values
            raise ProposalError(
                f"`{key}` of waypoint {number} must be one of {', '.join(listed)}, got "
                f"{_short(value)}, which does not exist here."
            )
        read[key] = value
    if read["move"] == read["to"]:
        raise ProposalError(
            f"Waypoint {number} must go to another point than the one that moves, got "
            f"{read['to']!r} for both."
        )
    return Step(
        mover=Role(read["move"]),
        to=read["to"],
        height=heights[read["height"]],
        fingers=read["fingers"],
    )


def _short(value: Json) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}…"
