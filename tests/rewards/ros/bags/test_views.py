"""Image topics become views by the part of their name that says which camera it is."""

from __future__ import annotations

import pytest
from tests.rewards.ros.bags.bag_making import image, text, two_views, write_bag

from kibble.rewards.errors import BagError, ConfigError
from kibble.rewards.ros.bags.bag import Bag
from kibble.rewards.ros.bags.views import choose_views, name_views

DEPTH = {"encoding": "16UC1", "step": 64, "data": bytes(24 * 64)}


@pytest.mark.parametrize(
    ("topics", "views"),
    [
        (["/camera/image_raw"], ["front"]),
        (["/image_raw"], ["front"]),
        (["/wrist_cam/image_raw/compressed"], ["wrist_cam"]),
        (["/camera/front/image_raw", "/camera/side/image_raw"], ["front", "side"]),
        (["/a/left/image_raw", "/b/left/image_raw"], ["left", "b_left"]),
        (["/a/image", "/a/depth/image_raw"], ["a", "a_depth"]),
        (["/camera/color/image_raw", "/camera/depth/image_rect_raw"], ["front", "front_depth"]),
    ],
)
def test_names(topics, views):
    assert name_views(topics) == dict(zip(views, topics, strict=True))


def test_the_raw_image_comes_before_the_compressed_one():
    topics = ["/camera/front/image_raw", "/camera/front/image_raw/compressed"]
    assert name_views(topics) == {"front": topics[0]}
    assert name_views(["/front/image_raw", "/front/image_rect"]) == {"front": "/front/image_raw"}


def test_views_are_chosen_and_renamed(tmp_path):
    messages = [*two_views(1), image("/camera/front/depth/image_raw", 0, **DEPTH)]
    front, side = "/camera/front/image_raw", "/camera/side/image_raw"
    with Bag(write_bag(tmp_path / "run", messages)) as bag:
        assert choose_views(bag, None) == {"front": front, "side": side}
        assert choose_views(bag, ["side"]) == {"side": side}
        assert choose_views(bag, {"wrist": side, "front": "front"}) == {
            "wrist": side,
            "front": front,
        }
        depth = {"front_depth": "/camera/front/depth/image_raw"}
        assert choose_views(bag, ["front_depth"]) == depth
        with pytest.raises(ConfigError, match=r"image topics of .*front: /camera/.* got top; wri"):
            choose_views(bag, ["top"])
        with pytest.raises(ConfigError, match="got none"):
            choose_views(bag, {})


def test_a_bag_with_depth_alone_shows_it(tmp_path):
    with Bag(write_bag(tmp_path / "run", [image("/depth/image_raw", 0, **DEPTH)])) as bag:
        assert choose_views(bag, None) == {"front_depth": "/depth/image_raw"}


def test_a_bag_without_images_says_what_it_has(tmp_path):
    with (
        Bag(write_bag(tmp_path / "run", [text("/task/instruction", 0, "go")])) as bag,
        pytest.raises(BagError, match=r"must hold images .* got .*/task/instruction \(std_msgs"),
    ):
        choose_views(bag, None)
