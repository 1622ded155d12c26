"""Contact sheets: layout, what they show, and what they refuse."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kibble.agents.cli import run
from kibble.agents.config import TaskConfig
from kibble.agents.contact_sheet.config import RenderConfig
from kibble.agents.contact_sheet.drawing import SheetRow, draw_sheet
from kibble.agents.contact_sheet.render import render_sheet
from kibble.rewards.errors import ConfigError

REACH = TaskConfig(
    name="reach", id="kibble/Reach-v0", views=["front", "wrist"], image_size=[48, 48]
)


def _row(colour: tuple[int, int, int], size: tuple[int, int] = (48, 48)) -> SheetRow:
    frames = np.broadcast_to(np.asarray(colour, np.uint8), (2, *size, 3))
    return SheetRow(caption="a", frames={"front": frames, "wrist": frames}, labels=["x", "y"])


def test_every_tile_is_drawn_enlarged_and_unsmoothed() -> None:
    colours = [(255, 0, 0), (0, 128, 255)]
    pixels = np.asarray(draw_sheet("title", [_row(colour) for colour in colours]))
    for colour in colours:
        count = int((pixels == colour).all(axis=-1).sum())
        assert count == 4 * (48 * 3) ** 2


def test_wide_sheets_are_made_smaller() -> None:
    sheet = draw_sheet("title", [_row((1, 2, 3), size=(480, 1200))])
    assert sheet.width <= 2420


def test_sheet_of_an_expert(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "sheet.png"
    config = RenderConfig(task=REACH, episodes=2, moments=3, out=str(out))
    assert render_sheet(config) == out
    with Image.open(out) as sheet:
        assert sheet.width > 6 * 48
        assert len(sheet.convert("RGB").getcolors(1 << 24) or []) > 100


def test_sheet_of_another_projects_task(tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    task = TaskConfig(name="cart", id="CartPole-v1", instruction="keep the pole upright")
    render_sheet(RenderConfig(task=task, episodes=1, moments=2, out=str(out)))
    assert out.is_file()


def test_pictures_are_not_replaced_unless_told(tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    out.write_bytes(b"kept")
    config = RenderConfig(task=REACH, episodes=1, moments=1, out=str(out))
    with pytest.raises(ConfigError, match=r"`out` must name a new picture.*which exists"):
        render_sheet(config)
    assert out.read_bytes() == b"kept"
    render_sheet(dataclasses.replace(config, overwrite=True))
    assert out.read_bytes() != b"kept"


def test_free_names_are_numbered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["render", "task=reach", "task.image_size=[16,16]", "episodes=1", "moments=1"]
    assert run(words) == 0
    assert run(words) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "render-reach-2.png",
        "render-reach.png",
    ]


def test_expert_of_a_task_that_has_none(tmp_path: Path) -> None:
    task = TaskConfig(name="swing", id="CartPole-v1")
    config = RenderConfig(task=task, policy="expert", out=str(tmp_path / "a.png"))
    with pytest.raises(ConfigError, match="`policy=expert` needs a task of the tabletop suite"):
        render_sheet(config)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"episodes": 0}, r"`episodes` must lie in \[1, 50\], got 0"),
        ({"moments": 51}, r"`moments` must lie in \[1, 50\], got 51"),
        ({"seed": -1}, "`seed` must be at least 0, got -1"),
        ({"out": "a.jpg"}, "`out` must end in .png, got 'a.jpg'"),
    ],
)
def test_settings_out_of_range(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        RenderConfig(**settings)  # type: ignore[arg-type]
