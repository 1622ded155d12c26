"""Small worlds in which agents farm a flawed reward model instead of doing the task."""

from kibble.envs.traps.definitions import TRAPS, Trap
from kibble.envs.traps.env import TrapEnv
from kibble.envs.traps.model import TrapModel, trap_model

__all__ = ["TRAPS", "Trap", "TrapEnv", "TrapModel", "trap_model"]
