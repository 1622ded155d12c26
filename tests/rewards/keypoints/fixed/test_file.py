from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rewards.keypoints.fixed.marked import marked_scene

from kibble.rewards.errors import ConfigError, MissingDependencyError
from kibble.rewards.keypoints.fixed.file import as_text, read_file, write_file
from kibble.rewards.keypoints.fixed.scene import MarkedScene
from kibble.rewards.keypoints.proposal import Keypoint, Proposal
from kibble.rewards.keypoints.roles import Role
from kibble.rewards.keypoints.waypoint import Waypoint

GOOD = as_text(marked_scene())


def changed(tmp_path: Path, old: str, new: str) -> Path:
    assert old in GOOD
    path = tmp_path / "marks.yaml"
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    return path


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "marks.yaml"
    for scene in (marked_scene(), marked_scene(instruction=None)):
        write_file(path, scene)
        assert read_file(path) == scene
    assert [entry.name for entry in path.parent.iterdir()] == ["marks.yaml"]


@given(
    instruction=st.text(st.characters(exclude_categories=("C", "Z")), min_size=1),
    view=st.text(st.characters(exclude_categories=("C",)), min_size=1),
    u=st.floats(0, 96),
    height=st.floats(-1, 1),
)
def test_any_words_and_numbers_survive(
    tmp_path_factory: pytest.TempPathFactory, instruction: str, view: str, u: float, height: float
) -> None:
    pixels = {view: (u, 10.0)}
    proposal = Proposal(
        keypoints={
            Role.GRIPPER: Keypoint(pixels=pixels),
            Role.TARGET: Keypoint(pixels={view: (1.5, 90.0)}),
        },
        waypoints=(Waypoint(mover=Role.GRIPPER, anchor=Role.TARGET, height=height),),
        sizes={view: (96, 96)},
        source="marks.yaml",
    )
    path = tmp_path_factory.mktemp("marks") / "marks.yaml"
    write_file(path, MarkedScene(proposal=proposal, instruction=instruction))
    again = read_file(path)
    assert again.instruction == instruction
    assert again.proposal.keypoints[Role.GRIPPER].pixels[view] == pytest.approx((u, 10), abs=0.006)
    assert again.proposal.waypoints[0].height == pytest.approx(height, abs=1e-4)


def test_optional_keys_may_be_left_out(tmp_path: Path) -> None:
    path = changed(tmp_path, "to: grasp, height: 0.06, gripper: open", "to: grasp")
    assert read_file(path).proposal.waypoints[0].height == 0.0


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("kibble_keypoints: 1", "kibble_keypoints: 2", "`kibble_keypoints` must be 1, got 2"),
        ("instruction:", "instructions:", "unknown entry 'instructions'; did you mean 'instruct"),
        ('instruction: "push the red cube onto the green pad"', "instruction: ' '", "a sentence"),
        ("  grasp:", "  grip:", "`keypoints` has an unknown entry 'grip'"),
        ("  target:", "  grasp:", "key 'grasp' is given twice"),
        ("  gripper: {front: [48.0, 20.25]", "  gripper: {front: [48.0]", "must be \\[u, v\\]"),
        ("[48.0, 20.25]", "[.nan, 20.25]", "`keypoints.gripper.front` must be \\[u, v\\]"),
        ("[48.0, 20.25]", "[yes, 20.25]", "`keypoints.gripper.front` must be \\[u, v\\]"),
        ("[48.0, 20.25]", "[98.0, 20.25]", "'gripper' must lie inside view 'front'"),
        ("[70.5, 80.0], side: [60.0, 70.0]", "[44.2, 55.0]", "'function' and 'target' must lie"),
        ("side: {width: 128, height: 96}", "back: {width: 9, height: 9}", "view 'side', whose"),
        ("{width: 128, height: 96}", "{width: 128.5, height: 96}", "`views.side.width` must be"),
        ("{width: 128, height: 96}", "{width: 128}", "`views.side` must have an entry 'height'"),
        ("move: gripper", "move: target", "`waypoints\\[0\\].move` must be one of"),
        ("to: target", "to: pad", "`waypoints\\[3\\].to` must be one of"),
        ("to: target", "to: function", "`waypoints\\[3\\]`: `anchor`"),
        ("height: 0.06", "height: high", "`waypoints\\[0\\].height` must be a number of metres"),
        ("height: 0.06", "height: .inf", "`waypoints\\[0\\].height` must be a number of metres"),
        ("gripper: open", "gripper: shut", "`waypoints\\[0\\].gripper` must be one of"),
        ("waypoints:", "waypoints: []\nmore:", "unknown entry 'more'"),
        ("instruction: ", "instruction: [", "must be YAML"),
    ],
)
def test_errors_name_file_and_key(tmp_path: Path, old: str, new: str, text: str) -> None:
    path = changed(tmp_path, old, new)
    with pytest.raises(ConfigError, match=text) as raised:
        read_file(path)
    assert "marks.yaml" in str(raised.value)


def test_a_file_without_a_way_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "marks.yaml"
    path.write_text(GOOD[: GOOD.index("waypoints:")] + "waypoints: []\n")
    with pytest.raises(ConfigError, match="at least one waypoint"):
        read_file(path)


@pytest.mark.parametrize("content", [b"", b"- 1", b"\xff\xfe\x00", b"a" * 1_000_001])
def test_what_is_no_such_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "marks.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"marks\.yaml"):
        read_file(path)


def test_missing_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing there at"):
        read_file(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="a folder at"):
        read_file(tmp_path)


def test_without_pyyaml_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = changed(tmp_path, "pad", "pad")
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(MissingDependencyError, match=r"kibble\[keypoints\]"):
        read_file(path)
