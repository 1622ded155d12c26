from __future__ import annotations

import numpy as np
import pytest
from tests.rewards.keypoints.scripted import (
    PUSH,
    ScriptedLocator,
    X,
    frames,
    pushed,
    reward,
    scene,
)

from kibble.agents.trees import load_tree, save_tree
from kibble.rewards import RewardModel, Status, Task
from kibble.rewards.episode_memory import episode_state, restored_episode
from kibble.rewards.errors import ConfigError, FrameError
from kibble.rewards.keypoints.errors import ProposalError
from kibble.rewards.keypoints.reward import PathSettings
from kibble.rewards.keypoints.tracks import TrackState
from kibble.rewards.keypoints.variant import Variant

TASK = Task(instruction="push the red cube onto the green pad")


def read(model, rows, start=0):
    """Progress, success and confidence of rows of a script, (T, 3), and the episode."""
    episode = model.begin(TASK, frames(start))
    values = [(episode.progress, 0.0, 1.0)]
    for row in rows:
        estimate = model.estimate([episode], frames(row))
        assert estimate.status.tolist() == [Status.OK]
        values.append((estimate.progress[0], estimate.success[0], estimate.confidence[0]))
    return np.array(values), episode


def test_a_whole_push_rises_to_1_and_ends_in_success():
    rows = pushed()
    values, episode = read(reward(ScriptedLocator(rows)), range(1, len(rows)))
    progress, success = values[:, 0], values[:, 1]
    assert (np.diff(progress) >= 0).all()
    assert np.diff(progress).max() < 0.12  # no step is a leap: 1 cm of at least 4 cm of a third
    assert (progress[0] < 0.2, progress[-1], success[-1] > 0.99) == (True, 1.0, True)
    assert success[:-10].max() < 0.01
    assert episode.memory["distance"] == pytest.approx(0.0)
    assert episode.steps == len(rows) - 1


@pytest.mark.parametrize("variant", ["pixel", "block"])
def test_pictures_pay_a_push_seen_from_above(variant):
    rows = pushed()
    pixels = (rows[:, :, :2] - [0.2, -0.2]) * [16 / 0.5, 12 / 0.4]  # frames are 12 by 16
    model = reward(ScriptedLocator(pixels), variant=Variant(variant), view="front", grid=8)
    values, episode = read(model, range(1, len(rows)))
    assert (np.diff(values[:, 0]) >= 0).all()
    assert values[-1, 0] == 1.0
    assert len(episode.memory["path"]["waypoints"]) == 2  # over the grasp and at it are one
    assert episode.memory["tolerance"] == (0.5 if variant == "block" else 12 / 24)


def test_a_lost_point_holds_the_potential_at_confidence_0():
    rows = pushed()
    rows[8:13, 0] = np.nan  # the gripper, which is what moves now
    values, episode = read(reward(ScriptedLocator(rows)), range(1, 13))
    assert (values[8:, 0] == values[7, 0]).all()
    assert (values[8:, 1:] == 0.0).all()
    assert np.isnan(episode.memory["distance"])
    assert (values[1:8, 2] > 0).all()


def test_a_point_that_does_not_matter_now_may_be_lost():
    rows = pushed()
    rows[5, 3] = np.nan  # the target, while the hand comes near
    values, _ = read(reward(ScriptedLocator(rows)), range(1, 7))
    assert (values[:, 2] > 0).all()
    assert values[5, 1] == 0.0  # but nobody can say that it is done


def test_an_occluded_point_counts_where_it_is_inferred():
    rows = pushed()
    state = np.full(rows.shape[:2], TrackState.OCCLUDED, np.int8)
    values, _ = read(reward(ScriptedLocator(rows, state)), range(1, len(rows)))
    assert values[-1, 0] == 1.0


def test_a_proposal_of_confidence_0_pays_nothing_for_a_whole_episode():
    rows = pushed()
    model = reward(ScriptedLocator(rows, proposals={0: (PUSH, 0.0)}))
    values, _ = read(model, range(1, len(rows)))
    assert (values[:, :2] == 0.0).all()
    assert (values[1:, 2] == 0.0).all()


def test_confidence_is_that_of_the_proposal_and_of_the_least_sure_point():
    rows = pushed()
    model = reward(ScriptedLocator(rows, proposals={0: (PUSH, 0.5)}))
    values, _ = read(model, [1])
    assert values[1, 2] == pytest.approx(0.45)


