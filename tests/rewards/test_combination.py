"""Several reward models as one: arithmetic, statuses, memories, views and sizes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tests.reward_models import CentroidModel, FlakyModel, SmoothedModel

from kibble.rewards import Frames, Potential, RewardModel, Shaper, Status, Task
from kibble.rewards.combination import CombinedModel, Combining, combine_progress
from kibble.rewards.errors import ConfigError

TASK = Task(instruction="move the dot to the right")
READINGS = hnp.arrays(
    np.float64, st.tuples(st.integers(2, 4), st.just(5)), elements=st.floats(0.0, 1.0)
)


def dot(*columns: int) -> Frames:
    image = np.zeros((len(columns), 8, 32, 3), np.uint8)
    for i, column in enumerate(columns):
        image[i, :, column] = 255
    return {"front": image}


class FlatModel(CentroidModel):
    """Always reads the same."""

    def __init__(self, value: float, **spec: object) -> None:
        super().__init__(**spec)
        self.value = value

    def read(self, frames: Frames) -> np.ndarray:
        return np.full(len(frames["front"]), self.value, np.float32)


@given(READINGS, st.sampled_from(Combining))
def test_a_combination_lies_between_0_and_1_and_never_falls_when_a_reading_rises(readings, how):
    combined = combine_progress(readings, how)
    assert ((combined >= 0.0) & (combined <= 1.0)).all()
    raised = combine_progress(np.minimum(readings + 0.3, 1.0), how)
    assert (raised >= combined - 1e-12).all()
    np.testing.assert_array_equal(combine_progress(np.ones_like(readings), how), 1.0)
    np.testing.assert_array_equal(combine_progress(np.zeros_like(readings), how), 0.0)


@given(READINGS)
def test_min_and_product_are_done_only_where_every_reading_is(readings):
    readings[0] = 1.0
    for how in (Combining.MIN, Combining.PRODUCT):
        done = combine_progress(readings, how) == 1.0
        np.testing.assert_array_equal(done, (readings == 1.0).all(axis=0))
    assert (
        combine_progress(readings, "product") <= combine_progress(readings, "min") + 1e-12
    ).all()


@given(READINGS, READINGS)
def test_a_level_of_an_earlier_reading_outweighs_all_later_ones(low, high):
    low, high = low[:2].copy(), high[:2].copy()
    low[0], high[0] = 0.35, 0.45
    assert (
        combine_progress(low, "lexicographic", levels=10)
        < combine_progress(high, "lexicographic", levels=10)
    ).all()


def test_weights_are_normalised():
    readings = np.array([[0.0], [1.0]])
    assert combine_progress(readings, "weighted", weights=[1.0, 3.0])[0] == 0.75


@pytest.mark.parametrize(("how", "expected"), [("min", 0.5), ("product", 0.25), ("weighted", 0.5)])
def test_it_is_a_reward_model_that_drives_a_shaper(how, expected):
    model = CombinedModel([FlatModel(0.5), FlatModel(0.5)], how)
    assert isinstance(model, RewardModel)
    shaper = Shaper(model, slots=2, gamma=0.9)
    shaper.begin({0: (TASK, dot(0)), 1: (TASK, dot(5))})
    no = np.zeros(2, np.bool_)
    step = shaper.step(np.zeros(2), no, no, {0: dot(3), 1: dot(31)})
    np.testing.assert_allclose(step.phi, expected)


def test_a_member_that_is_fooled_does_not_raise_the_minimum():
    """The hole of one model: it reads 1 everywhere."""
    shaper = Shaper(CombinedModel([FlatModel(1.0), CentroidModel()]), slots=1, gamma=0.9)
    shaper.begin({0: (TASK, dot(0))})
    no = np.zeros(1, np.bool_)
    assert shaper.step(np.zeros(1), no, no, {0: dot(0)}).phi[0] == 0.0
    assert shaper.step(np.zeros(1), no, no, {0: dot(31)}).phi[0] == 1.0


def test_where_a_member_has_no_answer_the_last_potential_is_held():
    flaky = FlakyModel([Status.OK, Status.TIMEOUT])
    potential = Potential(CombinedModel([CentroidModel(), flaky]), slots=2)
    potential.begin({0: (TASK, dot(10)), 1: (TASK, dot(10))})
    potential.update({0: dot(20), 1: dot(20)})
    assert list(potential.status) == [Status.OK, Status.TIMEOUT]
    np.testing.assert_allclose(potential.phi, [20 / 31, 10 / 31])


def test_memories_survive_being_saved_as_plain_data():
    first = Potential(CombinedModel([SmoothedModel(), CentroidModel()], "product"))
    first.begin({0: (TASK, dot(4))})
    first.update({0: dot(9)})
    second = Potential(CombinedModel([SmoothedModel(), CentroidModel()], "product"))
    second.set_state(first.get_state())
    for potential in (first, second):
        potential.update({0: dot(17)})
    assert (
        first.phi[0] == second.phi[0] == pytest.approx((0.25 * 9 / 31 + 0.5 * 17 / 31) * 17 / 31)
    )


def test_views_and_sizes_serve_every_member_and_the_version_follows_them():
    small = FlatModel(0.5, views=("front",), image_size=(8, 32))
    large = FlatModel(
        0.5, views=("front", "wrist"), required_views=("wrist",), image_size=(16, 16)
    )
    model = CombinedModel([small, large])
    assert model.spec.views == ("front", "wrist")
    assert set(model.spec.required_views) == {"front", "wrist"}
    assert model.spec.image_size == (16, 32)
    frames = {view: np.zeros((1, 16, 32, 3), np.uint8) for view in ("front", "wrist")}
    model.begin(TASK, frames)
    assert small.begun[0][1]["front"].shape == (1, 8, 32, 3)
    assert set(large.begun[0][1]) == {"front", "wrist"}
    assert large.begun[0][1]["wrist"].shape == (1, 16, 16, 3)
    assert model.spec.version != CombinedModel([small, large], "product").spec.version


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"members": [CentroidModel()]}, "two reward models or more, got 1"),
        ({"how": "minimum"}, "`how` must be one of weighted, min"),
        ({"weights": [1.0, 1.0]}, "`weights` belong to how='weighted'"),
        ({"how": "weighted", "weights": [1.0]}, "must be 2 numbers of at least 0"),
        ({"how": "weighted", "weights": [0.0, 0.0]}, "must not all be 0"),
        ({"how": "lexicographic", "levels": 0}, "`levels` must be at least 1"),
    ],
)
def test_unfit_arguments_are_refused(arguments, text):
    with pytest.raises(ConfigError, match=text):
        CombinedModel(**{"members": [CentroidModel(), CentroidModel()], **arguments})
