"""``kibble ros record``: topics of a ROS 2 graph into a bag, without ROS."""

from __future__ import annotations

import contextlib
import threading
import time
from datetime import datetime
from pathlib import Path

from rich.console import Console

from kibble.agents.ros.record_config import RecordConfig
from kibble.agents.ros.status_line import StatusLine
from kibble.agents.ros.stopping import stop_signals
from kibble.rewards.errors import BagError
from kibble.rewards.ros.bags.bag_writer import BagWriter
from kibble.rewards.ros.bags.recorder import Recorder, RecordingReport
from kibble.rewards.ros.dds.dds_transport import DdsTransport

__all__ = ["describe", "record"]


def record(config: RecordConfig) -> None:
    """Record until Ctrl-C: the command ``kibble ros record``.

    Raises:
        BagError: If the bag exists already, or nothing was heard.
        ConfigError: If a setting is not usable.
        MissingDependencyError: If the extra ``ros`` is missing.
    """
    output = Path(config.output) if config.output else _dated()
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with contextlib.ExitStack() as stack:
        stopped = stack.enter_context(stop_signals())
        transport = stack.enter_context(
            contextlib.closing(DdsTransport(config.name, domain=config.domain))
        )
        writer = stack.enter_context(BagWriter(output))
        if not config.quiet:
            console.print(f"Recording {', '.join(config.topics)} into {output}. Ctrl-C ends it.")
        limit = config.memory_mb * 2**20
        with (
            Recorder(transport, writer, patterns=config.topics, limit=limit) as recorder,
            StatusLine(quiet=config.quiet, console=console) as line,
        ):
            _watch(recorder, line, stopped, config.duration)
        report = recorder.report
        if not any(report.counts.values()):
            writer.discard()
            raise BagError(
                f"A recording must hear something, got no message on {', '.join(config.topics)} "
                f"in {transport.surroundings}; check `topics` and `domain`, and that what "
                f"publishes runs. '{output}' was not made."
            )
    if not config.quiet:
        console.print(f"Recorded {describe(report)}: {output}")


def describe(report: RecordingReport) -> str:
    """Return what was recorded so far, in one line."""
    heard = sum(count > 0 for count in report.counts.values())
    parts = [
        f"{sum(report.counts.values())} messages of {heard} topics",
        f"{report.size / 1e6:.1f} MB",
    ]
    silent = sorted(topic for topic, count in report.counts.items() if not count)
    if silent:
        parts.append(f"nothing on {', '.join(silent)}")
    if report.unknown:
        kinds = ", ".join(f"{topic} ({kind})" for topic, kind in sorted(report.unknown.items()))
        parts.append(f"not recorded, of a type that is not known here: {kinds}")
    if report.lost:
        parts.append(f"{report.lost} LEFT OUT: the disk is too slow")
    return "; ".join(parts)


def _dated() -> Path:
    return Path("bags") / f"{datetime.now():%Y%m%d-%H%M%S}.mcap"


def _watch(
    recorder: Recorder, line: StatusLine, stopped: threading.Event, duration: float | None
) -> None:
    """Record until it is time to stop."""
    end = float("inf") if duration is None else time.monotonic() + duration
    next_line = 0.0
    while not stopped.is_set() and time.monotonic() < end:
        recorder.poll()
        if time.monotonic() >= next_line:
            next_line = time.monotonic() + 1.0
            line.show(describe(recorder.report))
