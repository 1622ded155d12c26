"""The questions of a proposal: which marks, where exactly, and which way.

Worded by ourselves. What is asked for follows MOKA (Liu et al. 2024: candidate marks, a lettered
grid, grasp, function and target point in JSON) and KAGI (Lee et al. 2024, arXiv:2407.10341: a
sequence of waypoints by tile and height, a second view that shows heights).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kibble.rewards.keypoints.prompting.scene import PromptedScene
from kibble.rewards.keypoints.prompting.settings import PromptSettings
from kibble.rewards.keypoints.prompting.slots import NONE, Slot
from kibble.rewards.keypoints.roles import Role

__all__ = ["closer_question", "marks_question", "plan_question"]

_ROLES: Mapping[Role, str] = {
    Role.GRIPPER: "halfway between the tips of the robot's fingers",
    Role.GRASP: (
        "where the fingers are to take hold of the thing that the task moves, or to touch it so "
        f"as to push it; {NONE!r} if the task moves nothing but the hand"
    ),
    Role.FUNCTION: (
        "the part of the moved thing whose place decides whether the task is done, mostly the "
        f"middle of its top; {NONE!r} if the task moves nothing but the hand"
    ),
    Role.TARGET: "where that part, or else the hand, has to be when the task is done",
}


def marks_question(
    instruction: str, scene: PromptedScene, views: Sequence[str], slots: Sequence[Slot]
) -> str:
    """Ask for a mark for each slot; the text follows the picture of the scene.

    Args:
        instruction: The task.
        scene: The scene that is shown.
        views: Its views from the left.
        slots: What is asked for.
    """
    shown = "; ".join(f"{view}: {_range(scene.marks[view])}" for view in views)
    pictures = (
        f"The picture shows a robot's table from the camera {views[0]}."
        if len(views) == 1
        else f"The pictures show one table from {len(views)} cameras, from the left "
        f"{', '.join(views)}."
    )
    roles = [role for role in Role if any(slot.role is role for slot in slots)]
    meanings = "\n".join(f"- {role.value}: {_ROLES[role]}." for role in roles)
    keys = ", ".join(f'"{slot.key}": "<point>"' for slot in slots)
    tiles = slots[0].tiles
    pair = "+".join(tuple(slots[0].marks)[:2])
    return (
        f"{pictures} Small rings mark points; the number of each stands beside it ({shown}). "
        f"Over each picture lies a grid: columns {tiles.letters[0]} to {tiles.letters[-1]} from "
        f"the left, rows 1 to {tiles.rows} from the bottom, so that tiles are {tiles.names[0]} to "
        f"{tiles.names[-1]}.\n"
        f"Task of the robot: {instruction}\n"
        "Choose one point for each of these:\n"
        f"{meanings}\n"
        "A point is the number of a mark; or two numbers for halfway between two marks, such as "
        f'"{pair}"; or, in free space where no mark is near, a tile.\n'
        f"Answer {NONE!r} for a point that a camera does not show, and for all points of a thing "
        "that the task names and that is not there: never choose a thing of another colour or "
        "kind instead. grasp and function may be one point, target is another. Look for the thing "
        "that the task names and for where it is to go, say in one or two sentences which marks "
        "lie on them, and end with one JSON object:\n"
        f"{{{keys}}}"
    )


def closer_question(instruction: str, slot: Slot) -> str:
    """Ask for a tile of an enlarged part; the text follows the whole frame and the part.

    Args:
        instruction: The task.
        slot: What is asked for.
    """
    tiles = slot.tiles
    return (
        f"On the left is the picture of the camera {slot.view}; the ring is the middle of the "
        f"tile in which you placed the {slot.role.value} point. On the right is the part around "
        f"it, enlarged, under a finer grid: columns {tiles.letters[0]} to {tiles.letters[-1]} "
        f"from the left, rows 1 to {tiles.rows} from the bottom.\n"
        f"Task of the robot: {instruction}\n"
        f"{slot.role.value}: {_ROLES[slot.role]}.\n"
        f"In which tile of the right picture does it lie? {NONE!r} if in none of them. End with "
        "one JSON object:\n"
        f'{{"{slot.key}": "<tile>"}}'
    )


def plan_question(
    instruction: str,
    present: Sequence[Role],
    views: Sequence[str],
    ruled: str | None,
    settings: PromptSettings,
) -> str:
    """Ask for the way; the text follows the picture with the chosen points.

    Args:
        instruction: The task.
        present: Roles that are marked.
        views: Views from the left; the first has the grid.
        ruled: The view with the ruler, if any has.
        settings: Grid and heights.
    """
    tiles, last = settings.tiles, settings.tiles.names[-1]
    names = {height: f"h{number}" for number, height in enumerate(settings.heights)}
    heights = ", ".join(f"{name} = {100 * height:g} cm" for height, name in names.items())
    ruler = f" The dashed lines in {ruled} show them above the target." if ruled else ""
    moved = Role.FUNCTION in present
    movers = '"gripper" or "function"' if moved else '"gripper"'
    places = ", ".join(f'"{role.value}"' for role in present if role is not Role.GRIPPER)
    first = (
        "First the gripper goes to the grasp point, mostly from above it; then function, which "
        "moves with the hand, goes to the target. "
        if moved
        else ""
    )
    return (
        f"The same table with the points that were chosen: "
        f"{', '.join(role.value for role in present)}. Over {views[0]} lies a grid: columns "
        f"{tiles.letters[0]} to {tiles.letters[-1]} from the left, rows 1 to {tiles.rows} from "
        f"the bottom, so that tiles are a1 to {last}. Heights above a point: {heights}.{ruler}\n"
        f"Task of the robot: {instruction}\n"
        f"Plan the way as 1 to 8 waypoints. {first}Go around or over what is in the way. Each "
        "waypoint has\n"
        f'- "move": which point is to arrive, {movers};\n'
        f'- "to": {places} or a tile;\n'
        '- "height": one of the heights, above that;\n'
        '- "fingers": "open", "closed" or "any" on the way there.\n'
        "The last waypoint is at the target, where the task is done. End with one JSON object:\n"
        '{"waypoints": [{"move": "<point>", "to": "<place>", "height": "<height>", "fingers": '
        '"<state>"}, ...]}'
    )


def _range(marks: Mapping[str, tuple[float, float]]) -> str:
    labels = tuple(marks)
    return f"{labels[0]} to {labels[-1]}" if labels else "none"
