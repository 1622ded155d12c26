"""The tabletop suite: an arm, a table, coloured things and an instruction."""

from kibble.envs.tabletop.appearance import Appearance
from kibble.envs.tabletop.cameras import CameraPose
from kibble.envs.tabletop.env import TabletopEnv
from kibble.envs.tabletop.experts import make_expert
from kibble.envs.tabletop.goals import Goal, OracleReading

__all__ = [
    "Appearance",
    "CameraPose",
    "Goal",
    "OracleReading",
    "TabletopEnv",
    "make_expert",
]
