"""``kibble doctor``: runs every check and reports as a table or as JSON."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kibble.agents.doctor.check import Check, Verdict
from kibble.agents.doctor.config import DoctorConfig
from kibble.agents.doctor.graphics_checks import check_graphics
from kibble.agents.doctor.machine_checks import check_machine, check_torch
from kibble.agents.doctor.package_checks import check_packages
from kibble.agents.doctor.ros_checks import check_ros

__all__ = ["doctor", "run_checks"]

_WIDTH_OF_FILES = 140
_STYLES = {
    Verdict.OK: "green",
    Verdict.NOTE: "dim",
    Verdict.WARNING: "yellow",
    Verdict.BROKEN: "bold red",
}


def doctor(config: DoctorConfig) -> int:
    """Check this machine and print what was found.

    Returns:
        0 if kibble is usable here, 1 if something that it needs is broken.
    """
    checks = run_checks(config)
    usable = all(check.verdict is not Verdict.BROKEN for check in checks)
    if config.format == "json":
        rows = [dataclasses.asdict(check) for check in checks]
        print(json.dumps({"usable": usable, "checks": rows}, indent=2))
    else:
        _print_table(checks, usable=usable)
    return 0 if usable else 1


def run_checks(config: DoctorConfig) -> list[Check]:
    """Run every check, graphics first."""
    return [
        *check_graphics(os.environ, seconds=config.seconds, timeout=config.timeout),
        *check_torch(),
        *check_packages(),
        *check_machine(Path.cwd()),
        *check_ros(os.environ),
    ]


def _print_table(checks: Sequence[Check], *, usable: bool) -> None:
    console = Console()
    if not console.is_terminal:
        console.width = _WIDTH_OF_FILES
    table = Table(box=None, pad_edge=False)
    for heading in ("", "checked", "verdict", "found", "remedy"):
        table.add_column(heading, overflow="fold")
    section = ""
    for check in checks:
        if section and check.section != section:
            table.add_row()
        table.add_row(
            check.section if check.section != section else "",
            check.name,
            Text(check.verdict.value, style=_STYLES[check.verdict]),
            Text(check.found),
            Text(check.remedy),
        )
        section = check.section
    console.print(table)
    broken = [check for check in checks if check.verdict is Verdict.BROKEN]
    console.print()
    if usable:
        console.print("kibble is usable here.", style="green")
    else:
        names = ", ".join(f"{check.section}/{check.name}" for check in broken)
        console.print(f"Broken: {names}. The remedies stand beside them.", style="bold red")
