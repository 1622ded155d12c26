"""Calibrations that do not fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.rewards.cameras.rig import rig, table_points

from kibble.rewards.cameras.calibration_check import CalibrationWatch, check_calibration
from kibble.rewards.cameras.errors import CalibrationError


def turned(camera, degrees):
    """Return a camera that is turned about its own y axis."""
    angle = np.radians(degrees)
    turn = np.eye(4)
    turn[[0, 0, 2, 2], [0, 2, 0, 2]] = [
        np.cos(angle),
        np.sin(angle),
        -np.sin(angle),
        np.cos(angle),
    ]
    return replace(camera, extrinsics=turn @ camera.extrinsics)


def shown(cameras, count=60, noise=1.0, seed=0):
    rng = np.random.default_rng(seed)
    points = table_points(rng, count)
    return {
        view: camera.project(points) + rng.normal(0, noise, (count, 2))
        for view, camera in cameras.items()
    }


def two(cameras):
    return {view: cameras[view] for view in ("front", "side")}


@pytest.mark.parametrize("choose", [dict, two])
def test_right_calibrations_pass_with_the_error_of_their_pixels(choose):
    cameras = choose(rig())
    medians = check_calibration(cameras, shown(cameras, noise=1.5))
    assert set(medians) == set(cameras)
    assert all(0.1 < error < 3.0 for error in medians.values())


def test_a_wrongly_recognised_point_now_and_then_does_no_harm():
    cameras = rig()
    pixels = shown(cameras)
    pixels["side"][::4] += 40.0
    check_calibration(cameras, pixels)


@pytest.mark.parametrize("wrong", ["front", "side", "corner"])
def test_of_three_views_the_wrong_one_is_named(wrong):
    cameras = rig()
    pixels = shown(cameras)
    cameras[wrong] = turned(cameras[wrong], 10.0)
    with pytest.raises(CalibrationError, match=rf"view '{wrong}' does not fit: median .* px"):
        check_calibration(cameras, pixels)


@pytest.mark.parametrize("mistake", ["mixed up", "inverse", "other size"])
def test_common_mistakes_are_caught_by_two_views(mistake):
    true = two(rig())
    pixels = shown(true)
    cameras = dict(true)
    if mistake == "mixed up":
        cameras = {"front": true["side"], "side": true["front"]}
    elif mistake == "inverse":
        cameras["side"] = replace(true["side"], extrinsics=np.linalg.inv(true["side"].extrinsics))
    else:
        pixels["front"] = pixels["front"] / 2
    with pytest.raises(CalibrationError, match=r"(front|side)'.* median reprojection errors"):
        check_calibration(cameras, pixels)


def test_a_few_points_are_no_evidence():
    true = two(rig())
    pixels = shown(true, count=10)
    wrong = {"front": true["side"], "side": true["front"]}
    assert max(check_calibration(wrong, pixels).values()) > 3
    pixels = {view: np.full((50, 2), np.nan) for view in true}
    assert all(np.isnan(error) for error in check_calibration(wrong, pixels).values())


def test_a_watch_complains_once_it_has_seen_enough_and_until_it_has_seen_better():
    true = two(rig())
    right, wrong = shown(true, count=200), shown(true, count=200)
    wrong["side"] = wrong["side"] + [0.0, 30.0]
    watch = CalibrationWatch(true, recent=100, every=20)

    def take(pixels, start):
        watch.watch(np.stack([pixels[view][start : start + 10] for view in true]))

    for start in range(0, 100, 10):
        take(right, start)
    complained = []
    for start in range(0, 100, 10):
        try:
            take(wrong, start)
            complained.append(False)
        except CalibrationError:
            complained.append(True)
    assert not any(complained[:4])
    assert all(complained[7:])
    with pytest.raises(CalibrationError, match="does not fit"):
        watch.watch(np.empty((2, 0, 2)))
    for start in range(100, 200, 10):
        try:
            take(right, start)
        except CalibrationError:
            assert start < 170
    take(right, 0)
