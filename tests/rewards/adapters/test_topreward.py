"""TOPReward: the sentence that it claims, how likely the model finds it, and what is held."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rewards.adapters.seeing_backend import SeeingBackend, described, grey

from kibble.rewards import Status, Task
from kibble.rewards.adapters.generative import GenerativeReward
from kibble.rewards.adapters.topreward import CARD, Options, TOPReward
from kibble.rewards.episode_memory import episode_state, restored_episode
from kibble.rewards.errors import ConfigError
from kibble.rewards.vlm.questions import Failure, Rate, Ratings

TASK = Task(instruction="put the cube on the pad")
GOLDEN = (
    "The above video shows a robot manipulation trajectory that completes the following task: "
    "put the cube on the pad Decide whether the above statement is True or not. The answer is:"
)


def model(backend, **options):
    return GenerativeReward(TOPReward(Options(**options)), backend)


def read(levels, backend=None, **options):
    backend = backend or SeeingBackend()
    reward = model(backend, **options)
    episode = reward.begin(TASK, {"front": grey(levels[0])})
    return [reward.estimate([episode], {"front": grey(level)}) for level in levels[1:]], backend


def test_the_claim_stands_in_the_users_turn_and_is_left_open():
    _, backend = read([0.0, 0.2, 0.4])
    question = backend.asked[-1]
    assert isinstance(question, Rate)
    assert described(question.prompt) == ["[user]", ([0.0, 0.2, 0.4], 2.0), GOLDEN]
    assert question.prompt.open_ended
    assert question.answers == (" True", " False")


def test_with_a_chat_template_the_model_answers_in_its_own_turn():
    _, backend = read([0.0, 0.2], chat_template=True)
    question = backend.asked[-1]
    assert not question.prompt.open_ended
    assert question.answers == ("True", "False")
    assert described(question.prompt)[-1] == GOLDEN


def test_the_first_frame_alone_is_a_video_of_one_frame():
    _, backend = read([0.5])
    assert described(backend.asked[0].prompt)[1] == ([0.5], 2.0)


def test_frames_are_resized_as_published_unless_told_otherwise():
    _, backend = read([0.5])
    (clip, _) = backend.asked[0].prompt.turns[0].parts
    assert clip.frames[0].pixels.shape == (244, 244, 3)
    _, backend = read([0.5], size=0)
    (clip, _) = backend.asked[0].prompt.turns[0].parts
    assert clip.frames[0].pixels.shape == (6, 8, 3)


@given(true=st.floats(-40.0, 0.0), false=st.floats(-40.0, 0.0))
def test_progress_success_and_confidence_follow_their_formulas(true, false):
    if np.exp(true) + np.exp(false) > 1.0:
        true, false = true - 0.7, false - 0.7
    backend = SeeingBackend(instead=[Ratings(logprobs=np.array([true, false]))] * 2)
    (estimate,), _ = read([0.0, 0.5], backend, low=-20.0, high=-2.0)
    p = np.exp(true) / (np.exp(true) + np.exp(false))
    assert estimate.progress[0] == pytest.approx(min(max((true + 20) / 18, 0.0), 1.0), abs=1e-6)
    assert estimate.success[0] == pytest.approx(p, abs=1e-6)
    parts = np.array([p, 1 - p])
    entropy = -sum(x * np.log(x) for x in parts if x > 0) / np.log(2)
    assert estimate.confidence[0] == pytest.approx(1 - entropy, abs=1e-6)


def test_the_order_of_published_values_is_kept():
    logprobs = np.array([-24.0, -20.0, -21.0, -9.0, -7.0])
    backend = SeeingBackend(
        instead=[Ratings(logprobs=np.array([value, -3.0])) for value in (-24.0, *logprobs)]
    )
    estimates, _ = read([0.0] + [0.1 * i for i in range(1, 6)], backend)
    progress = np.array([float(estimate.progress[0]) for estimate in estimates])
    stretched = (progress - progress.min()) / np.ptp(progress)
    published = (logprobs - logprobs.min()) / np.ptp(logprobs)
    np.testing.assert_allclose(stretched, published, atol=1e-6)


def test_between_two_frames_of_the_model_the_reading_is_held_and_nothing_is_asked():
    estimates, backend = read([i / 10 for i in range(8)], frame_rate=8.0)
    assert len(backend.asked) == 2  # frames 0 and 4
    progress = [float(estimate.progress[0]) for estimate in estimates]
    assert progress[:3] == [progress[0]] * 3
    assert progress[3:] == [progress[3]] * 4
    assert progress[3] > progress[0]
    assert all(estimate.status[0] == Status.OK for estimate in estimates)


def test_a_failure_is_not_held_but_asked_again_of_the_same_video():
    backend = SeeingBackend()
    reward = model(backend, frame_rate=4.0)
    episode = reward.begin(TASK, {"front": grey(0.1)})
    backend.instead = [Failure(status=Status.MODEL_ERROR, reason="NaN logits")]
    statuses = []
    for level in (0.2, 0.3, 0.4):  # 0.3 is the model's second frame
        estimate = reward.estimate([episode], {"front": grey(level)})
        statuses.append(Status(estimate.status[0]))
    assert statuses == [Status.OK, Status.MODEL_ERROR, Status.OK]
    videos = [described(question.prompt)[1][0] for question in backend.asked]
    assert videos == [[0.1], [0.1, 0.3], [0.1, 0.3]]


def test_impossible_answers_are_no_reading():
    backend = SeeingBackend()
    reward = model(backend)
    episode = reward.begin(TASK, {"front": grey(0.1)})
    backend.instead = [Ratings(logprobs=np.full(2, -np.inf))]
    estimate = reward.estimate([episode], {"front": grey(0.5)})
    assert estimate.status[0] == Status.PARSE_ERROR


def test_an_episode_goes_on_after_a_checkpoint():
    backend = SeeingBackend()
    reward = model(backend, frame_rate=4.0)
    episode = reward.begin(TASK, {"front": grey(0.1)})
    reward.estimate([episode], {"front": grey(0.6)})
    again = restored_episode(episode_state(episode))
    for level in (0.7, 0.8, 0.9):
        one = reward.estimate([episode], {"front": grey(level)})
        other = reward.estimate([again], {"front": grey(level)})
        assert one.progress[0] == other.progress[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"low": -1.0, "high": -2.0}, "`low` must lie below `high`"),
        ({"high": 1.0}, "`high` at or below 0"),
        ({"low": float("nan")}, "`low` must lie below"),
        ({"size": -1}, "`size` must be at least 0"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(ConfigError, match=message):
        Options(**options)


def test_versions_tell_settings_apart_and_the_card_is_true():
    spec = model(SeeingBackend()).spec
    other = model(SeeingBackend(), chat_template=True).spec
    assert spec.version != other.version
    assert (CARD.name, CARD.views, CARD.causal) == (spec.name, spec.views, spec.causal)
