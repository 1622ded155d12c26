"""Heatmaps become pixels."""

from __future__ import annotations

import pytest
import torch

from kibble.rewards.keypoints.embedded.network import Sight
from kibble.rewards.keypoints.embedded.readout import read_points

WIDTH = 8


def sight(heat, offsets=None, states=(-9.0, 0.0, 0.0)):
    """One picture and one role."""
    offsets = torch.zeros(2, WIDTH * WIDTH) if offsets is None else offsets
    return Sight(
        heat=heat.reshape(1, 1, -1),
        first=heat.reshape(1, 1, -1),
        offsets=offsets.reshape(1, 1, 2, -1),
        states=torch.tensor(states).reshape(1, 1, 3),
    )


def peaks(*cells):
    """Heat that is high in (row, column) cells, in falling order."""
    heat = torch.full((WIDTH, WIDTH), -20.0)
    for rank, (row, column) in enumerate(cells):
        heat[row, column] = 1.0 - 0.1 * rank
    return heat


def test_a_lone_peak_is_the_middle_of_its_cell():
    points = read_points(sight(peaks((2, 5))), width=WIDTH)
    torch.testing.assert_close(points.pixels[0, 0], torch.tensor([22.0, 10.0]))
    assert float(points.confidence) == pytest.approx(1.0, abs=1e-3)


def test_offsets_move_it_within_the_cell():
    offsets = torch.zeros(2, WIDTH * WIDTH)
    offsets[:, 2 * WIDTH + 5] = torch.tensor([0.25, -0.5])
    points = read_points(sight(peaks((2, 5)), offsets), width=WIDTH)
    torch.testing.assert_close(points.pixels[0, 0], torch.tensor([23.0, 8.0]))


def test_neighbours_are_averaged_and_distant_peaks_are_not():
    near = read_points(sight(peaks((3, 3), (3, 4))), width=WIDTH)
    assert 14.0 < float(near.pixels[0, 0, 0]) < 18.0
    far = read_points(sight(peaks((1, 1), (6, 6))), width=WIDTH)
    torch.testing.assert_close(far.pixels[0, 0], torch.tensor([6.0, 6.0]))


def test_a_second_peak_and_doubt_about_presence_cost_confidence():
    alone = float(read_points(sight(peaks((1, 1))), width=WIDTH).confidence)
    rivalled = float(read_points(sight(peaks((1, 1), (6, 6))), width=WIDTH).confidence)
    doubted = float(
        read_points(sight(peaks((1, 1)), states=(0.0, 0.0, -30.0)), width=WIDTH).confidence
    )
    assert rivalled == pytest.approx(0.525, abs=0.01)
    assert doubted == pytest.approx(alone / 2, abs=1e-3)


def test_visible_is_the_third_state():
    points = read_points(sight(peaks((1, 1)), states=(-9.0, 0.0, 9.0)), width=WIDTH)
    assert float(points.visible) > 0.99
