"""A bag becomes footage: views at the same moments, an episode's instruction, and warnings."""

from __future__ import annotations

import numpy as np
import pytest
from tests.rewards.ros.bags.bag_making import (
    at,
    bare,
    command,
    image,
    text,
    two_views,
    write_bag,
)

from kibble.agents.footage.bag import is_bag, read_bag
from kibble.agents.footage.reading import Sampling, read_footage
from kibble.rewards.errors import BagError, ConfigError, FrameError
from kibble.rewards.ros.images import IMAGE

FRONT = "/camera/front/image_raw"
START, END = 1, 2


def grey(footage, view):
    return footage.frames[view][:, 0, 0, 0].tolist()


@pytest.mark.parametrize("sqlite", [True, False])
def test_views_times_stamps_and_instruction(tmp_path, sqlite):
    said = text("/task/instruction", 0, "push the red cube")
    folder = write_bag(tmp_path / "run", [said, *two_views(4)], sqlite=sqlite)
    for source in (folder, bare(folder)):
        footage = read_footage(str(source))
        assert footage.name == "run"
        assert footage.instruction == "push the red cube"
        assert (grey(footage, "front"), grey(footage, "side")) == (
            [0, 1, 2, 3],
            [100, 101, 102, 103],
        )
        np.testing.assert_allclose(footage.times, [0.0, 0.1, 0.2, 0.3])
        assert footage.stamps.tolist() == [at(n / 10 + 0.004) for n in range(4)]


def test_views_are_renamed_and_chosen(tmp_path):
    folder = write_bag(tmp_path / "run", two_views(3))
    footage = read_footage(str(folder), views={"wrist": "/camera/side/image_raw"})
    assert footage.views == ("wrist",)
    assert read_footage(str(folder), views=["side"]).views == ("side",)


def test_an_episode_is_chosen(tmp_path):
    messages = [
        *two_views(40),
        command(0.45, START, instruction="reach"),
        command(1.05, END),
        command(2.0, START, instruction="push"),
    ]
    folder = write_bag(tmp_path / "run", sorted(messages, key=lambda m: m[2]))
    first = read_footage(str(folder))
    assert (first.name, first.instruction) == ("run-episode0", "reach")
    assert grey(first, "front") == [5, 6, 7, 8, 9, 10]
    assert "The bag holds 2 episodes; this is number 0" in str(first.warnings)
    second = read_footage(str(folder), sampling=Sampling(episode=1))
    assert grey(second, "front") == list(range(20, 40))
    with pytest.raises(ConfigError, match=r"`episode` must lie in \[0, 1\], .* got 2"):
        read_footage(str(folder), sampling=Sampling(episode=2))


def test_many_images_are_thinned_alike_in_every_view(tmp_path):
    folder = write_bag(tmp_path / "run", two_views(50))
    footage = read_footage(str(folder), sampling=Sampling(max_frames=10))
    assert grey(footage, "front") == [*range(0, 49, 8), 49]
    assert grey(footage, "side") == [100 + n for n in grey(footage, "front")]
    assert footage.stamps.tolist() == [at(n / 10 + 0.004) for n in grey(footage, "front")]
    assert "One of 8 of 50 moments was kept" in str(footage.warnings)
    slow = read_footage(str(folder), sampling=Sampling(fps=2.0))
    assert grey(slow, "front") == [*range(0, 50, 5), 49]


def test_large_images_become_smaller_and_small_ones_are_refused(tmp_path):
    large = [image(FRONT, 0, 7, size=(960, 1280))]
    frames = read_footage(str(write_bag(tmp_path / "large", large))).frames["front"]
    assert frames.shape == (1, 360, 480, 3)
    small = [image(FRONT, 0, 7, size=(8, 8))]
    with pytest.raises(FrameError, match="at least 16 x 16 pixels, got view 'front' with 8 x 8"):
        read_footage(str(write_bag(tmp_path / "small", small)))


def test_images_that_cannot_be_read_are_left_out_and_said(tmp_path):
    cut = {"data": bytes(10)}
    messages = [image(FRONT, n / 10, n, **(cut if n == 2 else {})) for n in range(5)]
    footage = read_footage(str(write_bag(tmp_path / "run", messages)))
    assert grey(footage, "front") == [0, 1, 3, 4]
    assert "1 moments have an image that cannot be read" in str(footage.warnings)
    assert "must have 2304 bytes" in str(footage.warnings)
    every = [image(FRONT, n / 10, n, **cut) for n in range(3)]
    with pytest.raises(BagError, match="the first of 3 that cannot be read: An image must have"):
        read_footage(str(write_bag(tmp_path / "all", every)))


def test_a_camera_that_changes_its_size_is_refused(tmp_path):
    messages = [image(FRONT, 0), image(FRONT, 1, size=(48, 64))]
    with pytest.raises(FrameError, match="one size, got 32 x 24 and then 64 x 48 on '/camera"):
        read_footage(str(write_bag(tmp_path / "run", messages)))


def test_views_that_never_meet_are_told(tmp_path):
    folder = write_bag(tmp_path / "run", two_views(3, late=0.045))
    with pytest.raises(BagError, match=r"no moment with images of front, side within 0.01 s"):
        read_footage(str(folder), sampling=Sampling(tolerance=0.01))
    assert len(read_footage(str(folder), sampling=Sampling(tolerance=0.05))) == 3


def test_depth_is_a_view_by_its_name(tmp_path):
    millimetres = np.full((24, 32), 1500, "<u2")
    fields = {
        "height": 24,
        "width": 32,
        "encoding": "16UC1",
        "step": 64,
        "data": millimetres.tobytes(),
    }
    messages = [image(FRONT, 0), ("/camera/front/depth/image_raw", IMAGE, at(0.001), fields)]
    messages[1][3]["header"] = messages[0][3]["header"]
    footage = read_footage(
        str(write_bag(tmp_path / "run", messages)), views=["front", "front_depth"]
    )
    assert footage.frames["front_depth"][0, 0, 0].tolist() == [0, 58, 152]  # 15000 of 0.1 mm


def test_what_counts_as_a_bag(tmp_path):
    folder = write_bag(tmp_path / "run", two_views(1))
    assert is_bag(folder)
    (folder / "metadata.yaml").unlink()
    assert is_bag(folder)
    assert is_bag(tmp_path / "old.bag")
    assert not is_bag(tmp_path)
    assert not is_bag(tmp_path / "film.mp4")


def test_a_bag_is_an_input_by_itself(tmp_path):
    path = bare(write_bag(tmp_path / "run", two_views(1)))
    with pytest.raises(ConfigError, match="A bag must be the only `input`"):
        read_footage([str(path), str(path)], views=["front", "side"])
    with pytest.raises(BagError, match=r"got nothing at '.*none.mcap'"):
        read_bag(tmp_path / "none.mcap", 0)
