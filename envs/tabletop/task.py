"""What a task adds to the table."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from kibble.envs.tabletop.affordances import Affordances
from kibble.envs.tabletop.goals import Goal, OracleReading
from kibble.envs.tabletop.world import World
from kibble.rewards.keypoints.waypoint import Waypoint

__all__ = ["Command", "Entry", "TabletopTask", "entries", "offsets"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One number of an observation.

    Args:
        name: What it is.
        low: Least value; smaller ones are clipped.
        high: Greatest value.
        relative: Whether it is about what the instruction names, and the same wherever on the
            table the scene stands.
        fine: Where small values matter more than great ones, the value up to which they are told
            apart best; None elsewhere.
    """

    name: str
    low: float
    high: float
    relative: bool = True
    fine: float | None = None


def offsets(name: str, axes: str = "xyz", *, relative: bool = True) -> tuple[Entry, ...]:
    """Return entries for the way from one place to another, in [-0.5, 0.5] m along each axis."""
    return entries(name, 0.5, axes, relative=relative, fine=0.02)


def entries(
    name: str,
    limit: float,
    axes: str = "xyz",
    *,
    relative: bool = True,
    fine: float | None = None,
) -> tuple[Entry, ...]:
    """Return entries for the named axes of a vector with values in [-limit, limit]."""
    return tuple(
        Entry(
            name=f"{name}_{axis}",
            low=-limit,
            high=limit,
            relative=relative,
            fine=fine,
        )
        for axis in axes
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Command:
    """What a scripted expert wants next.

    Args:
        pinch: (3,) float64 m, where the pinch point should go, in the base frame.
        closing: -1 opens the fingers, +1 closes them.
        speed: Largest step, as a share of the full action, in (0, 1].
    """

    pinch: NDArray[np.float64]
    closing: float = 1.0
    speed: float = 1.0


class TabletopTask(ABC):
    """A task: things on the table, goals among them, an oracle and an expert.

    Tasks hold no state of an episode; that lives in the :class:`World` and the environment.
    """

    name: ClassVar[str]
    """Short name, as in configurations."""
    grasps: ClassVar[bool]
    """Whether the fingers obey the action; otherwise they stay closed."""
    slots: ClassVar[tuple[str, ...]]
    """Elements that get a colour, all different, by name."""
    goals: ClassVar[tuple[Goal, ...]]
    """Everything that can be asked for in a scene."""
    observations: ClassVar[tuple[Entry, ...]]
    """What :meth:`observe` returns, entry by entry."""
    plan: ClassVar[tuple[Waypoint, ...]]
    """The way on which any of the goals is reached, in terms of its keypoints."""

    @abstractmethod
    def things(self) -> str:
        """Return the MJCF of the task's bodies."""

    @abstractmethod
    def geoms(self, slot: str) -> tuple[str, ...]:
        """Return the geoms that wear a slot's colour."""

    @abstractmethod
    def place(self, world: World, rng: np.random.Generator) -> None:
        """Place the task's bodies and the hand at random for a new episode."""

    @abstractmethod
    def phrasings(self, goal: Goal, colours: Mapping[str, str]) -> tuple[str, ...]:
        """Return sentences that ask for a goal, the plainest first."""

    @abstractmethod
    def observe(self, world: World, goal: Goal) -> NDArray[np.float64]:
        """Return what the policy sees besides proprioception, as ``observations`` lists it."""

    @abstractmethod
    def oracle(self, world: World, goal: Goal) -> OracleReading:
        """Judge the present state with respect to a goal."""

    @abstractmethod
    def affordances(self, world: World, goal: Goal) -> Affordances:
        """Return where the keypoints of a goal are at present, with the task's plan."""

    @abstractmethod
    def expert(self, world: World, goal: Goal) -> Command:
        """Return what to do next to reach a goal; a function of the present state alone."""
