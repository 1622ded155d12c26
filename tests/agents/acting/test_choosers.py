"""By whose actions an episode goes."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium import spaces

from kibble.agents.acting.choosers import (
    DEMONSTRATED,
    GuidedChooser,
    PolicyChooser,
    RecordedActions,
    ReturningChooser,
)
from kibble.agents.acting.config import ActingConfig
from kibble.rewards.errors import ConfigError

SPACE = spaces.Box(-1.0, 1.0, (1,), np.float32)
OWN = np.array([-1.0], np.float32)
SEEN = np.zeros(2, np.float32)


def recorded(*actions: float) -> RecordedActions:
    rows = np.array(actions, np.float32)[:, None]
    return RecordedActions(observations=np.repeat(rows, 2, axis=1), actions=rows)


def policy(random_steps: int = 0) -> PolicyChooser:
    return PolicyChooser(lambda observation: OWN, SPACE, random_steps=random_steps)


def returning(share: float, *shown: RecordedActions, taken: int = 0) -> ReturningChooser:
    config = ActingConfig(exploration="return", share=share, steps=1_000)
    rng = np.random.default_rng(0)
    return ReturningChooser(policy(), shown, config, taken=taken, rng=rng)


def guided(share: float, shown: RecordedActions, *, steps: int = 10**9) -> GuidedChooser:
    config = ActingConfig(exploration="guided", share=share, steps=steps)
    return GuidedChooser(policy(), [shown], config, taken=0, rng=np.random.default_rng(0))


def test_the_first_steps_are_random_and_then_the_policy_acts():
    chooser = policy(random_steps=5)
    drawn = [float(chooser.choose(SEEN)[0][0]) for _ in range(5)]
    assert len(set(drawn)) == 5
    assert chooser.choose(SEEN)[0] is OWN


def test_returning_plays_a_prefix_and_never_the_last_action():
    chooser = returning(1.0, recorded(0.1, 0.2, 0.3, 0.4))
    lengths = set()
    for _ in range(60):
        chooser.begin()
        steps = [chooser.choose(SEEN) for _ in range(6)]
        told = [bool(info.get(DEMONSTRATED)) for _, info in steps]
        length = sum(told)
        if length == 0:
            continue  # the probability falls
        assert told == [True] * length + [False] * (6 - length)
        played = [float(action[0]) for action, _ in steps[:length]]
        assert played == pytest.approx([0.1, 0.2, 0.3, 0.4][:length])
        lengths.add(length)
    assert lengths == {1, 2, 3}


@pytest.mark.parametrize(("share", "taken"), [(0.0, 0), (1.0, 1_000)], ids=["never", "over"])
def test_returning_ends(share, taken):
    chooser = returning(share, recorded(0.1, 0.2, 0.3), taken=taken)
    for _ in range(20):
        chooser.begin()
        assert chooser.choose(SEEN) == (OWN, {})


def test_guiding_takes_what_was_done_where_things_were_most_alike():
    chooser = guided(1.0, recorded(0.1, 0.5, 0.9))
    action, info = chooser.choose(np.array([0.6, 0.6], np.float32))
    assert float(action[0]) == pytest.approx(0.5)
    assert info == {DEMONSTRATED: True}


def test_guiding_mixes_at_a_rate_that_falls_to_nothing():
    chooser = guided(0.5, recorded(0.1, 0.5), steps=2_000)
    told = [DEMONSTRATED in chooser.choose(SEEN)[1] for _ in range(2_500)]
    assert 400 <= sum(told[:2_000]) <= 600  # 0.5 / 2 of 2,000, give or take five deviations
    assert sum(told[:500]) > sum(told[1_500:2_000])
    assert not any(told[2_000:])


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"exploration": "gided"}, "acting.exploration"),
        ({"share": 1.5}, r"acting\.share` must lie in \[0, 1\], got 1.5"),
        ({"share": float("nan")}, r"acting\.share"),
        ({"backlog": 0}, r"acting\.backlog` must be at least 1 step, got 0"),
        ({"steps": 0}, r"acting\.steps` must be at least 1 step, got 0"),
    ],
)
def test_settings_out_of_range_are_refused(change, text):
    with pytest.raises(ConfigError, match=text):
        ActingConfig(**change)
