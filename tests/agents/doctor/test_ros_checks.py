"""What the doctor says of ROS 2, on machines that are set up well and badly."""

from __future__ import annotations

from pathlib import Path

import pytest

from kibble.agents.doctor.check import Check, Verdict
from kibble.agents.doctor.ros_checks import check_ros


def _kernel(folder: Path, *, rmem_max: int = 4194304, ports: str = "32768\t60999") -> Path:
    (folder / "core").mkdir()
    (folder / "ipv4").mkdir()
    (folder / "core" / "rmem_max").write_text(f"{rmem_max}\n")
    (folder / "core" / "rmem_default").write_text("212992\n")
    (folder / "ipv4" / "ip_local_port_range").write_text(f"{ports}\n")
    return folder


def _checks(environ: dict[str, str], kernel: Path) -> dict[str, Check]:
    return {check.name: check for check in check_ros(environ, kernel=kernel)}


def test_a_machine_that_is_set_up(tmp_path: Path) -> None:
    environ = {
        "RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp",
        "ROS_DOMAIN_ID": "5",
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
    }
    checks = _checks(environ, _kernel(tmp_path))
    assert set(checks) == {
        "cyclonedds",
        "rosbags",
        "pyyaml",
        "rclpy",
        "net.core.rmem_max",
        "net.core.rmem_default",
        "RMW_IMPLEMENTATION",
        "domain",
    }
    assert {check.section for check in checks.values()} == {"ros"}
    assert checks["domain"].found == "5, this machine alone"
    assert checks["net.core.rmem_max"].found == "4194304 bytes"
    for name in ("net.core.rmem_max", "RMW_IMPLEMENTATION", "domain"):
        assert (checks[name].verdict, checks[name].remedy) == (Verdict.OK, "")


def test_a_small_receive_buffer_is_warned_of_with_the_command_that_mends_it(
    tmp_path: Path,
) -> None:
    check = _checks({}, _kernel(tmp_path, rmem_max=212992))["net.core.rmem_max"]
    assert check.verdict is Verdict.WARNING
    assert "212992 bytes: raw images get lost" in check.found
    assert "sysctl -w net.core.rmem_max=4194304" in check.remedy


@pytest.mark.parametrize("chosen", ["", "rmw_fastrtps_cpp"])
def test_another_middleware_is_noted(tmp_path: Path, chosen: str) -> None:
    check = _checks({"RMW_IMPLEMENTATION": chosen}, _kernel(tmp_path))["RMW_IMPLEMENTATION"]
    assert check.verdict is Verdict.NOTE
    assert (chosen or "not set") in check.found
    assert "rmw_cyclonedds_cpp" in check.remedy


def test_a_domain_among_the_ports_that_are_given_out_is_noted(tmp_path: Path) -> None:
    kernel = _kernel(tmp_path)
    assert _checks({"ROS_DOMAIN_ID": "100"}, kernel)["domain"].verdict is Verdict.OK
    check = _checks({"ROS_DOMAIN_ID": "150"}, kernel)["domain"]
    assert check.verdict is Verdict.NOTE
    assert "44900" in check.found


@pytest.mark.parametrize(
    "environ", [{"ROS_DOMAIN_ID": "lab"}, {"ROS_AUTOMATIC_DISCOVERY_RANGE": "OFF"}]
)
def test_variables_that_cannot_be_are_warned_of(tmp_path: Path, environ: dict[str, str]) -> None:
    check = _checks(environ, _kernel(tmp_path))["domain"]
    assert check.verdict is Verdict.WARNING
    assert next(iter(environ)) in check.found


def test_where_the_kernel_tells_nothing_nothing_is_said(tmp_path: Path) -> None:
    assert not {"net.core.rmem_max", "net.core.rmem_default"} & set(_checks({}, tmp_path))
