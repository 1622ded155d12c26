"""The rate of a recording or a task reaches models that read at a rate of their own."""

from __future__ import annotations

import numpy as np
import pytest
from tests.reward_models import CentroidModel
from tests.rewards.adapters.seeing_backend import SeeingBackend, grey
from tests.rewards.adapters.test_robometer import tensors

from kibble.rewards import Task
from kibble.rewards.adapters import robometer, roboreward, topreward
from kibble.rewards.adapters.generative import GenerativeReward
from kibble.rewards.adapters.robometer_heads import Head
from kibble.rewards.causal import read_causally
from kibble.rewards.errors import ConfigError
from kibble.rewards.frame_rate import at_frame_rate

TASK = Task(instruction="put the cube on the pad")


def _head(name):
    parts = [tensors()[1][f"{name}.{place}"].numpy() for place in ("0.weight", "0.bias")]
    norm = [tensors()[1][f"{name}.{place}"].numpy() for place in ("1.weight", "1.bias")]
    last = [tensors()[1][f"{name}.{place}"].numpy() for place in ("4.weight", "4.bias")]
    return Head(first=tuple(parts), norm=tuple(norm), last=tuple(last))


def _robometer(**options):
    heads = {"progress": _head("progress_head"), "success": _head("success_head")}
    return robometer.Robometer(robometer.Options(**options), **heads)


LAYOUTS = {
    "roboreward": lambda **options: roboreward.RoboReward(roboreward.Options(**options)),
    "topreward": lambda **options: topreward.TOPReward(topreward.Options(**options)),
    "robometer": _robometer,
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_known_rate_thins_the_frames_as_the_option_does(name):
    video = {"front": np.concatenate([grey(t / 20) for t in range(20)])}

    def read(model):
        return read_causally(model, [(TASK, video)])[0].progress

    plain = GenerativeReward(LAYOUTS[name](), SeeingBackend())
    told = at_frame_rate(plain, 6.0)
    option = GenerativeReward(LAYOUTS[name](frame_rate=6.0), SeeingBackend())
    np.testing.assert_array_equal(read(told), read(option))
    assert told.spec.version == option.spec.version
    assert told.spec.version != plain.spec.version
    assert told.backend is plain.backend
    assert at_frame_rate(option, 30.0).spec.version == option.spec.version


def test_other_models_stay_themselves():
    model = CentroidModel()
    assert at_frame_rate(model, 10.0) is model


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
def test_rates_are_checked(rate):
    with pytest.raises(ConfigError, match="`frame_rate` must be a number above 0"):
        at_frame_rate(CentroidModel(), rate)
