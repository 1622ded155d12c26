"""Registration of the environments with Gymnasium."""

from __future__ import annotations

import gymnasium

from kibble.envs.traps.definitions import TRAPS

__all__ = ["ENVIRONMENTS", "ROBOT", "register"]

ENVIRONMENTS: dict[str, tuple[str, int]] = {
    "kibble/Reach-v0": ("reach", 50),
    "kibble/Push-v0": ("push", 80),
    "kibble/PickPlace-v0": ("pick_place", 80),
    "kibble/DrawerOpen-v0": ("drawer_open", 60),
    "kibble/PegInsert-v0": ("peg_insert", 100),
    "kibble/Stack-v0": ("stack", 100),
    "kibble/DrawerClose-v0": ("drawer_close", 60),
}
"""Environment id to the tabletop task's name and the time limit in steps."""

ROBOT = "kibble/Robot-v0"
"""Id of a robot behind ROS 2 topics, which a file describes; the file has the time limit."""


def register() -> None:
    """Register every environment of the project; doing so twice does nothing."""
    for env_id, (task, steps) in ENVIRONMENTS.items():
        if env_id not in gymnasium.registry:
            gymnasium.register(
                id=env_id,
                entry_point="kibble.envs.tabletop:TabletopEnv",
                max_episode_steps=steps,
                kwargs={"task": task},
            )
    if ROBOT not in gymnasium.registry:
        gymnasium.register(id=ROBOT, entry_point="kibble.envs.robot:RobotEnv")
    for trap in TRAPS.values():
        if trap.id not in gymnasium.registry:
            gymnasium.register(
                id=trap.id,
                entry_point="kibble.envs.traps:TrapEnv",
                max_episode_steps=trap.steps,
                kwargs={"trap": trap.name},
            )
