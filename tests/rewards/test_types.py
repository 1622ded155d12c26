"""The vocabulary refuses what it cannot mean."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tests.reward_models import CentroidModel

from kibble.rewards import Episode, Estimate, RewardModel, Status, Task
from kibble.rewards.errors import ConfigError, KibbleError, ModelError


def estimate(**changes: np.ndarray) -> Estimate:
    fields = {name: np.full(3, 0.5, np.float32) for name in ("progress", "success", "confidence")}
    return Estimate(**(fields | {"status": np.zeros(3, np.int8)} | changes))


def test_an_estimate_has_one_entry_per_frame():
    assert len(estimate()) == 3


@pytest.mark.parametrize("name", ["progress", "success", "confidence"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -0.01, 1.01])
def test_values_outside_the_unit_interval_are_refused_where_the_status_is_ok(name, value):
    values = np.array([0.5, value, 0.5], np.float32)
    with pytest.raises(ModelError, match=rf"`{name}` must lie in \[0, 1\].*for frame 1"):
        estimate(**{name: values})


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.OK])
def test_values_mean_nothing_where_the_status_is_not_ok(status):
    values = np.array([0.5, np.nan, 0.5], np.float32)
    assert len(estimate(progress=values, status=np.array([0, status, 0], np.int8))) == 3


@pytest.mark.parametrize("name", ["progress", "success", "confidence"])
def test_shapes_must_agree_with_the_status(name):
    with pytest.raises(ModelError, match=rf"`{name}` must have shape \(3,\) like `status`"):
        estimate(**{name: np.zeros(2, np.float32)})


def test_status_must_be_a_vector():
    with pytest.raises(ModelError, match=r"`status` must have shape \(N,\), got \(\)"):
        estimate(status=np.zeros((), np.int8))


@pytest.mark.parametrize("instruction", ["", "  \n"])
def test_a_blank_instruction_is_refused(instruction):
    with pytest.raises(ConfigError, match="`instruction` must say what success looks like"):
        Task(instruction=instruction)


def test_a_task_is_frozen():
    task = Task(instruction="reach the red ball")
    with pytest.raises(dataclasses.FrozenInstanceError):
        task.instruction = "reach the blue ball"  # type: ignore[misc]


def test_episodes_do_not_share_memory():
    task = Task(instruction="reach the red ball")
    first, second = Episode(task=task), Episode(task=task)
    first.memory["start"] = 1
    assert second.memory == {}


def test_a_model_is_recognised_by_its_methods():
    assert isinstance(CentroidModel(), RewardModel)
    assert not isinstance(object(), RewardModel)


def test_errors_of_users_share_one_base():
    assert issubclass(ModelError, KibbleError)
