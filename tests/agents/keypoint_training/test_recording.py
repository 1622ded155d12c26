"""Recorded keypoints say of frames what is true of them."""

from __future__ import annotations

import numpy as np
import pytest

from kibble.agents.keypoint_training.asking import questions, vain_question
from kibble.agents.keypoint_training.recording import record_keypoints, record_shard
from kibble.agents.keypoint_training.shards import ABSENT, HIDDEN, VISIBLE, Shard, shard_files
from kibble.envs.tabletop import TabletopEnv
from kibble.envs.tabletop.tasks import TASKS
from kibble.rewards.errors import CheckpointError
from kibble.rewards.keypoints.roles import ROLES, Role

GRIPPER, TARGET = ROLES.index(Role.GRIPPER), ROLES.index(Role.TARGET)


@pytest.fixture(scope="module")
def shard():
    return record_shard("push", split="train", seed=0, number=0, episodes=3)


def test_every_frame_is_asked_about_with_its_goals_and_one_thing_that_is_not_there(shard):
    count = len(shard.frames)
    assert shard.frames.shape == (count, 96, 96, 3)
    assert shard.frames.dtype == np.uint8
    assert np.bincount(shard.sample_frames).tolist() == [5] * count  # four goals, one in vain
    assert np.bincount(shard.sample_frames[~shard.named]).tolist() == [1] * count
    assert shard.phrasings.shape == (5 * count, 6)
    assert set(shard.views) <= {"front", "side", "top"}
    assert set(shard.looks) <= {"plain", "training"}
    assert np.unique(shard.episodes).tolist() == [0, 1, 2]


def test_what_is_not_named_has_a_gripper_and_nothing_else(shard):
    vain = shard.visibility[~shard.named]
    assert (vain[:, GRIPPER] != ABSENT).all()
    assert (np.delete(vain, GRIPPER, axis=1) == ABSENT).all()
    assert np.isnan(shard.pixels[shard.visibility == ABSENT]).all()
    assert np.isfinite(shard.pixels[shard.visibility != ABSENT]).all()


def test_a_visible_pad_has_its_colour_at_its_pixel_in_plain_scenes(shard):
    hues = {"red": [0], "green": [1], "blue": [2], "yellow": [0, 1]}
    right = []
    for row in np.flatnonzero(shard.named & (shard.visibility[:, TARGET] == VISIBLE)):
        frame = shard.sample_frames[row]
        colour = str(shard.sentences[shard.phrasings[row, 0]]).split()[-2]
        if shard.looks[frame] == "plain" and colour in hues:
            u, v = shard.pixels[row, TARGET].astype(int)
            pixel = shard.frames[frame, v, u].astype(int)
            strong = hues[colour]
            right.append(pixel[strong].min() > np.delete(pixel, strong).max() + 20)
    assert len(right) > 10
    assert np.mean(right) > 0.9  # but at the very edge of a cube that begins to cover it


def test_some_points_are_hidden_and_most_are_not(shard):
    named = shard.visibility[shard.named]
    assert 0.02 < (named == HIDDEN).mean() < 0.5
    assert (named == VISIBLE).mean() > 0.5


def test_the_same_arguments_give_the_same_shard_and_a_file_keeps_it(tmp_path):
    first, second = (
        record_shard("reach", split="heldout", seed=1, number=2, episodes=1) for _ in range(2)
    )
    first.write(tmp_path / "reach-0002.npz")
    read = Shard.read(tmp_path / "reach-0002.npz")
    for name in Shard.__slots__:
        np.testing.assert_array_equal(getattr(read, name), getattr(second, name))
    assert set(first.looks) <= {"plain", "heldout"}
    assert shard_files(tmp_path.parent, tmp_path.name, ["reach"]) == [tmp_path / "reach-0002.npz"]


def test_what_is_no_archive_and_what_is_missing_are_said(tmp_path):
    (tmp_path / "push-0000.npz").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match=r"push-0000\.npz is not an archive of recorded"):
        Shard.read(tmp_path / "push-0000.npz")
    with pytest.raises(CheckpointError, match=r"no recorded keypoints of 'stack'"):
        shard_files(tmp_path.parent, tmp_path.name, ["stack"])


def test_shards_of_another_seed_are_refused(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train/origin.json").write_text('{"seed": 1, "episodes_per_shard": 40}')
    with pytest.raises(CheckpointError, match=r"recorded with \{'seed': 0"):
        record_keypoints(
            tmp_path, split="train", tasks=["reach"], episodes_per_task=1, seed=0, workers=1
        )


@pytest.mark.parametrize("task", TASKS)
def test_nothing_in_vain_is_asked_for_that_is_there(task):
    env = TabletopEnv(task)
    rng = np.random.default_rng(0)
    other = 0
    for seed in range(5):
        env.reset(seed=seed)
        true = {sentence for each in questions(env) for sentence in each.phrasings}
        for _ in range(20):
            vain = vain_question(env, rng)
            assert vain.affordances is None
            assert not true & set(vain.phrasings)
            other += vain.plan != task
    assert 10 < other < 90


def test_drawers_can_be_asked_to_be_opened_and_shut():
    env = TabletopEnv("drawer_open")
    env.reset(seed=0)
    assert [each.plan for each in questions(env)] == ["drawer_open"] * 2 + ["drawer_close"] * 2
