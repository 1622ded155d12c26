"""Folders of pictures as people have them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.agents.footage.clips import plain

from kibble.agents.footage.pictures import natural_key, read_pictures
from kibble.rewards.errors import ConfigError, FrameError


def _save(folder: Path, count: int = 12, name: str = "{}.png") -> Path:
    for number, frame in enumerate(plain(count)):
        Image.fromarray(frame).save(folder / name.format(number))
    return folder


def test_numbers_in_names_count_as_numbers(tmp_path: Path) -> None:
    pictures = read_pictures(_save(tmp_path))
    np.testing.assert_array_equal(pictures.frames, np.stack(plain(12)))
    np.testing.assert_allclose(pictures.times, np.arange(12) / 10)
    assert pictures.warnings == ()


def test_names_that_mix_digits_and_letters_sort() -> None:
    names = ["b1", "1b", "a10", "a9", "10", "9"]
    assert sorted(names, key=natural_key) == ["1b", "9", "10", "a9", "a10", "b1"]


def test_other_and_hidden_files_do_not_count(tmp_path: Path) -> None:
    _save(tmp_path, 2)
    (tmp_path / "notes.txt").write_text("notes")
    (tmp_path / "._0.png").write_bytes(b"junk of another system")
    assert len(read_pictures(tmp_path).frames) == 2


def test_rate_and_thinning(tmp_path: Path) -> None:
    pictures = read_pictures(_save(tmp_path), fps=2, max_frames=4)
    np.testing.assert_allclose(pictures.times, [0.0, 2.0, 4.0, 5.5])
    assert "4 of 12 pictures were kept, evenly spread" in pictures.warnings[0]


@pytest.mark.parametrize("ending", ["jpg", "bmp", "webp", "tif", "ppm"])
def test_other_formats(tmp_path: Path, ending: str) -> None:
    pictures = read_pictures(_save(tmp_path, 2, "{}." + ending))
    assert np.abs(pictures.frames.astype(int) - np.stack(plain(2))).mean() < 6


def test_grey_and_palette_become_rgb(tmp_path: Path) -> None:
    frame = plain(1)[0]
    Image.fromarray(frame).convert("L").save(tmp_path / "0.png")
    Image.fromarray(frame).quantize(16).save(tmp_path / "1.png")
    frames = read_pictures(tmp_path).frames
    assert (frames[0, ..., :1] == frames[0]).all()
    assert np.abs(frames[1].astype(int) - frame).max() < 30


def test_alpha_is_composited_over_black_and_said(tmp_path: Path) -> None:
    frame = np.full((32, 32, 4), (200, 100, 40, 255), np.uint8)
    frame[:16, :, 3] = 0
    Image.fromarray(frame).save(tmp_path / "0.png")
    pictures = read_pictures(tmp_path)
    assert (pictures.frames[0, :16] == 0).all()
    assert (pictures.frames[0, 16:] == (200, 100, 40)).all()
    assert "1 pictures are partly transparent" in pictures.warnings[0]


def test_rotation_marks_are_applied(tmp_path: Path) -> None:
    marks = Image.Exif()
    marks[0x0112] = 6  # to be turned clockwise by a quarter
    Image.fromarray(plain(1)[0]).save(tmp_path / "0.png", exif=marks)
    frame = read_pictures(tmp_path).frames[0]
    assert frame.shape == (64, 48, 3)
    assert (frame[:, -1] == (0, 0, 255)).all()  # the upper half is now on the right


def test_large_pictures_are_made_smaller(tmp_path: Path) -> None:
    Image.new("RGB", (3840, 2160), "red").save(tmp_path / "0.png")
    pictures = read_pictures(tmp_path)
    assert pictures.frames.shape == (1, 270, 480, 3)
    assert pictures.size == (2160, 3840)


def _depth(folder: Path) -> None:
    Image.fromarray(np.zeros((32, 32), np.uint16)).save(folder / "0.png")


def _cut(folder: Path) -> None:
    path = _save(folder, 1) / "0.png"
    path.write_bytes(path.read_bytes()[:-40])


def _two_sizes(folder: Path) -> None:
    Image.new("RGB", (64, 48)).save(_save(folder, 1) / "1.png")
    Image.new("RGB", (32, 32)).save(folder / "2.png")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: None, "must hold some, got .* with none that ends in .bmp"),
        (lambda folder: (folder / "0.png").write_bytes(b"junk"), "must be a whole file"),
        (_cut, "must be a whole file that Pillow can read, got '.*0.png'"),
        (_depth, "must have 8 bits per channel, got '.*0.png' in mode I;16, as depth has"),
        (_two_sizes, "must have one size, got '0.png' with 64 x 48 and '2.png' with 32 x 32"),
        (lambda f: Image.new("RGB", (1, 1)).save(f / "0.png"), "at least 16 x 16 .* 1 x 1"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, make, message: str) -> None:
    make(tmp_path)
    with pytest.raises(FrameError, match=message):
        read_pictures(tmp_path)


def test_rate_out_of_range(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"`fps` must lie in \(0, 1000\], got -1"):
        read_pictures(_save(tmp_path, 1), fps=-1)
