"""Checks of what ROS 2 needs: packages, the kernel's receive buffers, ROS's variables."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path

from kibble.agents.doctor.check import Check, Verdict
from kibble.rewards.errors import ConfigError
from kibble.rewards.ros.reach import domain_number, local_only

__all__ = ["check_ros"]

_PACKAGES = ("cyclonedds", "rosbags", "pyyaml")
_KERNEL = Path("/proc/sys/net")
_BUFFER_NEEDED = 4 * 1024 * 1024  # bytes; with it no raw 640x480 image was lost
_FIRST_PORT, _PORTS_OF_A_DOMAIN = 7400, 250
_OUR_MIDDLEWARE = "rmw_cyclonedds_cpp"


def check_ros(environ: Mapping[str, str], *, kernel: Path = _KERNEL) -> list[Check]:
    """Check what robots need; nothing of it is needed for anything else.

    Args:
        environ: Environment variables.
        kernel: Where the kernel tells its network settings.
    """
    return [
        *(_check_package(name) for name in _PACKAGES),
        _check_rclpy(environ),
        *_check_buffers(kernel),
        _check_middleware(environ),
        _check_domain(environ, kernel),
    ]


def _row(name: str, verdict: Verdict, found: str, remedy: str = "") -> Check:
    return Check(section="ros", name=name, verdict=verdict, found=found, remedy=remedy)


def _check_package(name: str) -> Check:
    try:
        return _row(name, Verdict.OK, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return _row(name, Verdict.NOTE, "not installed", "for ROS 2: pip install 'kibble[ros]'")


def _check_rclpy(environ: Mapping[str, str]) -> Check:
    here = [n for n in ("rclpy", "kibble_msgs", "kibble_ros") if importlib.util.find_spec(n)]
    release = environ.get("ROS_DISTRO", "of an unnamed release")
    if "rclpy" not in here:
        return _row("rclpy", Verdict.NOTE, "not in this Python; transport=dds needs none of it")
    if len(here) < 3:
        return _row(
            "rclpy",
            Verdict.NOTE,
            f"ROS 2 {release}, without kibble_msgs and kibble_ros",
            "colcon build the folder ros/, then source install/setup.bash; transport=dds works",
        )
    return _row("rclpy", Verdict.OK, f"ROS 2 {release}, with kibble_msgs and kibble_ros")


def _check_buffers(kernel: Path) -> Iterator[Check]:
    """Check how much the kernel keeps of what arrives: larger images are lost beyond it."""
    largest = kernel / "core" / "rmem_max"
    default = kernel / "core" / "rmem_default"
    if not largest.is_file():  # not Linux
        return
    size = int(largest.read_text())
    enough = size >= _BUFFER_NEEDED
    yield _row(
        "net.core.rmem_max",
        Verdict.OK if enough else Verdict.WARNING,
        f"{size} bytes" + ("" if enough else ": raw images get lost on their way"),
        ""
        if enough
        else f"sudo sysctl -w net.core.rmem_max={_BUFFER_NEEDED} (to keep it: the same setting in "
        "/etc/sysctl.d/60-ros.conf); in a container: on its host",
    )
    if default.is_file():
        size = int(default.read_text())
        yield _row(
            "net.core.rmem_default",
            Verdict.OK,
            f"{size} bytes; Cyclone DDS asks for more by itself, others may not",
        )


def _check_middleware(environ: Mapping[str, str]) -> Check:
    chosen = environ.get("RMW_IMPLEMENTATION", "")
    if chosen == _OUR_MIDDLEWARE:
        return _row("RMW_IMPLEMENTATION", Verdict.OK, chosen)
    return _row(
        "RMW_IMPLEMENTATION",
        Verdict.NOTE,
        f"{chosen or 'not set'}; transport=dds is tried with {_OUR_MIDDLEWARE} alone",
        f"where ROS runs: export RMW_IMPLEMENTATION={_OUR_MIDDLEWARE}, or transport=rclpy",
    )


def _check_domain(environ: Mapping[str, str], kernel: Path) -> Check:
    try:
        domain = domain_number(None, environ)
        reach = "this machine alone" if local_only(environ) else "other machines too"
    except ConfigError as error:
        return _row("domain", Verdict.WARNING, str(error), "export ROS_DOMAIN_ID=0")
    found = f"{domain}, {reach}"
    first = _FIRST_PORT + _PORTS_OF_A_DOMAIN * domain
    given_out = kernel / "ipv4" / "ip_local_port_range"
    if given_out.is_file():
        low, high = (int(word) for word in given_out.read_text().split())
        if low < first + _PORTS_OF_A_DOMAIN and first <= high:
            return _row(
                "domain",
                Verdict.NOTE,
                f"{found}; the kernel gives its ports ({first} and on) to other programs as well",
                "if nodes do not start: a ROS_DOMAIN_ID below 100",
            )
    return _row("domain", Verdict.OK, found)
