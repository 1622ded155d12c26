"""The colcon packages as far as they can be checked without ROS."""

from __future__ import annotations

import ast
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

import kibble

_ROS = Path(__file__).parents[2] / "ros"
_PACKAGES = ("kibble_msgs", "kibble_ros")
_SOURCES = sorted((_ROS / "kibble_ros").rglob("*.py"))


def _package(name: str) -> ElementTree.Element:
    return ElementTree.parse(_ROS / name / "package.xml").getroot()


def _texts(name: str, *tags: str) -> set[str]:
    return {str(element.text) for tag in tags for element in _package(name).iter(tag)}


def _imported(path: Path) -> set[str]:
    """Return the packages that a module imports, at any depth."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(str(node.module))
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("name", _PACKAGES)
def test_a_package_says_what_it_is(name: str) -> None:
    root = _package(name)
    assert (root.attrib["format"], root.findtext("name")) == ("3", name)
    assert root.findtext("version") == kibble.__version__
    assert root.findtext("license") == "Apache-2.0"
    assert root.find("maintainer").attrib["email"]


def test_both_build_systems() -> None:
    assert _package("kibble_msgs").findtext("export/build_type") == "ament_cmake"
    assert _package("kibble_ros").findtext("export/build_type") == "ament_python"
    assert "rosidl_interface_packages" in _texts("kibble_msgs", "member_of_group")


def test_every_definition_is_generated_and_its_packages_are_depended_on() -> None:
    folder = _ROS / "kibble_msgs"
    listed = set(
        re.findall(r'"((?:msg|srv)/\w+\.(?:msg|srv))"', (folder / "CMakeLists.txt").read_text())
    )
    present = {
        str(path.relative_to(folder))
        for kind in ("msg", "srv")
        for path in (folder / kind).glob(f"*.{kind}")
    }
    assert listed == present
    used = set()
    for path in present:
        used |= set(re.findall(r"^(\w+)/\w+", (folder / path).read_text(), re.MULTILINE))
    assert used == _texts("kibble_msgs", "depend")


def test_what_is_imported_is_depended_on() -> None:
    keys = {"numpy": "python3-numpy", "kibble": None}
    imported = set().union(*map(_imported, (_ROS / "kibble_ros" / "kibble_ros").glob("*.py")))
    known = {"kibble_ros", *sys.stdlib_module_names}
    wanted = {keys.get(name, name) for name in imported - known} - {None}
    assert wanted <= _texts("kibble_ros", "exec_depend")


def test_messages_that_the_node_uses_are_depended_on() -> None:
    node = Path(kibble.__file__).parent / "rewards" / "node"
    text = (node / "wiring.py").read_text() + (_ROS.parent / "rewards/ros/images.py").read_text()
    used = set(re.findall(r"\b(\w+_msgs)/(?:msg|srv)/", text))
    assert used
    assert used <= _texts("kibble_ros", "exec_depend")


def test_versions_of_setup_and_package_agree() -> None:
    setup = (_ROS / "kibble_ros" / "setup.py").read_text()
    assert f'version="{kibble.__version__}"' in setup
    assert "reward_node = {NAME}.reward_node:main" in setup


@pytest.mark.parametrize("path", _SOURCES, ids=lambda path: path.name)
def test_no_module_is_long_and_all_say_their_licence(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) < 250
    assert all(len(line) < 100 for line in lines)  # ament_flake8
    if path.name != "setup.py":
        assert lines[0].startswith("# Copyright")


def test_the_node_needs_no_torch_and_no_cv_bridge() -> None:
    for path in _SOURCES:
        assert not _imported(path) & {"torch", "cv2", "cv_bridge", "cyclonedds", "rosbags"}, path
