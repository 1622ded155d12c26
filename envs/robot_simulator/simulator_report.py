"""How a simulated robot is doing."""

from __future__ import annotations

from dataclasses import dataclass

from kibble.envs.robot_simulator.pace import Punctuality

__all__ = ["SimulatorReport"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorReport:
    """How a simulated robot is doing.

    Args:
        state: How well the rate of states is kept.
        pictures: How well the rate of pictures is kept.
        lost: s of physics that were left out because the machine was too slow.
        episode: Resets so far.
        successes: Episodes so far in which the task succeeded.
        success: Whether it has in this one.
        progress: The simulator's own judgement, in [0, 1].
        instruction: What the robot is asked for.
        commands: Velocities received so far.
        commanders: Publishers of velocities now.
        stopped: Whether the emergency stop is pressed.
        refusal: Why the last command that was not followed was not, or "".
    """

    state: Punctuality
    pictures: Punctuality
    lost: float
    episode: int
    successes: int
    success: bool
    progress: float
    instruction: str
    commands: int
    commanders: int
    stopped: bool
    refusal: str
