"""Images of several cameras are put together by their stamps, and the odd ones are counted."""

from __future__ import annotations

import pytest
from tests.rewards.ros.bags.bag_making import at, image, two_views, write_bag

from kibble.rewards.errors import ConfigError
from kibble.rewards.ros.bags.bag import Bag
from kibble.rewards.ros.bags.episodes import BagEpisode
from kibble.rewards.ros.bags.moments import MomentReader

VIEWS = {"front": "/camera/front/image_raw", "side": "/camera/side/image_raw"}


def read(tmp_path, messages, *, views=None, tolerance=0.02, episode=None):
    with Bag(write_bag(tmp_path / "run", messages)) as bag:
        reader = MomentReader(bag, views or VIEWS, tolerance=tolerance)
        moments = list(reader.read(episode or BagEpisode()))
    return moments, reader.warnings()


def test_a_moment_has_one_image_of_each_view(tmp_path):
    moments, warnings = read(tmp_path, two_views(5))
    assert [moment.stamp for moment in moments] == [at(n / 10 + 0.004) for n in range(5)]
    assert moments[0].time == at(0.006)
    assert {view: m.stamp for view, m in moments[3].images.items()} == {
        "front": at(0.3),
        "side": at(0.304),
    }
    assert warnings == []


def test_a_camera_that_is_recorded_later_is_paired_with_its_own_time(tmp_path):
    messages = []
    for number in range(30):
        messages.append(image(VIEWS["front"], number / 30, number, late=0.005))
        messages.append(image(VIEWS["side"], number / 30 + 0.001, number, late=0.15))
    moments, warnings = read(tmp_path, sorted(messages, key=lambda m: m[2]), tolerance=0.05)
    spreads = [m.images["side"].stamp - m.images["front"].stamp for m in moments]
    assert spreads == [1_000_000] * 30
    assert moments[0].time == at(0.151)
    assert warnings == []


def test_images_too_far_apart_are_said(tmp_path):
    moments, warnings = read(tmp_path, two_views(5, late=0.03))
    assert moments == []
    assert "5 of 5 images of view 'front' have none of every other view within 0.02 s" in str(
        warnings
    )


def test_duplicates_and_reordered_stamps_are_left_out(tmp_path):
    front = [image(VIEWS["front"], n / 10, n) for n in range(10)]
    front += [image(VIEWS["front"], 0.95, 1, stamp=at(0.9)), image(VIEWS["front"], 0.97, 2)]
    front += [image(VIEWS["front"], 0.98, 3, stamp=at(0.3))]
    moments, warnings = read(tmp_path, front, views={"front": VIEWS["front"]})
    assert [moment.stamp for moment in moments] == [*(at(n / 10) for n in range(10)), at(0.97)]
    assert warnings == [
        "1 images have the stamp of one before them; they were left out.",
        "1 images came after later ones of their view; they were left out.",
    ]


def test_a_clock_set_back_is_said_and_time_only_goes_on(tmp_path):
    front = [image(VIEWS["front"], n, n, stamp=at(n if n < 5 else n - 4)) for n in range(10)]
    moments, warnings = read(tmp_path, front, views={"front": VIEWS["front"]})
    stamps = [moment.stamp for moment in moments]
    assert stamps == [at(n) for n in range(6)]
    assert "set back 1 times; 4 moments" in warnings[0]


def test_an_episode_is_told_by_stamp_and_by_time_of_recording(tmp_path):
    early = [image(VIEWS["front"], n, n, stamp=at(n)) for n in range(5)]
    late = [image(VIEWS["front"], 100 + n, 50 + n, stamp=at(n)) for n in range(5)]
    episode = BagEpisode(start=at(1), stop=at(3), recorded=(at(101), at(103)))
    moments, _ = read(tmp_path, early + late, views={"front": VIEWS["front"]}, episode=episode)
    assert [moment.stamp for moment in moments] == [at(1), at(2), at(3)]
    assert all(moment.time >= at(100) for moment in moments)


def test_a_negative_tolerance_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="`tolerance` must be at least 0"):
        read(tmp_path, two_views(1), tolerance=-1.0)
