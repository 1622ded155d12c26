from __future__ import annotations

import time

import numpy as np
import pytest
from tests.rewards.node.node_rig import parameters
from tests.rewards.remote.service_process import ServiceProcess

from kibble.rewards.errors import ConfigError, ServiceAwayError, WeightsError
from kibble.rewards.node.model_opening import open_node_model
from kibble.rewards.node.scorer import Scorer
from kibble.rewards.types import Status


def test_a_baseline_takes_the_views_of_the_node():
    model = open_node_model(parameters(reward="time_counter?horizon=9", views=["left", "right"]))
    assert model.spec.views == ("left", "right")


def test_a_model_that_is_not_known_is_refused():
    with pytest.raises(WeightsError, match="did you mean grm_tiny"):
        open_node_model(parameters(reward="grm_tinny"))
    with pytest.raises(ConfigError, match="`wait` must be 0 seconds or more"):
        open_node_model(parameters(reward="remote@http://127.0.0.1:1/dot?wait=-1"))


def test_a_service_that_never_comes_is_given_up_after_the_patience():
    with pytest.raises(ServiceAwayError, match="A reward service must answer at"):
        open_node_model(parameters(reward="remote@http://127.0.0.1:1/dot"), patience=0.6)


def test_a_service_that_has_gone_is_not_waited_for_and_all_is_let_go_of_in_the_end():
    frames = {"front": np.full((1, 8, 32, 3), 255, np.uint8)}
    with ServiceProcess() as service:
        chosen = parameters(reward=f"remote@{service.url}/dot")
        scorer = Scorer(open_node_model(chosen))
        assert scorer.read("one", "push", frames, stamp=1).reading.status is Status.OK
        service.kill()
        began = time.perf_counter()
        scored = scorer.read("one", "push", frames, stamp=2)
        assert scored.reading.status is Status.MODEL_ERROR
        assert "has been away for" in scored.reading.reason
        assert scored.model_time <= time.perf_counter() - began
        service.start()
        scorer.close()
        closed = scorer.read("two", "push", frames, stamp=3)
    assert closed.reading.status is Status.MODEL_ERROR  # its connections are closed
    assert scorer.failures == 2
