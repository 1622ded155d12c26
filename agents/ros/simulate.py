"""``kibble ros simulate``: a robot to rehearse with, over the wire."""

from __future__ import annotations

import contextlib
import threading
import time

from rich.console import Console

from kibble.agents.ros.simulate_config import SimulateConfig
from kibble.agents.ros.status_line import StatusLine
from kibble.agents.ros.stopping import stop_signals
from kibble.envs.robot_simulator import (
    FaultyTransport,
    SimulatedRobot,
    Simulator,
    SimulatorReport,
    SimulatorSettings,
)
from kibble.envs.tabletop.env import TabletopEnv
from kibble.rewards.ros.opening import open_transport

__all__ = ["describe", "simulate"]


def simulate(config: SimulateConfig) -> None:
    """Run a simulated robot until Ctrl-C: the command ``kibble ros simulate``.

    Raises:
        ConfigError: If a setting is not usable.
        MissingDependencyError: If there is no GL back end, or the extra ``ros`` is missing.
    """
    settings = SimulatorSettings(
        rate=config.rate,
        state_rate=config.state_rate,
        command_timeout=config.command_timeout,
        speed=config.speed,
    )
    height, width = config.image_size
    env = TabletopEnv(
        config.task, views=config.views, image_size=(height, width), dwell=config.dwell
    )
    with contextlib.ExitStack() as stack:
        stopped = stack.enter_context(stop_signals())
        stack.callback(env.close)
        transport = FaultyTransport(
            open_transport(config.transport, config.name, domain=config.domain)
        )
        stack.callback(transport.close)
        simulator = stack.enter_context(
            Simulator(
                SimulatedRobot(env, dwell=config.dwell),
                transport,
                settings=settings,
                seed=config.seed,
            )
        )
        if not config.quiet:
            Console(stderr=True, highlight=False, soft_wrap=True).print(
                f"{config.task} as /{config.name}: {', '.join(config.views)} at "
                f"{config.rate:g} Hz, {width} x {height} pixels. Ctrl-C ends it."
            )
        line = stack.enter_context(StatusLine(quiet=config.quiet))
        _watch(simulator, line, stopped, config.duration)


def describe(report: SimulatorReport) -> str:
    """Return how a simulated robot is doing, in one line."""
    parts = [
        f"{report.pictures.ticks} pictures (late p99 {1e3 * report.pictures.p99:.1f} ms, "
        f"{report.pictures.skipped} skipped)",
        f"{report.state.ticks} states (p99 {1e3 * report.state.p99:.1f} ms, "
        f"{report.state.skipped} skipped)",
        f"{report.commands} commands of {report.commanders}",
        f"{report.successes} successes in {report.episode + 1} episodes",
        f"progress {report.progress:.2f}: {report.instruction}",
    ]
    if report.lost >= 0.05:
        parts.append(f"{report.lost:.1f} s of physics left out: the machine is too slow")
    if report.stopped:
        parts.append("EMERGENCY STOP")
    if report.refusal:
        parts.append(f"refused: {report.refusal}")
    return "; ".join(parts)


def _watch(
    simulator: Simulator, line: StatusLine, stopped: threading.Event, duration: float | None
) -> None:
    """Show how the robot is doing until it is to stop."""
    end = time.monotonic() + (float("inf") if duration is None else duration)
    while not stopped.wait(min(1.0, max(end - time.monotonic(), 0.0))):
        if time.monotonic() >= end:
            break
        line.show(describe(simulator.report))
    line.show(describe(simulator.report), last=True)
