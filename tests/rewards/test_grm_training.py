"""The training loop, on squares that walk over a floor."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.tiny_grm import PHRASINGS, noise_frames, tiny_network, toy_clips

from kibble.rewards.errors import CheckpointError, WeightsError
from kibble.rewards.grm.augmentation import shifted, spoiled
from kibble.rewards.grm.batches import BatchSampler
from kibble.rewards.grm.clips import Clip, read_clips, write_clips
from kibble.rewards.grm.counterfactual import CounterfactualInstructions
from kibble.rewards.grm.instructions import Tokenizer
from kibble.rewards.grm.objective import hop_target, two_hot
from kibble.rewards.grm.readings import hop
from kibble.rewards.grm.training import Trainer, TrainingSettings


def trainer(*, steps=20, seed=0, clips=None, **settings):
    return Trainer(
        tiny_network(),
        toy_clips(4) if clips is None else clips,
        TrainingSettings(
            steps=steps,
            clips_per_batch=4,
            frames_per_clip=4,
            instructions_per_clip=2,
            warmup=5,
            seed=seed,
            dtype=torch.float32,
            **settings,
        ),
    )


def weights(run):
    return {name: value.clone() for name, value in run.network.state_dict().items()}


def test_it_learns_a_tiny_data_set():
    errors = []
    run = trainer(steps=150, learning_rate=5e-3)
    run.run(on_step=lambda step, terms: errors.append(terms["progress"]))
    assert np.mean(errors[-10:]) < 0.5 * np.mean(errors[:10])


def test_a_stopped_run_continues_identically(tmp_path):
    whole = trainer()
    whole.run()
    first = trainer()
    first.run(until=8)
    first.save(tmp_path / "checkpoint")
    second = trainer()
    second.restore(tmp_path / "checkpoint")
    assert second.step == 8
    second.run()
    for name, value in weights(whole).items():
        torch.testing.assert_close(weights(second)[name], value, rtol=0, atol=0)


def test_the_seed_decides():
    first, same, other = trainer(steps=3), trainer(steps=3), trainer(steps=3, seed=1)
    for run in (first, same, other):
        run.run()
    name = "fuse_text.weight"
    assert torch.equal(weights(first)[name], weights(same)[name])
    assert not torch.equal(weights(first)[name], weights(other)[name])


def test_a_damaged_checkpoint_is_refused(tmp_path):
    run = trainer()
    with pytest.raises(CheckpointError, match="must fit the network and tasks"):
        run.restore(tmp_path / "none")
    (tmp_path / "checkpoint").write_bytes(b"not a checkpoint")
    with pytest.raises(CheckpointError, match="must fit the network and tasks"):
        run.restore(tmp_path / "checkpoint")


def test_a_loss_that_is_not_finite_stops_the_run():
    run = trainer(steps=40, learning_rate=1e4)
    with pytest.raises(CheckpointError, match=r"must be finite, got \[.*at step \d"):
        run.run()


@given(st.lists(st.floats(-1.0, 1.0, width=32), min_size=1, max_size=9), st.integers(2, 50))
def test_two_hot_keeps_the_expectation(values, bins):
    wanted = torch.tensor(values)
    spread = two_hot(wanted, bins)
    assert ((spread > 0).sum(dim=-1) <= 2).all()
    torch.testing.assert_close(spread @ torch.linspace(-1, 1, bins), wanted, atol=1e-5, rtol=0)


@given(st.floats(0.0, 1.0, width=32), st.floats(0.0, 1.0, width=32))
def test_hop_targets_are_the_hops(before, after):
    target = hop_target(torch.tensor(before), torch.tensor(after))
    if max(before, 1 - before) > 1e-4 and (before > 1e-4 or before == 0.0):
        assert float(target) == pytest.approx(float(hop(before, after)), abs=2e-3)


def sampler(clips=None, *, seed=0, frames=6, clips_per_batch=12):
    return BatchSampler(
        toy_clips(6) if clips is None else clips,
        Tokenizer(["red", "blue"], hash_buckets=4, max_tokens=12),
        views=("front", "wrist"),
        clips_per_batch=clips_per_batch,
        frames_per_clip=frames,
        instructions_per_clip=3,
        seed=seed,
        dtype=torch.float32,
    )


def test_batches_hold_what_they_say():
    batch = sampler(toy_clips(3), frames=4, clips_per_batch=5).draw()
    assert batch.images.shape == (5 * 4 * 2, 3, 32, 32)
    assert batch.images.is_contiguous(memory_format=torch.channels_last)
    assert 0.0 <= float(batch.images.min()) <= float(batch.images.max()) <= 1.0
    assert batch.present[:, 0].all()
    assert len(batch.numbers) == len(batch.sentences) == 5 * 3
    for b, g in np.argwhere(batch.goal.numpy() >= 0):
        assert batch.success[b, batch.goal[b, g], g] == 1.0


def test_what_the_scene_cannot_follow_or_show_is_labelled_as_no_progress():
    source = sampler()
    known, legible = [], []
    for _ in range(20):
        batch = source.draw()
        known.append(batch.known.numpy())
        legible.append(batch.legible.numpy())
        for labels in (batch.progress, batch.success):
            assert float((labels * ~batch.known[:, None]).abs().max()) == 0.0
            assert float((labels * ~batch.legible[:, :, None]).abs().max()) == 0.0
        told = np.array(batch.sentences).reshape(12, 3)
        allowed = {text for phrasings in PHRASINGS for text in phrasings}
        assert not set(told[~batch.known.numpy()]) & allowed
    known, legible = np.concatenate(known), np.concatenate(legible)
    assert known[:, :2].all()
    assert 0.3 < 1 - known[:, 2].mean() < 0.7
    assert legible[:, 0].all()
    assert 0.0 < 1 - legible.mean() < 0.1


def test_hops_are_balanced():
    rng = np.random.default_rng(0)
    clips = [
        dataclasses.replace(clip, progress=rng.random(clip.progress.shape).astype(np.float32))
        for clip in toy_clips(6)
    ]
    source, hops = sampler(clips, frames=8), []
    for _ in range(30):
        batch = source.draw()
        assert (batch.near.sum(dim=1) == 1).all()
        before = batch.progress[..., 0].gather(1, batch.before)
        far = ~batch.near & batch.legible & batch.legible.gather(1, batch.before)
        hops.append(hop_target(before, batch.progress[..., 0])[far])
    values = torch.cat(hops)
    shares = torch.histc(values, bins=5, min=-1, max=1) / len(values)
    assert shares.min() > 0.08
    assert shares.max() < 0.4


def test_a_counterfactual_instruction_names_what_the_clip_does_not_hold():
    clips = toy_clips(2)
    green = dataclasses.replace(clips[1], phrasings=(("push the green cube",), ("turn it",)))
    other = dataclasses.replace(clips[1], task="other", phrasings=(("open it",), ("shut it",)))
    source = CounterfactualInstructions([clips[0], green, other], np.random.default_rng(0))
    drawn = [source.draw(clips[0]) for _ in range(200)]
    own = {text for phrasings in clips[0].phrasings for text in phrasings}
    assert not own & set(drawn)
    assert {"push the green cube", "turn it", "open it", "shut it"} <= set(drawn)


@pytest.mark.parametrize("seed", range(6))
def test_spoiled_images_show_nothing(seed):
    images = spoiled((3, 16, 16, 3), np.random.default_rng(seed))
    assert images.dtype == np.uint8
    flat = images.reshape(-1, 3)
    assert (flat == flat[0]).all() or flat.std() > 60


def test_a_student_comes_close_to_its_teacher():
    teacher = trainer(steps=60, learning_rate=5e-3)
    teacher.run()
    clips = toy_clips(4)
    settings = dataclasses.replace(teacher.settings, steps=40, seed=3)
    gaps = []
    run = Trainer(tiny_network(5), clips, settings, teacher=teacher.network)
    run.run(on_step=lambda step, terms: gaps.append(terms["teacher"]))
    assert np.mean(gaps[-5:]) < 0.8 * np.mean(gaps[:5])
    assert not any("teacher" in name for name in run.network.state_dict())


def test_ranking_needs_a_difference_and_rewards_the_right_order():
    terms = []
    run = trainer(steps=150, learning_rate=5e-3)
    run.run(on_step=lambda step, values: terms.append(values["rank"]))
    assert np.mean(terms[-20:]) < 0.9 * np.mean(terms[:20])


def test_shifting_repeats_the_border():
    images = noise_frames(2)["front"]
    moved = shifted(images, 1, -2)
    np.testing.assert_array_equal(moved[:, 1:, :-2], images[:, :-1, 2:])
    np.testing.assert_array_equal(moved[:, 0, :-2], images[:, 0, 2:])


def test_clips_survive_the_disk(tmp_path):
    clips = toy_clips(3)
    write_clips(tmp_path / "shard", clips)
    (tmp_path / "unfinished").mkdir()
    for read, wrote in zip(read_clips(tmp_path), clips, strict=True):
        for view, images in wrote.frames.items():
            np.testing.assert_array_equal(read.frames[view], images)
        np.testing.assert_array_equal(read.progress, wrote.progress)
        np.testing.assert_array_equal(read.success, wrote.success)
        np.testing.assert_array_equal(read.stage, wrote.stage)
        np.testing.assert_array_equal(read.state, wrote.state)
        assert read.phrasings == PHRASINGS
        assert read.kind == wrote.kind == "mixed"


def test_no_clips_is_an_error(tmp_path):
    with pytest.raises(WeightsError, match="got no shard in"):
        read_clips(tmp_path)


def test_a_clip_must_agree_with_itself():
    clip = toy_clips(1)[0]
    with pytest.raises(ValueError, match="needs 12 frames and states"):
        Clip(
            task="toy",
            frames={view: images[:-1] for view, images in clip.frames.items()},
            progress=clip.progress,
            success=clip.success,
            stage=clip.stage,
            state=clip.state,
            phrasings=PHRASINGS,
        )
    with pytest.raises(ValueError, match="2 sets of phrasings"):
        Clip(
            task="toy",
            frames=clip.frames,
            progress=clip.progress,
            success=clip.success,
            stage=clip.stage,
            state=clip.state,
            phrasings=PHRASINGS[:1],
        )
    with pytest.raises(ValueError, match="`stage` of shape"):
        dataclasses.replace(clip, stage=clip.stage[:, :1])
    with pytest.raises(ValueError, match=r"`kind` must be one of success, .* got 'dance'"):
        dataclasses.replace(clip, kind="dance")
