"""Shares and promises of the kinds of behaviour."""

from __future__ import annotations

import numpy as np
import pytest

from kibble.agents.pretrain.kinds import SHARES, draw_kind, holds_true
from kibble.rewards.grm.clips import BEHAVIOURS


def test_every_kind_is_drawn_by_its_share():
    rng = np.random.default_rng(0)
    drawn = [draw_kind(rng) for _ in range(2000)]
    assert set(SHARES) == set(BEHAVIOURS)
    for kind, share in SHARES.items():
        assert drawn.count(kind) / 2000 == pytest.approx(share, abs=0.03)


RISING = np.linspace(0.1, 1.0, 10, dtype=np.float32)


@pytest.mark.parametrize(
    ("kind", "progress", "kept"),
    [
        ("success", RISING, True),
        ("success", RISING[::-1], False),
        ("partial", RISING, False),
        ("partial", 0.5 * RISING, True),
        ("near_miss", 0.9 * RISING, True),
        ("near_miss", RISING[::-1], False),
        ("near_miss", 0.3 * RISING, False),
        ("regress", RISING, False),
        ("regress", np.concatenate([RISING, RISING[::-1]]), True),
        ("regress", 0.6 * np.concatenate([RISING, RISING[::-1]]), False),
        ("stall", RISING, True),
    ],
)
def test_promises(kind, progress, kept):
    assert holds_true(kind, progress, progress >= 1.0) is kept
