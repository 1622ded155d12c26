"""The doctor on this machine, and on one that is made worse."""

from __future__ import annotations

import importlib.metadata
import json
import os
from pathlib import Path

import pytest

from kibble.agents.cli import run
from kibble.agents.doctor import package_checks
from kibble.agents.doctor.check import Verdict
from kibble.agents.doctor.graphics_checks import check_graphics
from kibble.agents.doctor.machine_checks import check_machine, check_torch
from kibble.agents.doctor.package_checks import check_packages, unmet_requirements


def test_report_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    status = run(["doctor", "format=json", "seconds=0.05"])
    report = json.loads(capsys.readouterr().out)
    assert status == (0 if report["usable"] else 1)
    assert {check["section"] for check in report["checks"]} == {
        "graphics",
        "torch",
        "packages",
        "machine",
        "ros",
    }
    assert all(check["remedy"] for check in report["checks"] if check["verdict"] == "broken")


@pytest.mark.parametrize("value", ["metal", "disable"])
def test_a_broken_choice_of_the_user_is_broken(
    value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MUJOCO_GL", value)
    assert run(["doctor", "seconds=0.05"]) == 1
    text = capsys.readouterr().out
    assert f"got '{value}'" in text
    assert "Broken: graphics/chosen" in text


def test_every_failed_back_end_has_a_reason_and_a_remedy() -> None:
    environ = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
    checks = check_graphics(environ, seconds=0.05, timeout=60.0)
    assert [check.name for check in checks] == ["egl", "osmesa", "glfw", "chosen"]
    for check in checks:
        assert check.found
        assert check.verdict is Verdict.OK or check.remedy
    assert any("frames/s" in check.found for check in checks)


def test_a_back_end_that_hangs_is_given_up() -> None:
    checks = check_graphics(os.environ, seconds=0.05, timeout=0.01)
    assert any(check.found == "no answer within 0.01 s" for check in checks)
    assert checks[-1].verdict is Verdict.BROKEN


def test_requirements_outside_their_bounds_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "demanding-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: demanding\nVersion: 1.0\n"
        "Requires-Dist: numpy<1\nRequires-Dist: pytest>=1\n"
        "Requires-Dist: hypothesis<1; extra == 'never'\nRequires-Dist: not-installed-at-all\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    numpy = importlib.metadata.version("numpy")
    assert unmet_requirements("demanding") == [f"demanding 1.0 needs numpy<1, got {numpy}"]
    (unmet,) = unmet_requirements("demanding", "never")
    assert unmet.startswith("demanding 1.0 needs hypothesis<1, got ")


def test_a_torchvision_that_does_not_fit_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torchvision.py").write_text("raise RuntimeError('operator torchvision::nms')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (check,) = [check for check in check_packages() if check.name == "torchvision"]
    assert check.verdict is Verdict.WARNING
    assert "does not fit torch" in check.found
    assert "operator torchvision::nms" in check.found
    assert "from one index" in check.remedy


def test_packages_of_extras_are_looked_up_with_their_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(package_checks._EXTRAS, "no-such-package", "serve")
    checks = {check.name: check for check in check_packages()}
    assert checks["transformers"].verdict is Verdict.OK
    assert checks["no-such-package"].verdict is Verdict.NOTE
    assert checks["no-such-package"].remedy == "pip install 'kibble[serve]'"


def test_packages_of_this_environment_fit() -> None:
    checks = check_packages()
    broken = [check for check in checks if check.verdict is Verdict.BROKEN]
    assert broken == []
    assert {"python", "torch", "mujoco", "grm_tiny"} <= {check.name for check in checks}


def test_torch_and_machine(tmp_path: Path) -> None:
    names = [check.name for check in [*check_torch(), *check_machine(tmp_path)]]
    assert names[:2] == ["device", "threads"]
    assert {"cores", "disk"} <= set(names)
