"""The keypoint network learns from toy scenes, and goes on where it stopped."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from tests.keypoint_toy import REACH, toy_network, toy_samples

from kibble.agents.keypoint_training.accuracy import accuracies, choose_samples
from kibble.agents.keypoint_training.batches import UNKNOWN_PLAN, Batch, BatchSampler
from kibble.agents.keypoint_training.objective import loss_of
from kibble.agents.keypoint_training.training import KeypointTrainer, KeypointTrainingSettings
from kibble.rewards.errors import CheckpointError


def trainer(steps, seed=0, rate=4e-3):
    return KeypointTrainer(
        toy_network(plans=(REACH,)),
        toy_samples(120),
        KeypointTrainingSettings(
            steps=steps,
            pictures=16,
            sentences=3,
            learning_rate=rate,
            warmup=10,
            average=0.95,
            seed=seed,
            dtype=torch.float32,
        ),
    )


@pytest.fixture(scope="module")
def trained():
    learner = trainer(260)
    learner.run()
    return learner.network


def test_it_finds_squares_by_colour_on_frames_that_it_never_saw(trained):
    heldout = toy_samples(60, seed=9)
    chosen = choose_samples(heldout, "plain", per_task=40, seed=0)
    row = accuracies(trained, heldout, chosen)[0]
    fresh = accuracies(toy_network(plans=(REACH,)), heldout, chosen)[0]
    assert row.samples == 40
    assert row.median < 1.0 < 5.0 < fresh.median
    assert row.within > 0.9
    assert row.plan == 1.0
    assert math.isnan(row.grasp)
    assert math.isnan(row.hidden)


def test_it_refuses_what_is_not_there(trained):
    heldout = toy_samples(60, seed=9)
    row = accuracies(trained, heldout, choose_samples(heldout, "heldout", per_task=40, seed=0))[0]
    assert row.told > 0.8
    assert row.refused > 0.8


def test_samples_are_chosen_by_look_and_half_as_many_in_vain():
    samples = toy_samples(60)
    chosen = choose_samples(samples, "plain", per_task=20, seed=0)
    assert samples.named[chosen].sum() == 20
    assert len(chosen) == 30
    frames = np.repeat(np.arange(60), np.diff(samples.first))[chosen]
    assert set(samples.looks[frames]) == {"plain"}


def test_it_goes_on_where_it_stopped(tmp_path):
    through, stopped, resumed = trainer(6), trainer(6), trainer(6)
    through.run()
    stopped.run(until=3)
    stopped.save(tmp_path / "ckpt")
    resumed.restore(tmp_path / "ckpt")
    resumed.run()
    assert resumed.step == 6
    for one, other in zip(
        through.network.state_dict().values(), resumed.network.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_a_damaged_checkpoint_is_refused(tmp_path):
    (tmp_path / "ckpt").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="A checkpoint must fit the network"):
        trainer(1).restore(tmp_path / "ckpt")


def test_a_loss_that_is_not_finite_ends_it():
    learner = trainer(2)
    with torch.no_grad():
        learner._network.positions[0, 0] = torch.nan
    with pytest.raises(CheckpointError, match="training loss must be finite"):
        learner.run()


def drawn() -> Batch:
    network = toy_network(plans=(REACH,))
    return BatchSampler(
        toy_samples(8), network.tokenizer, pictures=8, sentences=2, dtype=torch.float32, seed=0
    ).draw()


def test_absent_points_and_unknown_plans_have_no_say():
    batch, network = drawn(), toy_network(plans=(REACH,)).eval()
    nowhere = batch._replace(
        states=torch.zeros_like(batch.states), plans=torch.full_like(batch.plans, UNKNOWN_PLAN)
    )
    loss, terms = loss_of(network, nowhere)
    assert [float(terms[name].detach()) for name in ("heat", "offset", "plan")] == [0.0] * 3
    torch.autograd.backward(loss)
    assert all(
        bool(torch.isfinite(p.grad).all()) for p in network.parameters() if p.grad is not None
    )


def test_the_loss_of_a_trained_network_is_smaller(trained):
    batch = drawn()
    with torch.no_grad():
        fresh, before = loss_of(toy_network(plans=(REACH,)).eval(), batch)
        learned, after = loss_of(trained, batch)
    assert float(learned) < 0.5 * float(fresh)
    assert {name for name in after if after[name] > before[name]} <= {"plan"}
