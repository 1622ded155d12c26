"""``kibble keypoints`` from the command line's words to the file."""

from __future__ import annotations

import http.client
import json
import threading
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
from PIL import Image
from tests.rewards.keypoints.fixed.marked import marked_scene

from kibble.agents.keypoints import run as running
from kibble.agents.keypoints.clicking.server import ClickingServer
from kibble.agents.keypoints.config import KeypointsConfig
from kibble.agents.keypoints.output import free_file
from kibble.agents.keypoints.run import clicking_server, keypoints
from kibble.agents.task_config import TaskConfig
from kibble.rewards.errors import ConfigError, FrameError
from kibble.rewards.keypoints.fixed.document import as_document
from kibble.rewards.keypoints.fixed.file import read_file, write_file

PUSH = TaskConfig(name="push", id="kibble/Push-v0", views=["front", "wrist"])


def shown(server: ClickingServer) -> dict[str, object]:
    """Return what the page is told, and free the port."""
    server.close()
    text = server.page_text("nonce")
    data = json.loads(text.partition('id="data">')[2].partition("</script>")[0])
    assert isinstance(data, dict)
    return data


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "start.png"
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (60, 80, 3)).astype(np.uint8)).save(path)
    return path


def test_a_picture_is_shown_and_what_was_clicked_is_saved(
    picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    config = KeypointsConfig(input=str(picture), instruction="push it")

    def click(url: str) -> bool:
        """Save as the page does, in place of a browser."""
        host, _, token = url.partition("/?token=")
        draft = as_document(marked_scene())
        draft["views"] = {"front": {"width": 80, "height": 60}, "side": draft["views"]["side"]}
        draft["keypoints"]["target"] = {"front": [70.0, 50.0]}
        draft["waypoints"][2]["to"] = {"front": [60.0, 50.0]}

        def send() -> None:
            connection = http.client.HTTPConnection(host.removeprefix("http://"), timeout=10)
            connection.request("POST", "/save", json.dumps(draft), {"X-Kibble-Token": token})
            assert "saved" in connection.getresponse().read().decode()
            connection.close()

        threading.Thread(target=send).start()
        return True

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(running.webbrowser, "open", click)
    assert keypoints(config) == 0
    said = capsys.readouterr().out
    assert "http://127.0.0.1:" in said
    assert "keypoints@keypoints-start.yaml" in said
    assert read_file(tmp_path / "keypoints-start.yaml").proposal.sizes["front"] == (60, 80)


def test_the_first_frames_of_two_videos_are_shown(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for name in ("a", "b"):
        frames = rng.integers(0, 255, (3, 48, 64, 3)).astype(np.uint8)
        iio.imwrite(tmp_path / f"{name}.mp4", frames, plugin="pyav", codec="libx264", fps=10)
    inputs = {"front": str(tmp_path / "a.mp4"), "side": str(tmp_path / "b.mp4")}
    config = KeypointsConfig(input=inputs, out=str(tmp_path / "marks.yaml"))
    data = shown(clicking_server(config))
    size = {"width": 64, "height": 48}
    assert data["views"] == {"front": size, "side": size}
    assert data["begin"]["instruction"] == ""
    assert data["begin"]["waypoints"]


def test_a_simulated_start_is_shown_large_with_points_that_exist(tmp_path: Path) -> None:
    marks = tmp_path / "marks.yaml"
    write_file(marks, marked_scene(instruction="mine"))
    config = KeypointsConfig(
        task=PUSH, seed=3, proposer=str(marks), out=str(tmp_path / "new.yaml")
    )
    data = shown(clicking_server(config))
    assert data["views"]["front"] == {"width": 384, "height": 384}
    assert data["begin"]["keypoints"]["gripper"]["front"] == [192.0, 81.0]
    assert data["begin"]["instruction"] == "mine"


def test_the_oracle_may_begin(tmp_path: Path) -> None:
    out = str(tmp_path / "new.yaml")
    data = shown(clicking_server(KeypointsConfig(task=PUSH, proposer="oracle", out=out)))
    assert set(data["begin"]["keypoints"]) == {"gripper", "grasp", "function", "target"}
    assert "pad" in data["begin"]["instruction"]


def test_files_are_never_replaced_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, picture: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    names = [
        free_file(None, stem="marks", ending=".yaml", overwrite=replaced)
        for replaced in (False, True)
    ]
    assert names == [Path("marks.yaml")] * 2
    Path("marks.yaml").write_text("mine")
    assert free_file(None, stem="marks", ending=".yaml", overwrite=False) == Path("marks-2.yaml")
    assert free_file("marks.yaml", stem="", ending="", overwrite=True) == Path("marks.yaml")
    config = KeypointsConfig(input=str(picture), out="marks.yaml")
    with pytest.raises(ConfigError, match=r"'marks\.yaml', which exists"):
        clicking_server(config)
    assert Path("marks.yaml").read_text() == "mine"


def test_what_cannot_be_shown_is_said(tmp_path: Path, picture: Path) -> None:
    with pytest.raises(FrameError, match="nothing"):
        clicking_server(KeypointsConfig(input=str(tmp_path / "none.png")))
    with pytest.raises(ConfigError, match="`proposer=oracle` must be asked about a task"):
        clicking_server(
            KeypointsConfig(input=str(picture), proposer="oracle", out=str(tmp_path / "a.yaml"))
        )
    taken = clicking_server(KeypointsConfig(input=str(picture), out=str(tmp_path / "a.yaml")))
    with pytest.raises(ConfigError, match="`port` must be free"):
        clicking_server(
            KeypointsConfig(input=str(picture), port=taken.port, out=str(tmp_path / "b.yaml"))
        )
    taken.close()


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ({"show": "sheet"}, "`show` must be one of page, proposals"),
        ({"appearance": "odd"}, "`appearance` must be one of plain"),
        ({"input": ""}, "`input` must name a picture"),
        ({"views": "front"}, "`views` must be a list"),
        ({"views": {"front": "top"}}, "`views` of a simulated task must be a list of cameras"),
        ({"instruction": "?"}, "`instruction` must say what is to be done"),
        ({"scenes": 0}, r"`scenes` must lie in \[1, 100\], got 0"),
        ({"seed": -1}, "`seed` and `episode` must be at least 0"),
        ({"port": 70_000}, r"`port` must lie in \[0, 65535\]"),
        ({"out": "a.png"}, r"`out` must end in \.yaml or \.yml with show=page"),
        ({"out": "a.yaml", "show": "proposals"}, r"`out` must end in \.png"),
    ],
)
def test_settings_out_of_range_are_refused(setting: dict[str, object], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        KeypointsConfig(**setting)
