"""Which waypoint is next: reached, skipped, and lost again.

- A waypoint is reached within the tolerance; one that only leads to the next, which belongs to the
  same anchor, within ``VIA`` tolerances. The next stage begins where its own points are known.
- Waypoints above one and the same anchor are only ways to come there, so that the last of them,
  reached first, stands for all. The function point on the target is the end, however it came
  there.
- With ``fall_back`` a stage can be lost again. While the function point is what moves, the
  gripper is to stay where it took hold; and between two waypoints of one mover, that is to stay
  near the straight line. Who is ``RELEASE`` tolerances away for more than ``PATIENCE`` frames is
  back at the stage that leads there. Reaching takes one tolerance and losing three, so that noise
  between the two changes nothing. A thing within ``ARRIVING`` tolerances of where it is to go may
  be let go; and where to push a thing from means little there.

A stage keeps its length when it is lost and entered again: then the potential depends on where
things are, and what falling back costs is what coming back pays.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.errors import ConfigError
from kibble.rewards.keypoints.path_potential import closeness, path_potential
from kibble.rewards.keypoints.roles import Role
from kibble.rewards.keypoints.waypoint import Waypoint

__all__ = [
    "ARRIVING",
    "PATIENCE",
    "RELEASE",
    "VIA",
    "Rules",
    "Stage",
    "follow",
    "next_waypoint",
    "stage_potential",
]

RELEASE = 3.0  # tolerances within which what was reached stays reached
VIA = 2.0  # tolerances within which a waypoint is reached that leads to the next
ARRIVING = 2.0  # tolerances within which a thing need not be held any more
PATIENCE = 2  # frames that something may be further away, by a wrong reading
_FLOOR = 2.0  # tolerances that a stage is at least long
_ROOM = 1.5  # start distances at which the first stage has its zero: room to go the wrong way


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """When a waypoint is reached and lost.

    Args:
        tolerance: Distance that counts as reached, > 0, in the unit of the path.
        fall_back: Whether a stage can be lost again.

    Raises:
        ConfigError: If the tolerance is not a number above 0.
    """

    tolerance: float
    fall_back: bool = True

    def __post_init__(self) -> None:
        if not 0.0 < self.tolerance < math.inf:
            raise ConfigError(
                f"`tolerance` of a waypoint must be above 0 and finite, got {self.tolerance}."
            )

    def reaches(self, waypoints: tuple[Waypoint, ...], at: int) -> float:
        """Return the distance that counts as reached of one waypoint."""
        via = at + 1 < len(waypoints) and _same_place(waypoints[at], waypoints[at + 1])
        return VIA * self.tolerance if via else self.tolerance


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """How far a way has been gone.

    Args:
        reached: Waypoints reached, 0 to W.
        lengths: W of them: distance at which each stage's closeness is 0, NaN where it was never
            entered.
        outside: Frames in a row that what should be held was not.
    """

    reached: int
    lengths: tuple[float, ...]
    outside: int = 0

    @classmethod
    def at_start(cls, stages: int) -> Stage:
        """Return the state before the first frame."""
        return cls(reached=0, lengths=(math.nan,) * stages)

    def plain(self) -> dict[str, object]:
        """Return the state as plain data; see :meth:`restored`."""
        return {
            "reached": self.reached,
            "lengths": list(self.lengths),
            "outside": self.outside,
        }

    @classmethod
    def restored(cls, plain: Mapping[str, Any]) -> Stage:
        """Return the state that :meth:`plain` described."""
        return cls(
            reached=int(plain["reached"]),
            lengths=tuple(plain["lengths"]),
            outside=int(plain["outside"]),
        )


def next_waypoint(stage: Stage) -> int:
    """Return the place of the waypoint that is next; the last one where all were reached."""
    return min(stage.reached, len(stage.lengths) - 1)


def follow(
    stage: Stage,
    waypoints: tuple[Waypoint, ...],
    gaps: NDArray[np.float64],
    rules: Rules,
) -> Stage:
    """Return the state after one more frame.

    Args:
        stage: The state before.
        waypoints: The way, W waypoints.
        gaps: (W, D) mover less waypoint, NaN where unknown.
        rules: When a waypoint is reached and lost.

    Returns:
        The state. Where the next waypoint's gap is not known nothing changes.
    """
    if not np.isfinite(gaps[next_waypoint(stage)]).all():
        return stage
    if rules.fall_back:
        back = _lost_to(stage.reached, waypoints, gaps, rules)
        outside = stage.outside + 1 if back < stage.reached else 0
        if outside > PATIENCE:
            while back < stage.reached:
                stage = replace(stage, reached=back)
                back = _lost_to(stage.reached, waypoints, gaps, rules)
            outside = 0
        stage = replace(stage, outside=outside)
    distances = np.linalg.norm(gaps, axis=1)  # (W,)
    stage = _entered(stage, waypoints, distances, rules)
    while (ahead := _reached(stage.reached, waypoints, distances, rules)) is not None:
        stage = _entered(replace(stage, reached=ahead), waypoints, distances, rules)
    return stage


def stage_potential(
    stage: Stage, waypoints: tuple[Waypoint, ...], gaps: NDArray[np.float64], rules: Rules
) -> float:
    """Return the potential, in [0, 1], of a state that :func:`follow` gave for the same gaps.

    The next waypoint's gap must be known.
    """
    at = next_waypoint(stage)
    near = closeness(
        float(np.linalg.norm(gaps[at])),
        length=stage.lengths[at],
        tolerance=rules.reaches(waypoints, at),
    )
    return path_potential(stage.reached, len(stage.lengths), near)


def _entered(
    stage: Stage, waypoints: tuple[Waypoint, ...], distances: NDArray[np.float64], rules: Rules
) -> Stage:
    """Set the length of the present stage where it has none yet."""
    at = next_waypoint(stage)
    if not math.isnan(stage.lengths[at]):
        return stage
    length = max(float(distances[at]), _FLOOR * rules.reaches(waypoints, at))
    length *= _ROOM if at == 0 else 1.0
    lengths = (*stage.lengths[:at], length, *stage.lengths[at + 1 :])
    return replace(stage, lengths=lengths)


def _reached(
    at: int, waypoints: tuple[Waypoint, ...], distances: NDArray[np.float64], rules: Rules
) -> int | None:
    """Return the stage that begins now, or None where the present one goes on."""
    last = len(waypoints) - 1
    if at > last:
        return None
    if distances[last] <= rules.tolerance and _ends_the_task(waypoints[last]):
        return last + 1
    found = None
    for ahead in range(at, last + 1):
        if ahead > at and not _same_place(waypoints[at], waypoints[ahead]):
            break
        known = ahead == last or bool(np.isfinite(distances[ahead + 1]))
        if distances[ahead] <= rules.reaches(waypoints, ahead) and known:
            found = ahead + 1
    return found


def _lost_to(
    at: int, waypoints: tuple[Waypoint, ...], gaps: NDArray[np.float64], rules: Rules
) -> int:
    """Return the stage to which the present one is lost by one condition; itself where none."""
    release = RELEASE * rules.tolerance
    if at == 0:
        return at
    if at == len(waypoints):
        return at - 1 if _far(gaps[-1], release) else at
    if waypoints[at].mover is Role.FUNCTION and _far(gaps[at], ARRIVING * rules.tolerance):
        held = [i for i in range(at) if waypoints[i].mover is Role.GRIPPER]
        if held and _far(gaps[held[-1]], release):
            return held[-1]
    if waypoints[at - 1].mover is waypoints[at].mover and _off_line(
        gaps[at - 1 : at + 1], release
    ):
        return at - 1
    return at


def _far(gap: NDArray[np.float64], release: float) -> bool:
    return float(np.linalg.norm(gap)) > release  # NaN compares false: unknown is not lost


def _off_line(ends: NDArray[np.float64], release: float) -> bool:
    """Whether the origin is further than that from the line between two points, (2, D)."""
    line = ends[1] - ends[0]
    share = -float(ends[0] @ line) / max(float(line @ line), 1e-12)
    return _far(ends[0] + min(max(share, 0.0), 1.0) * line, release)


def _same_place(one: Waypoint, other: Waypoint) -> bool:
    return one.mover is other.mover and one.anchor is other.anchor is not None


def _ends_the_task(waypoint: Waypoint) -> bool:
    return waypoint.mover is Role.FUNCTION and waypoint.anchor is Role.TARGET
