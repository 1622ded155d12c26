"""Samples are joined, and batches are drawn from them, as the truth allows."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from tests.keypoint_toy import GRIPPER, SIDE, TARGET, WORDS, toy_samples, toy_shard

from kibble.agents.keypoint_training.batches import UNKNOWN_PLAN, BatchSampler
from kibble.agents.keypoint_training.samples import Samples, read_samples
from kibble.agents.keypoint_training.shards import ABSENT, VISIBLE
from kibble.rewards.errors import CheckpointError
from kibble.rewards.grm.instructions import Tokenizer

TOKENIZER = Tokenizer(WORDS, hash_buckets=4, max_tokens=8)


def sampler(samples, seed=0, pictures=16):
    return BatchSampler(
        samples, TOKENIZER, pictures=pictures, sentences=4, dtype=torch.float32, seed=seed
    )


def test_joined_shards_keep_frames_samples_and_sentences_together():
    one, other = toy_shard(3, seed=0), toy_shard(5, seed=1)
    other = dataclasses.replace(  # the same sentences under other numbers
        other, sentences=other.sentences[::-1], phrasings=(5 - other.phrasings).astype(np.int32)
    )
    joined = Samples.gather([one, other], ["toy"])
    assert joined.frames.shape == (8, SIDE, SIDE, 3)
    assert np.diff(joined.first).tolist() == [3] * 8
    assert len(joined.sentences) == 6
    assert len(set(joined.episodes.tolist())) == 8
    for row in range(9):
        said = [one.sentences[i] for i in one.phrasings[row]]
        assert [joined.sentences[i] for i in joined.phrasings[row]] == said
    for row in range(15):
        said = [other.sentences[i] for i in other.phrasings[row]]
        assert [joined.sentences[i] for i in joined.phrasings[9 + row]] == said


def test_plans_of_other_tasks_come_after_the_tasks():
    shard = toy_shard(2)
    plans = np.array(["toy", "toy", "elsewhere", "toy", "toy", "toy"])
    joined = Samples.gather([dataclasses.replace(shard, plans=plans)], ["toy"])
    assert joined.ways == ("toy", "elsewhere")
    assert joined.plans[2] == 1


def test_a_recording_is_read_from_its_folder(tmp_path):
    toy_shard(2).write(tmp_path / "train" / "toy-0000.npz")
    toy_shard(3, seed=1).write(tmp_path / "train" / "toy-0001.npz")
    seen = []
    samples = read_samples(
        tmp_path, "train", ["toy"], on_progress=lambda done, total: seen.append((done, total))
    )
    assert len(samples.frames) == 5
    assert seen == [(1, 2), (2, 2)]
    with pytest.raises(CheckpointError, match="no recorded keypoints of 'push'"):
        read_samples(tmp_path, "train", ["push"])


def test_a_batch_is_reproducible_and_in_form():
    samples = toy_samples(20)
    batch, again = sampler(samples).draw(), sampler(samples).draw()
    for one, other in zip(batch, again, strict=True):
        torch.testing.assert_close(one, other, equal_nan=True)
    assert batch.pictures.shape == (16, 3, SIDE, SIDE)
    assert batch.rows.tolist() == [i for i in range(16) for _ in range(4)]
    assert len(batch.numbers) == len(batch.pixels) == len(batch.plans) == 64


def test_what_is_absent_is_not_placed_and_the_hand_always_is():
    batch = sampler(toy_samples(40), pictures=40).draw()
    height, width = batch.pictures.shape[2:]
    inside = ((batch.pixels >= 0) & (batch.pixels < torch.tensor([width, height]))).all(dim=-1)
    assert bool((batch.states[~inside] == ABSENT).all())
    assert bool((batch.states[:, GRIPPER][inside[:, GRIPPER]] == VISIBLE).all())
    share = float((batch.states[:, TARGET] == ABSENT).float().mean())
    assert 0.2 < share < 0.6


def test_sentences_about_other_scenes_never_name_what_is_there():
    """Whoever is told that a target is absent was asked for a colour that the frame lacks."""
    samples = toy_samples(60)
    colours = {TOKENIZER.encode(name)[0]: name for name in ("red", "green", "blue")}
    drawn = sampler(samples, pictures=60)
    draws = [drawn._choose(frame) for frame in range(60)]
    told = 0
    for frame, chosen in enumerate(draws):
        here = {
            samples.sentences[i]
            for row in range(*samples.first[frame : frame + 2])
            if samples.named[row]
            for i in samples.phrasings[row]
        }
        for sample in chosen:
            words, plan = drawn._ask(int(sample), frame)
            asked = [colours[n] for n in words.tolist() if n in colours]
            if plan == UNKNOWN_PLAN or not asked:
                continue
            named = any(asked[0] in sentence for sentence in here)
            assert named == bool(samples.named[sample])
            told += 1
    assert told > 100
