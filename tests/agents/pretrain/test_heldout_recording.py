"""Clips that training never draws."""

from __future__ import annotations

import numpy as np
import pytest

from kibble.agents.pretrain.clip_reading import read_clip_datasets
from kibble.agents.pretrain.heldout_recording import heldout_clips, record_heldout
from kibble.agents.pretrain.recording import make_env, record_clip
from kibble.rewards.errors import ConfigError

KINDS = {"success": 2, "near_miss": 1}


def test_both_appearances_show_the_same_events():
    plain = heldout_clips("reach", per_kind=KINDS, steps=20)
    dressed = heldout_clips("reach", per_kind=KINDS, steps=20, appearance="heldout")
    assert [clip.kind for clip in plain] == ["success", "success", "near_miss"]
    for a, b in zip(plain, dressed, strict=True):
        np.testing.assert_array_equal(a.progress, b.progress)
        np.testing.assert_array_equal(a.state, b.state)
        assert not np.array_equal(a.frames["front"], b.frames["front"])


def test_training_never_hears_the_last_phrasing():
    env = make_env("reach")
    rng = np.random.default_rng(0)
    trained = record_clip(env, task="reach", rng=rng, steps=4, stride=2, kind="random")
    (unseen,) = heldout_clips("reach", per_kind={"random": 1}, steps=4)
    assert [len(each) for each in unseen.phrasings] == [
        len(each) + 1 for each in trained.phrasings
    ]
    assert not any("point at" in sentence for each in trained.phrasings for sentence in each)
    assert all("point at" in each[-1] for each in unseen.phrasings)
    env.close()


def test_a_kind_does_not_depend_on_the_others():
    alone = heldout_clips("reach", per_kind={"near_miss": 1}, steps=20)[0]
    among = heldout_clips("reach", per_kind=KINDS, steps=20)[-1]
    np.testing.assert_array_equal(alone.frames["front"], among.frames["front"])


@pytest.mark.slow
def test_sets_are_recorded_by_appearance_and_task(tmp_path):
    record_heldout(tmp_path, tasks=["reach"], per_kind={"random": 2, "success": 1}, steps=20)
    for appearance in ("default", "heldout"):
        clips = read_clip_datasets(tmp_path / appearance, tasks=["reach"])
        assert [clip.kind for clip in clips] == ["random", "random", "success"]
        np.testing.assert_array_equal(clips[0].actions[-1], np.zeros(4))


def test_mistakes_are_named():
    with pytest.raises(ConfigError, match="`per_kind` must name some of success"):
        heldout_clips("reach", per_kind={"dance": 1})
    with pytest.raises(ConfigError, match="`appearance` must be one of default, training, held"):
        heldout_clips("reach", per_kind={"random": 1}, appearance="odd")
