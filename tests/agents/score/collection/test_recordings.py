"""Which recordings a collection has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.agents.footage.clips import plain, write_clip

from kibble.agents.score.collection.recordings import list_recordings
from kibble.rewards.errors import ConfigError


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    folder = tmp_path / "videos"
    folder.mkdir()
    for name in ("b", "a"):
        write_clip(folder / f"{name}.mp4", plain(3))
    return folder


def names(collection: object, **options: object) -> list[str]:
    return [
        Path(recording.input).name
        for recording in list_recordings(collection, **options)  # type: ignore[arg-type]
    ]


def test_globs_folders_and_single_files(videos, monkeypatch):
    assert names(f"{videos}/*.mp4") == ["a.mp4", "b.mp4"]
    assert names(f"{videos.parent}/**/*.mp4") == ["a.mp4", "b.mp4"]
    assert names(str(videos)) == ["a.mp4", "b.mp4"]
    monkeypatch.chdir(videos)
    (one,) = list_recordings("b.mp4", instruction="push")
    assert one.input == str(videos / "b.mp4")
    assert one.instruction == "push"
    assert one.key == str(videos / "b.mp4")


def test_lines_say_what_each_recording_is_and_the_command_fills_the_rest(videos):
    file = videos.parent / "list.jsonl"
    rows = [
        {"input": "videos/a.mp4", "instruction": "open the drawer"},
        {"input": {"front": "videos/a.mp4", "wrist": "videos/b.mp4"}},
        {"input": "videos/b.mp4", "goal": "videos/a.mp4"},
    ]
    file.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n")
    first, second, third = list_recordings(str(file), instruction="push")
    assert (first.instruction, second.instruction) == ("open the drawer", "push")
    assert second.input["wrist"] == str(videos / "b.mp4")
    assert third.goal == str(videos / "a.mp4")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("{", r"Line 1 of .* must be JSON"),
        ('["a.mp4"]', r"Line 1 of .* must map input"),
        ('{"instruction": "push"}', r"must map input"),
        ('{"input": "a.mp4", "task": "push"}', r"must map input"),
        ('{"input": "a", "episode": "two"}', r"`episode` must be a whole number, got 'two'"),
    ],
)
def test_a_line_that_says_something_else_is_refused(tmp_path, line, text):
    (tmp_path / "list.jsonl").write_text(line)
    with pytest.raises(ConfigError, match=text):
        list_recordings(str(tmp_path / "list.jsonl"))


def test_nothing_or_one_thing_twice_is_refused(videos, tmp_path):
    with pytest.raises(ConfigError, match=r"got '.*none/\*.mp4', which there is none of"):
        list_recordings(f"{videos}/none/*.mp4")
    with pytest.raises(ConfigError, match=r"got '.*a.mp4' twice"):
        list_recordings([str(videos), f"{videos}/a.mp4"])
    with pytest.raises(ConfigError, match="files that can be read"):
        list_recordings(str(tmp_path / "none.jsonl"))
