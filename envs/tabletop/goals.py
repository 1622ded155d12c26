"""What can be asked for in a scene, and what the simulator knows about it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Goal", "OracleReading"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """One thing that the scene allows to be asked for.

    Args:
        index: Place in the environment's ``goals``.
        subject: Name of the element that is to be moved or reached, such as ``"cube_0"``.
        target: Name of the element it is to be brought to, or ``""`` where there is none.
    """

    index: int
    subject: str
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleReading:
    """The simulator's own judgement of the present state with respect to one goal.

    Args:
        progress: In [0, 1]; a function of the present state alone; 1 exactly where ``success``.
        stage: Index of the stage under way, from 0.
        success: Whether the goal is met at this instant, without any dwell time.
    """

    progress: float
    stage: int
    success: bool
