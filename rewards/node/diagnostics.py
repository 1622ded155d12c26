"""What a node says of its health: entries of ``diagnostic_msgs/msg/DiagnosticArray``."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import final

from kibble.rewards.node.camera_watch import CameraWatch
from kibble.rewards.node.episodes import EpisodeMachine
from kibble.rewards.node.node_clock import NodeClock
from kibble.rewards.node.scorer import Scored, Scorer
from kibble.rewards.node.synchroniser import Arrival
from kibble.rewards.node.verdict import Verdict
from kibble.rewards.ros.clock import stamp_fields
from kibble.rewards.ros.transport import Fields
from kibble.rewards.types import Status

__all__ = [
    "Diagnostic",
    "Level",
    "camera_diagnostic",
    "diagnostic_array",
    "model_diagnostic",
    "reward_diagnostic",
]


class Level(enum.IntEnum):
    """As in ``diagnostic_msgs/msg/DiagnosticStatus``."""

    OK = 0
    WARN = 1
    ERROR = 2
    STALE = 3


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One entry.

    Args:
        name: Of what it is about.
        level: How bad it is.
        message: One sentence; "" only where all is well.
        values: Key to value.
    """

    name: str
    level: Level
    message: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


def camera_diagnostic(watch: CameraWatch, *, trouble: str, rate: float) -> Diagnostic:
    """Return the entry of one camera.

    Args:
        watch: What is known of it.
        trouble: Why its view cannot be used; "" if it can.
        rate: Hz of publication.
    """
    height, width = watch.size
    doubts = watch.doubts(rate)
    level = Level.ERROR if trouble else Level.WARN if doubts else Level.OK
    return Diagnostic(
        name=f"camera {watch.view}",
        level=level,
        message=trouble or "; ".join(doubts),
        values={
            "topic": watch.camera.topic,
            "publishers": "unknown" if watch.publishers is None else str(watch.publishers),
            "images": str(watch.images),
            "rate (Hz)": f"{watch.rate:.1f}",
            "size": f"{width}x{height}",
            "decoding (ms)": f"{1e3 * watch.decode_time:.2f}",
            "duplicate stamps": str(watch.arrivals[Arrival.DUPLICATE]),
            "reordered stamps": str(watch.arrivals[Arrival.REORDERED]),
            "stamps set back": str(watch.arrivals[Arrival.JUMPED_BACK]),
            "unusable images": str(watch.unusable),
        },
    )


def model_diagnostic(scorer: Scorer, latest: Scored | None, reading_for: float) -> Diagnostic:
    """Return the entry of the reward model.

    Args:
        scorer: What asks it.
        latest: The newest reading, if there is one.
        reading_for: s for which it has been reading; 0 where it is not.
    """
    spec = scorer.model.spec
    failed = latest is not None and latest.reading.status is not Status.OK
    message = ""
    if latest is not None and failed:
        message = f"{latest.reading.status.name}: {latest.reading.reason}"
    return Diagnostic(
        name="reward model",
        level=Level.ERROR if failed else Level.OK,
        message=message,
        values={
            "model": spec.name,
            "version": spec.version,
            "failed readings": str(scorer.failures),
            "last reading (ms)": "" if latest is None else f"{1e3 * latest.model_time:.1f}",
            "reading for (s)": f"{reading_for:.2f}",
        },
    )


def reward_diagnostic(
    episodes: EpisodeMachine, verdict: Verdict, *, said: Mapping[Status, int], clock: NodeClock
) -> Diagnostic:
    """Return the entry of the rewards that are published.

    Args:
        episodes: Which one runs.
        verdict: That of the last message.
        said: How many messages had each status.
        clock: The node's.
    """
    level = Level.OK
    if episodes.running and verdict.status is not Status.OK:
        level = Level.STALE if verdict.status is Status.STALE else Level.ERROR
    message = verdict.text
    if level is Level.OK and clock.set_back:
        level, message = Level.WARN, f"The clock was set back by {clock.set_back:.1f} s."
    counts = {f"{status.name} messages": str(said.get(status, 0)) for status in Status}
    return Diagnostic(
        name="rewards",
        level=level,
        message=message,
        values={
            "episode": episodes.episode,
            "state": episodes.state.name,
            "outcome": episodes.outcome.name,
            "confirmed by": episodes.confirmed_by,
            "task": episodes.task,
            "clock set back": str(clock.jumps),
            **counts,
        },
    )


def diagnostic_array(entries: Sequence[Diagnostic], *, node: str, stamp: int) -> Fields:
    """Return the fields of a ``DiagnosticArray``.

    Args:
        entries: What is to be said.
        node: The node's name, which comes before each entry's.
        stamp: Now, ns.
    """
    return {
        "header": {"stamp": stamp_fields(stamp), "frame_id": ""},
        "status": [
            {
                "level": int(entry.level),
                "name": f"{node}: {entry.name}",
                "message": entry.message or "OK",
                "hardware_id": "",
                "values": [{"key": key, "value": text} for key, text in entry.values.items()],
            }
            for entry in entries
        ],
    }
