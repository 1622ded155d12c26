"""One demonstration in, one task more, nothing forgotten: on a network that fits in a test."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pytest
import torch
from tests.tiny_grm import PHRASINGS, SIDE, tiny_network, toy_clips

from kibble.rewards.errors import ConfigError, FrameError
from kibble.rewards.grm.adaptation import AdaptationSettings, adapt
from kibble.rewards.grm.demonstration import (
    Demonstration,
    copy_demonstration,
    label_demonstration,
)
from kibble.rewards.grm.replay import Replay
from kibble.rewards.grm.training import Trainer, TrainingSettings
from kibble.rewards.loading import load, save
from kibble.rewards.types import Task

INSTRUCTION = "shove the red cube away"
SETTINGS = AdaptationSettings(steps=150, copies=6, learning_rate=5e-3)


@functools.cache
def trained():
    """A network that knows squares a little, and nothing of the instruction."""
    trainer = Trainer(
        tiny_network(),
        toy_clips(4),
        TrainingSettings(
            steps=100,
            clips_per_batch=4,
            frames_per_clip=4,
            learning_rate=5e-3,
            warmup=5,
            average=0.9,
            dtype=torch.float32,
        ),
    )
    trainer.run()
    return trainer.network


def demonstration(colour=(220, 30, 30), rest=4):
    """A red square walks from the left to the right and rests; a blue one stays."""
    places = np.concatenate([np.linspace(4, SIDE - 6, 10), np.full(rest, SIDE - 6)]).astype(int)
    frames = np.full((len(places), SIDE, SIDE, 3), 90, np.uint8)
    for frame, x in zip(frames, places, strict=True):
        frame[24:30, 12:18] = (20, 50, 230)
        frame[10:18, x - 4 : x + 4] = colour
    wrist = np.ascontiguousarray(frames[:, ::-1])
    return Demonstration(instruction=INSTRUCTION, frames={"front": frames, "wrist": wrist})


def replay(count=6):
    return [
        Replay(frames=dict(clip.frames), phrasings=PHRASINGS) for clip in toy_clips(count, seed=1)
    ]


@pytest.fixture(scope="module")
def adapted():
    steps = []
    result = adapt(
        trained(),
        [demonstration()],
        replay=replay(),
        settings=SETTINGS,
        on_step=lambda step, total: steps.append((step, total)),
    )
    return result, steps


def test_the_demonstration_is_read_as_what_it_is(adapted):
    result, _ = adapted
    progress, success = result.after[0], result.success[0]
    assert progress[0] < 0.2
    assert progress[-1] > progress[0] + 0.3
    assert np.corrcoef(progress, result.labels[0].progress)[0, 1] > 0.9
    assert success[-1] > success[0] + 0.2
    assert np.corrcoef(result.before[0], result.labels[0].progress)[0, 1] < 0.9
    assert result.new_words == ("away", "shove")


def test_known_sentences_are_answered_as_before(adapted):
    result, _ = adapted
    assert 0.0 <= result.drift < 0.05
    assert 0.0 <= result.success_drift < 0.1


def test_only_the_head_and_the_new_words_changed(adapted):
    old, new = trained().state_dict(), adapted[0].network.state_dict()
    changed = {
        name
        for name in old
        if name != "instructions.words.weight" and not torch.equal(old[name], new[name])
    }
    assert changed
    assert all(name.startswith(("fuse_", "absent")) for name in changed)
    known = 1 + len(tiny_network().config.vocabulary)
    rows, old_rows = new["instructions.words.weight"], old["instructions.words.weight"]
    torch.testing.assert_close(rows[:known], old_rows[:known])
    torch.testing.assert_close(rows[known + 2 :], old_rows[known:])


def test_the_result_loads_like_any_other_and_says_the_same(adapted, tmp_path):
    result, _ = adapted
    save(result.network, tmp_path, name="mine")
    model = load(tmp_path, dtype=torch.float32)
    frames = demonstration().frames
    last = {view: images[-1:] for view, images in frames.items()}
    start = {view: images[:1] for view, images in frames.items()}
    episode = model.begin(Task(instruction=INSTRUCTION), start)
    estimate = model.estimate([episode], last)
    assert estimate.progress[0] == pytest.approx(result.after[0][-1], abs=0.05)
    assert estimate.success[0] == pytest.approx(result.success[0][-1], abs=0.1)


def test_steps_are_counted_up_to_the_total(adapted):
    _, steps = adapted
    counts = [step for step, _ in steps]
    assert counts == sorted(counts)
    assert steps[-1][0] == steps[-1][1]


def test_the_network_given_is_left_alone():
    network = tiny_network()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    adapt(network, [demonstration()], settings=AdaptationSettings(steps=2, copies=2))
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert all(p.requires_grad for p in network.parameters())


def test_same_seed_same_weights():
    short = AdaptationSettings(steps=3, copies=2, seed=4)
    first, second = (
        adapt(tiny_network(), [demonstration()], settings=short).network for _ in range(2)
    )
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0.0, atol=0.0)


def test_without_replay_drift_is_not_known_and_one_view_is_enough():
    shown = demonstration()
    front = Demonstration(instruction=INSTRUCTION, frames={"front": shown.frames["front"]})
    result = adapt(tiny_network(), [front, front], settings=AdaptationSettings(steps=3, copies=2))
    assert np.isnan(result.drift)
    assert len(result.labels) == 2
    assert all(torch.isfinite(p).all() for p in result.network.parameters())


def test_an_analogy_is_found_in_the_words_of_the_replay():
    """The network is taught that a known sentence rises along the demonstration."""
    first = adapt(
        trained(),
        [
            Demonstration(
                instruction="push the red cube to the middle", frames=demonstration().frames
            )
        ],
        settings=dataclasses.replace(SETTINGS, recolour=False),
    ).network
    scenes = [Replay(frames=demonstration().frames, phrasings=PHRASINGS), *replay(2)]
    short = AdaptationSettings(steps=3, copies=2)
    found = adapt(first, [demonstration()], replay=scenes, settings=short)
    assert found.analogy == "push the {0} cube to the middle"
    without = AdaptationSettings(steps=3, copies=2, analogy=False)
    assert adapt(first, [demonstration()], replay=scenes, settings=without).analogy is None


def test_labels_come_from_what_moves():
    places = np.concatenate([np.linspace(0, 10, 12), np.full(4, 10.0)])[:, None]
    labels = label_demonstration(places)
    assert labels.settled in (9, 10, 11)
    assert (np.diff(labels.progress) >= 0.0).all()
    assert (labels.progress[0], labels.progress[-1]) == (0.0, 1.0)
    assert (labels.success[labels.settled :] == 1.0).all()
    assert labels.success[0] == 0.0
    assert np.isnan(labels.success[labels.settled - 1])


def test_copies_keep_words_and_pictures_together():
    rng = np.random.default_rng(0)
    views = ("front", "wrist")
    seen, shown = set(), set()
    for _ in range(40):
        copy = copy_demonstration(demonstration(), rng, views=views)
        (colour,) = copy.colours
        assert copy.sentences == (f"shove the {colour} cube away",)
        assert copy.counterfactual == f"shove the {copy.other_colours[0]} cube away"
        assert copy.other_colours != copy.colours
        assert {images.shape for images in copy.frames.values()} == {(14, SIDE, SIDE, 3)}
        seen.add(colour)
        shown.add(tuple(copy.frames))
    assert len(seen) > 3
    assert shown == {views, ("front",)}


@pytest.mark.parametrize(
    ("instruction", "mirrored"),
    [(INSTRUCTION, True), ("shove the red cube to the right", False)],
)
def test_copies_are_mirrored_unless_a_sentence_speaks_of_sides(instruction, mirrored):
    rng = np.random.default_rng(0)
    shown = Demonstration(instruction=instruction, frames=demonstration().frames)
    ends = []
    for _ in range(12):
        copy = copy_demonstration(shown, rng, views=("front",), recolours=False, mirrors=True)
        last = copy.frames["front"][-1].astype(int)
        ends.append(int((last[..., 0] - last[..., 2])[8:18].sum(axis=0).argmax()) > SIDE / 2)
    assert set(ends) == ({True, False} if mirrored else {True})


def test_copies_can_keep_their_colours():
    rng = np.random.default_rng(0)
    copies = [
        copy_demonstration(demonstration(), rng, views=("front",), recolours=False)
        for _ in range(5)
    ]
    assert {copy.sentences for copy in copies} == {(INSTRUCTION,)}


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: adapt(tiny_network(), []), ConfigError, "`demonstrations` must hold one"),
        (
            lambda: Demonstration(instruction="?!", frames=demonstration().frames),
            ConfigError,
            r"`instruction` must say in words what is done, got '\?!'",
        ),
        (
            lambda: Demonstration(
                instruction="push", frames={"front": np.zeros((2, 8, 8, 3), np.uint8)}
            ),
            FrameError,
            "must have 4 frames or more, got 2",
        ),
        (
            lambda: adapt(
                tiny_network(),
                [
                    Demonstration(
                        instruction="push",
                        frames={"front": np.zeros((9, SIDE, SIDE, 3), np.uint8)},
                    )
                ],
            ),
            FrameError,
            "must show the task being done",
        ),
        (
            lambda: adapt(
                tiny_network(),
                [
                    Demonstration(
                        instruction="push", frames={"side": demonstration().frames["front"]}
                    )
                ],
            ),
            FrameError,
            "must have a view that the reward model knows, one of front, wrist",
        ),
        (lambda: AdaptationSettings(steps=0), ConfigError, "`steps` must be 1 or more"),
        (lambda: AdaptationSettings(learning_rate=1.0), ConfigError, "`learning_rate` must lie"),
    ],
)
def test_bad_input_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
