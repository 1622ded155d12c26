"""Maps become exact processes: walls, belts, slips and ends."""

from __future__ import annotations

import numpy as np
import pytest

from kibble.envs.traps.layout import ACTIONS, Layout
from kibble.rewards.errors import ConfigError

UP, RIGHT, DOWN, LEFT, WAIT = range(len(ACTIONS))


def reached(layout, cell, action):
    """Cells that a move may end in, with their chances."""
    row = layout.mdp().transition[layout.cells.index(cell), action]
    return {layout.cells[i]: pytest.approx(row[i]) for i in np.flatnonzero(row)}


def test_walls_block_and_goals_pay():
    layout = Layout(rows=("####", "#SG#", "####"))
    assert reached(layout, (1, 1), UP) == {(1, 1): 1.0}
    assert reached(layout, (1, 1), RIGHT) == {(1, 2): 1.0}
    mdp = layout.mdp()
    assert mdp.reward[0, RIGHT, 1] == 1.0
    assert mdp.reward[0, RIGHT, 0] == 0.0
    assert mdp.terminal.tolist() == [False, True]


def test_pits_end_an_episode_and_pay_nothing():
    mdp = Layout(rows=("#####", "#XSG#", "#####")).mdp()
    assert mdp.terminal.tolist() == [True, False, True]
    assert mdp.reward[1, LEFT, 0] == 0.0


def test_belts_carry_unless_the_robot_drives_off():
    layout = Layout(rows=("#####", "#>>v#", "#^S<#", "#..G#", "#####"))
    assert reached(layout, (1, 1), WAIT) == {(1, 2): 1.0}
    assert reached(layout, (1, 2), LEFT) == {(1, 3): 1.0}  # no way back along the belt
    assert reached(layout, (1, 2), DOWN) == {(2, 2): 1.0}  # floor beside it
    assert reached(layout, (2, 3), WAIT) == {(2, 2): 1.0}


def test_slips_go_to_both_sides():
    layout = Layout(rows=("#####", "#...#", "#SXG#", "#####"), slip=0.2)
    assert reached(layout, (1, 2), RIGHT) == {(1, 3): 0.8, (1, 2): 0.1, (2, 2): 0.1}
    assert reached(layout, (1, 2), WAIT) == {(1, 2): 1.0}


def test_steps_to_the_goal_go_round_walls_and_not_through_pits():
    layout = Layout(rows=("#####", "#...#", "#SXG#", "#####"))
    steps = dict(zip(layout.cells, layout.steps_to_goal().tolist(), strict=True))
    assert steps[2, 1] == 4.0
    assert steps[2, 2] == np.inf
    assert steps[2, 3] == 0.0


@pytest.mark.parametrize(
    "rows",
    [
        ("###", "#S#", "###"),
        ("####", "#SG.", "####"),
        ("####", "#SG#", "###"),
        ("###", "#?G", "##"),
    ],
    ids=["no goal", "open edge", "ragged", "unknown sign"],
)
def test_maps_that_are_none_are_refused(rows):
    with pytest.raises(ConfigError, match="`rows` must be a map of the signs"):
        Layout(rows=rows)


def test_slip_is_checked():
    with pytest.raises(ConfigError, match=r"`slip` must lie in \[0, 1\), got 1"):
        Layout(rows=("####", "#SG#", "####"), slip=1.0)
