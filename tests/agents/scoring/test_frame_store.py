"""Frames are kept without loss and within a bound, and come back in their order."""

from __future__ import annotations

import numpy as np
import pytest
from tests.agents.scoring.line_runs import GAMMA, all_rewards, buffer_of, line_venv, walk
from tests.reward_models import CentroidModel, SmoothedModel
from tests.tiny_grm import PHRASINGS, shaken_network

from kibble.agents.demonstrated import Transitions
from kibble.agents.scoring.episode_store import EpisodeStore
from kibble.agents.scoring.frame_codec import FrameDecoder, FrameEncoder
from kibble.agents.trees import load_tree, save_tree
from kibble.rewards.errors import ConfigError
from kibble.rewards.grm.model import GeneralRewardModel
from kibble.rewards.rule import ShapingRule
from kibble.rewards.signals import Signals


def test_frames_come_back_bit_for_bit_and_still_pictures_take_little():
    rng = np.random.default_rng(0)
    still = rng.integers(0, 256, (1, 24, 24, 3), dtype=np.uint8)
    moved = still.copy()
    moved[0, 3:6, 3:6] += 7
    larger = rng.integers(0, 256, (1, 32, 24, 3), dtype=np.uint8)
    frames = [
        {"front": still, "wrist": moved},
        {"front": moved},  # a view can be missing for a while
        {"front": moved, "wrist": still},
        {"front": larger, "wrist": still},  # and change its size
    ]
    encoder, decoder = FrameEncoder(), FrameDecoder()
    packed = [encoder.encode(one) for one in frames]
    assert len(packed[1]["front"]) < len(packed[0]["front"]) / 5
    assert len(packed[2]["front"]) < 40
    for one, content in zip(frames, packed, strict=True):
        back = decoder.decode(content)
        assert set(back) == set(one)
        for view, images in one.items():
            np.testing.assert_array_equal(back[view], images)


class Other(CentroidModel):
    """The same model after it was adapted: progress is curved, and the version another."""

    def __init__(self, version: str = "2") -> None:
        super().__init__()
        import dataclasses

        self._spec = dataclasses.replace(self._spec, version=version)

    def read(self, frames):
        return super().read(frames) ** 2


def expected_with(model, steps: int = 50, every: int = 1) -> np.ndarray:
    venv = line_venv(model, every=every)
    buffer = buffer_of(venv)
    walk(venv, buffer, steps)
    return all_rewards(buffer)


@pytest.mark.parametrize("kind", ["immediate", "deferred", "asynchronous"])
@pytest.mark.parametrize("every", [1, 4])
def test_scored_again_is_as_if_the_new_model_had_been_there_from_the_start(kind, every):
    venv = line_venv(SmoothedModel(), kind=kind, every=every, store_mb=10.0)
    buffer = buffer_of(venv)
    walk(venv, buffer, 50)
    assert buffer.kept.versions.keys() <= {"1"}
    rule = venv.scoring.rule
    buffer.rescore(Other())
    assert venv.scoring.rule is rule
    np.testing.assert_array_equal(all_rewards(buffer), expected_with(Other(), every=every))
    assert buffer.kept.versions == {"2": 150}
    venv.close()


def test_running_episodes_go_on_with_the_new_model():
    whole = line_venv(Other())
    expected = buffer_of(whole)
    venv = line_venv(SmoothedModel(), store_mb=10.0)
    buffer = buffer_of(venv)
    rng = np.random.default_rng(1)
    for one in (whole, venv):
        one.seed(3)
    seen, other = whole.reset(), venv.reset()
    for t in range(40):
        action = (rng.random(3) < 0.75).astype(np.int64)
        if t == 17:
            venv.scoring.rescore(Other())
        for env, into in ((whole, expected), (venv, buffer)):
            after, rewards, dones, infos = env.step(action)
            before = seen if env is whole else other
            into.add(before, after, action[:, None], rewards, dones, infos)
        seen = other = after
    np.testing.assert_array_equal(all_rewards(buffer), all_rewards(expected))


def test_a_network_that_was_adapted_reads_the_frames_again():
    def grown(version: str) -> GeneralRewardModel:
        network = shaken_network(int(version))
        return GeneralRewardModel(network, name="tiny", version=version, reading="mean")

    venv = line_venv(grown("1"), kind="deferred", store_mb=10.0, instruction=PHRASINGS[0][0])
    buffer = buffer_of(venv)
    walk(venv, buffer, 30)
    first = all_rewards(buffer)
    buffer.rescore(grown("2"))
    expected = line_venv(grown("2"), instruction=PHRASINGS[0][0])
    adapted = buffer_of(expected)
    walk(expected, adapted, 30)
    # More episodes side by side than environments: float32 sums are in another order.
    np.testing.assert_allclose(all_rewards(buffer), all_rewards(adapted), rtol=0.0, atol=3e-6)
    assert np.abs(all_rewards(buffer) - first).max() > 1e-3