def test_no_proposal_no_episode():
    model = reward(ScriptedLocator(pushed(), proposals={0: None}))
    with pytest.raises(ProposalError, match="Row 0 has no proposal"):
        model.begin(TASK, frames(0))


def lost_after(count):
    """A hand that comes nearer for `count` rows and is then lost."""
    rows = np.stack([scene([0.2 + 0.01 * t, 0.0, 0.1]) for t in range(40)])
    rows[count:, 0] = np.nan
    return rows


def test_keypoints_are_proposed_again_only_when_asked_and_so_often():
    rows = lost_after(5)
    rows[20] = rows[4]
    proposals = dict.fromkeys(range(1, 40)) | {20: (PUSH, 1.0)}
    never, asked_once = (
        reward(ScriptedLocator(rows, proposals=proposals), reproposals=n) for n in (0, 1)
    )
    values, _ = read(never, range(1, 30))
    assert (values[5:20, 0] == values[4, 0]).all()
    assert (values[5:20, 2] == 0.0).all()
    values, episode = read(asked_once, range(1, 20))
    assert episode.memory["reproposals"] == 0  # it was asked, in vain
    assert (values[5:, 0] == values[4, 0]).all()


def test_a_new_proposal_of_the_same_way_keeps_its_stage():
    rows = pushed()
    halfway = len(rows) * 2 // 3
    rows[halfway : halfway + 4, :3] = np.nan
    values, episode = read(reward(ScriptedLocator(rows), reproposals=1), range(1, halfway + 4))
    held, stage = values[-1, 0], episode.memory["stage"]
    assert stage["reached"] == 2
    again = reward(ScriptedLocator(rows), reproposals=1)
    (_, episode) = read(again, range(1, halfway + 4))
    estimate = again.estimate([episode], frames(halfway + 4))
    assert estimate.progress[0] >= held
    assert episode.memory["stage"]["lengths"] == stage["lengths"]


def test_a_batch_reads_as_each_alone():
    rows = pushed()
    model = reward(ScriptedLocator(rows))
    batch = [model.begin(TASK, frames(0)) for _ in range(3)]
    alone = [model.begin(TASK, frames(0)) for _ in range(3)]
    for t in range(1, len(rows) - 8, 4):
        together = model.estimate(batch, frames(t, steps=3))
        apart = [model.estimate([e], frames(t + i)).progress[0] for i, e in enumerate(alone)]
        np.testing.assert_array_equal(together.progress, apart)


def test_an_episode_goes_on_from_a_file(tmp_path):
    rows = pushed()
    model = reward(ScriptedLocator(rows))
    _, episode = read(model, range(1, 12))
    save_tree(tmp_path / "episode", {"episode": episode_state(episode)})
    again = restored_episode(load_tree(tmp_path / "episode")["episode"])
    for t in range(12, len(rows)):
        one, other = (model.estimate([e], frames(t)) for e in (episode, again))
        np.testing.assert_array_equal(one.progress, other.progress)


def test_a_thing_that_slips_costs_and_pays_back():
    rows = pushed()
    away = np.stack([scene([0.2, 0.3, 0.2], rows[-1, 2] - 0.1 * X)] * 5)
    script = np.concatenate([rows, away, rows[-1:]])
    values, _ = read(reward(ScriptedLocator(script)), range(1, len(script)))
    assert values[-2, 0] < 1 / 3
    assert values[-1, 0] == 1.0


def test_it_is_a_reward_model_and_says_what_it_needs():
    model = reward(ScriptedLocator(pushed()))
    assert isinstance(model, RewardModel)
    with pytest.raises(FrameError, match="View 'front' is required"):
        model.begin(TASK, {"side": frames(0)["front"]})


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"variant": Variant.PIXEL}, "must have the `view`"),
        ({"grid": 1}, "`grid` must be at least 2"),
        ({"reproposals": -1}, "`reproposals` at least 0"),
        ({"tolerance": 0.0}, "`tolerance` of a waypoint must be above 0"),
    ],
)
def test_settings_out_of_range_are_refused(settings, words):
    with pytest.raises(ConfigError, match=words):
        PathSettings(**settings)
