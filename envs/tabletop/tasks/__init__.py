"""The tasks by name."""

from __future__ import annotations

import difflib

from kibble.envs.tabletop.task import TabletopTask
from kibble.envs.tabletop.tasks.drawer_close import DrawerClose
from kibble.envs.tabletop.tasks.drawer_open import DrawerOpen
from kibble.envs.tabletop.tasks.peg_insert import PegInsert
from kibble.envs.tabletop.tasks.pick_place import PickPlace
from kibble.envs.tabletop.tasks.push import Push
from kibble.envs.tabletop.tasks.reach import Reach
from kibble.envs.tabletop.tasks.stack import Stack
from kibble.rewards.errors import ConfigError

__all__ = ["TASKS", "make_task"]

TASKS: dict[str, type[TabletopTask]] = {
    task.name: task for task in (Reach, Push, PickPlace, DrawerOpen, PegInsert, Stack, DrawerClose)
}
"""Task name to class."""


def make_task(name: str) -> TabletopTask:
    """Return the task of a name.

    Raises:
        ConfigError: If there is none.
    """
    if name not in TASKS:
        near = difflib.get_close_matches(name, TASKS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"the tasks are {', '.join(TASKS)}."
        raise ConfigError(f"`task` must be a task of the tabletop suite, got {name!r}; {hint}")
    return TASKS[name]()