@pytest.mark.parametrize("kind", ["immediate", "deferred", "asynchronous"])
def test_a_model_that_changes_its_version_has_its_frames_read_again(kind):
    model = Other("1")
    curve, model.read = model.read, CentroidModel().read
    venv = line_venv(model, kind=kind, store_mb=10.0)
    buffer = buffer_of(venv, size=100)
    walk(venv, buffer, 30)
    venv.scoring.settle()
    model.read = curve
    model._spec = Other()._spec  # adapted in place
    venv.step(np.ones(3, np.int64))
    venv.scoring.settle()
    assert buffer.kept.versions == {"2": 90}
    np.testing.assert_array_equal(all_rewards(buffer)[:30], expected_with(Other(), 30))
    venv.close()


def test_a_model_that_fails_to_read_again_changes_nothing():
    class Broken(Other):
        def estimate(self, episodes, frames):
            if len(self.batches) > 5:
                raise RuntimeError("the model is broken")
            return super().estimate(episodes, frames)

    venv = line_venv(SmoothedModel(), store_mb=10.0)
    buffer = buffer_of(venv)
    walk(venv, buffer, 30)
    before = all_rewards(buffer)
    with pytest.raises(RuntimeError, match="the model is broken"):
        buffer.rescore(Broken())
    np.testing.assert_array_equal(all_rewards(buffer), before)
    assert buffer.kept.versions == {"1": 90}
    assert isinstance(venv.shaper.potential.model, SmoothedModel)


def test_demonstrations_are_read_again_by_the_same_model():
    def shown(model) -> Transitions:
        """Two transitions that pay the model's version."""
        never = np.zeros(2, np.bool_)
        ones = np.ones((2, 1), np.float32)
        return Transitions(
            observations=ones,
            next_observations=ones,
            actions=ones.astype(np.int64),
            signals=Signals.sparse(np.full(2, float(model.spec.version)), never, never),
            rule=ShapingRule(gamma=GAMMA),
        )

    venv = line_venv(SmoothedModel(), store_mb=10.0)
    buffer = buffer_of(venv)
    walk(venv, buffer, 10)
    buffer.demonstrate(shown(SmoothedModel()), share=1.0, read_again=shown)
    assert buffer.sample(5).rewards.flatten().tolist() == [1.0] * 5
    buffer.rescore(Other())
    assert buffer.sample(5).rewards.flatten().tolist() == [2.0] * 5


def test_a_full_store_lets_the_oldest_go_and_says_so(caplog):
    venv = line_venv(SmoothedModel(), store_mb=0.006)
    buffer = buffer_of(venv)
    walk(venv, buffer, 50)
    store = venv.scoring.store
    assert store.departed > 0
    assert store.size <= 6_000
    assert "The frame store is full (`scoring.store_mb`=0.006)" in caplog.text
    buffer.rescore(Other())
    versions = buffer.kept.versions
    assert versions["1"] > 0 < versions["2"]
    assert sum(versions.values()) == 150
    old, new = expected_with(SmoothedModel()), expected_with(Other())
    rewards = all_rewards(buffer)
    assert ((rewards == old) | (rewards == new)).all()
    assert (rewards[-3:] == new[-3:]).all()  # running episodes never leave


def test_frames_of_overwritten_transitions_are_dropped_without_a_count():
    venv = line_venv(SmoothedModel(), store_mb=10.0)
    buffer = buffer_of(venv, size=12)
    walk(venv, buffer, 60)
    assert venv.scoring.store.departed == 0
    oldest = min(episode.steps[-1].number for episode in venv.scoring.store.finished)
    assert oldest >= 60 - 2 * 12


def test_without_a_store_nothing_can_be_read_again_and_nothing_is_touched(caplog):
    model = CentroidModel()
    venv = line_venv(model)
    buffer = buffer_of(venv)
    walk(venv, buffer, 10)
    before = all_rewards(buffer)
    with pytest.raises(ConfigError, match=r"`scoring.store_mb` must be more than 0"):
        buffer.rescore(Other())
    model._spec = Other()._spec
    venv.step(np.ones(3, np.int64))
    assert "changed from version 1 to 2: transitions keep the potentials" in caplog.text
    np.testing.assert_array_equal(all_rewards(buffer), before)


def test_a_store_goes_on_from_its_state(tmp_path):
    venv = line_venv(SmoothedModel(), store_mb=10.0)
    buffer = buffer_of(venv)
    walk(venv, buffer, 23)
    save_tree(tmp_path / "state.pt", venv.scoring.get_state())
    state = load_tree(tmp_path / "state.pt")
    loaded = EpisodeStore(1_000_000)
    loaded.set_state(state["store"])
    kept = venv.scoring.store
    assert loaded.size == kept.size
    pairs = zip([*loaded.finished, *loaded.running], [*kept.finished, *kept.running], strict=True)
    for got, expected in pairs:
        assert got.steps == expected.steps
        assert (got.slot, got.weight, got.start) == (
            expected.slot,
            expected.weight,
            expected.start,
        )
