"""Wilson intervals against published and hand-computed values."""

from __future__ import annotations

import math

import pytest

from kibble.agents.intervals import wilson


def by_formula(successes: int, episodes: int, z: float = 1.959963984540054):
    rate = successes / episodes
    middle = rate + z * z / (2 * episodes)
    spread = z * math.sqrt(rate * (1 - rate) / episodes + z * z / (4 * episodes**2))
    scale = 1 + z * z / episodes
    return (middle - spread) / scale, (middle + spread) / scale


@pytest.mark.parametrize(("successes", "episodes"), [(0, 10), (1, 10), (95, 100), (300, 300)])
def test_interval_is_wilsons_formula(successes, episodes):
    share = wilson(successes, episodes)
    assert (share.low, share.high) == pytest.approx(by_formula(successes, episodes), abs=1e-9)
    assert share.rate == successes / episodes


def test_interval_matches_newcombe_1998():
    # Statistics in Medicine 17:857, table I, method 3: 81 of 263 gives 0.2553 to 0.3662.
    share = wilson(81, 263)
    assert (share.low, share.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)


@pytest.mark.parametrize(("successes", "episodes"), [(1, 0), (-1, 10), (11, 10)])
def test_impossible_counts_are_refused(successes, episodes):
    with pytest.raises(ValueError, match="`successes` must lie in"):
        wilson(successes, episodes)
