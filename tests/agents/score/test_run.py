"""The command, from the words on the command line to the files in the folder."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest
from PIL import Image
from tests.agents.footage.clips import plain, write_clip
from tests.tiny_grm import saved

from kibble.agents.cli import run
from kibble.agents.score.config import ScoreConfig
from kibble.agents.score.run import run_scoring, score
from kibble.agents.score.summary import Flag
from kibble.rewards.errors import CheckpointError, ConfigError, FrameError, WeightsError

INSTRUCTION = "push the red cube to the middle"


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    return saved(tmp_path_factory.mktemp("weights") / "tiny")


@pytest.fixture
def config(tmp_path: Path, weights: Path) -> ScoreConfig:
    return ScoreConfig(
        input=str(write_clip(tmp_path / "push.mp4", plain(6))),
        instruction=INSTRUCTION,
        reward=[str(weights)],
        out=str(tmp_path / "out"),
        device="cpu",
        quiet=True,
    )


def test_command_line(tmp_path: Path, weights: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        write_clip(tmp_path / f"{name}.mp4", plain(6))
    words = ["score", "input=[a.mp4,b.mp4]", "views=[front,wrist]", f"instruction={INSTRUCTION}"]
    assert run([*words, f"reward=[{weights},random,time_counter]"]) == 0
    said = capsys.readouterr().out
    assert "tiny: progress" in said
    assert "Report: scores/a-b/report.html" in said
    document = json.loads((tmp_path / "scores" / "a-b" / "scores.json").read_text())
    assert [curve["label"] for curve in document["curves"]] == ["tiny", "random", "time_counter"]
    assert document["curves"][0]["views"] == ["front", "wrist"]
    assert run([*words, "reward=random", "quiet=true"]) == 0
    assert (tmp_path / "scores" / "a-b-2" / "report.html").is_file()


def test_mapping_of_views_and_single_words_on_the_command_line(tmp_path, capsys) -> None:
    front = write_clip(tmp_path / "a.mp4", plain(3))
    wrist = write_clip(tmp_path / "b.mp4", plain(3))
    words = [f"input={{front: {front}, wrist: {wrist}}}", "instruction=push", "reward=random"]
    assert run(["score", *words, f"out={tmp_path / 'out'}"]) == 0
    assert json.loads((tmp_path / "out" / "scores.json").read_text())["views"] == [
        "front",
        "wrist",
    ]


def test_every_view_alone(config: ScoreConfig, tmp_path: Path) -> None:
    both = dataclasses.replace(
        config, input={"front": config.input, "wrist": config.input}, by_view=True
    )
    scores = run_scoring(both)
    labels = [curve.label for curve in scores.curves]
    assert labels == ["tiny", "tiny, front alone"]  # the wrist alone is not enough for it
    assert [curve.views for curve in scores.curves] == [("front", "wrist"), ("front",)]


def test_two_models_of_one_name_are_told_apart(config: ScoreConfig, tmp_path: Path) -> None:
    other = str(saved(tmp_path / "other", seed=1))
    scores = run_scoring(dataclasses.replace(config, reward=[*config.reward, other]))
    assert [curve.label for curve in scores.curves] == ["tiny", "other"]
    assert scores.curves[0].spec.version != scores.curves[1].spec.version


def test_unknown_words_are_said(config: ScoreConfig) -> None:
    def flags(instruction: str) -> list[Flag]:
        changed = dataclasses.replace(config, instruction=instruction, overwrite=True)
        return [flag for flag in run_scoring(changed).flags if flag.code == "unknown_words"]

    (some,) = flags("Push the red zebra to the attic")
    assert some.text.startswith('tiny was never trained on "zebra", "attic"')
    assert not some.grave
    (most,) = flags("a b c d e f g h")
    assert most.text.startswith("tiny does not recognise this instruction")
    assert '"f" and 2 more words. Do not rely on its numbers.' in most.text
    assert most.grave
    (foreign,) = flags("推红色方块")
    assert foreign.grave
    assert flags(INSTRUCTION) == []


def test_low_confidence_is_printed_and_written(config: ScoreConfig, tmp_path, capsys) -> None:
    flagged = 0
    for number in range(6):
        out = tmp_path / str(number)
        score(dataclasses.replace(config, reward=["random"], max_frames=number + 2, out=str(out)))
        document = json.loads((out / "scores.json").read_text())
        mean = document["curves"][0]["summary"]["mean_confidence"]
        codes = [flag["code"] for flag in document["flags"]]
        said = "random does not recognise this instruction or scene" in capsys.readouterr().out
        in_page = "does not recognise this" in (out / "report.html").read_text()
        assert ("low_confidence" in codes) == said == in_page == (mean < 0.5)
        flagged += said
    assert flagged > 0


def test_goal_pictures(config: ScoreConfig, tmp_path: Path) -> None:
    goal = tmp_path / "goal.png"
    Image.fromarray(plain(6)[-1]).save(goal)
    with_goal = dataclasses.replace(config, reward=["pixel_goal"], goal=str(goal))
    scores = run_scoring(with_goal)
    progress = scores.curves[0].column("progress")
    assert progress[-1] > progress[0]
    video = dataclasses.replace(with_goal, goal=config.input, overwrite=True)
    assert run_scoring(video).curves[0].column("progress")[-1] == pytest.approx(1.0, abs=0.05)
    with pytest.raises(ConfigError, match="`goal` must show the finished scene for reward=pixel"):
        run_scoring(dataclasses.replace(with_goal, goal=None, overwrite=True))


def test_folders_that_hold_something_are_kept(config: ScoreConfig) -> None:
    out = Path(str(config.out))
    out.mkdir()
    (out / "notes.txt").write_text("kept")
    with pytest.raises(CheckpointError, match=r"`out` must be a new or an empty .*Nothing"):
        run_scoring(config)
    assert [path.name for path in out.iterdir()] == ["notes.txt"]
    run_scoring(dataclasses.replace(config, overwrite=True))
    assert (out / "notes.txt").read_text() == "kept"
    assert (out / "report.html").is_file()
    with pytest.raises(CheckpointError, match="`out` must be a folder, got the file"):
        run_scoring(dataclasses.replace(config, out=str(out / "notes.txt")))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"instruction": None}, ConfigError, "got nothing from the command or the recording"),
        ({"reward": ["grm_tinny"]}, WeightsError, "did you mean grm_tiny"),
        ({"input": "nowhere.mp4"}, FrameError, "got 'nowhere.mp4', where there is nothing; check"),
        ({"views": ["left"]}, FrameError, r"one of front, wrist, got \['left'\]"),
        ({"views": ["wrist"]}, FrameError, "View 'front' is required"),
        ({"views": ["front", "wrist"]}, ConfigError, "got 1 inputs"),
    ],
)
def test_what_cannot_be_scored(config: ScoreConfig, changes, error, message: str) -> None:
    with pytest.raises(error, match=message):
        run_scoring(dataclasses.replace(config, **changes))
    assert not Path(str(config.out)).exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["input=a.mp4", "instruction="], "`instruction` must say what was wanted in words"),
        (["instruction=push"], "`input` must name a video, .* or many of them with collection="),
        (["input=a.mp4", "reword=random"], "`reword` must be a key of `kibble score`.*reward"),
        (["input=a.mp4", "instruction=push"], "`input` must name a file or a folder, got 'a.mp4'"),
    ],
)
def test_mistakes_end_with_status_2_and_one_paragraph(words, message: str, capsys) -> None:
    assert run(["score", *words]) == 2
    said = capsys.readouterr().err
    assert re.search(message, said)
    assert said.count("\n") == 1
