"""A layout over a back end: what is asked when, and what becomes of every kind of answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from tests.rewards.adapters.pixel_backend import PixelBackend, brightness, frames, spoken

from kibble.rewards.adapters.generative import GenerativeReward, Pictures, Reading
from kibble.rewards.errors import ConfigError, FrameError, ModelError
from kibble.rewards.types import Episode, ModelSpec, RewardModel, Status, Task
from kibble.rewards.vlm.prompt import Prompt, Turn
from kibble.rewards.vlm.questions import Answer, Failure, Question, Say
from kibble.rewards.vlm.readouts.number import signed_number
from kibble.rewards.vlm.readouts.reply import finished_text

TASK = Task(instruction="push the cube")


@dataclass(kw_only=True)
class Percent:
    """Asks for a percentage as often as is said, and takes the mean; the start too, if asked."""

    times: int = 1
    ask_start: bool = True
    needs_goal: bool = False
    refused: Failure | None = None
    version: str = "1"
    read_of: list[float] = field(default_factory=list)

    @property
    def spec(self) -> ModelSpec:
        return ModelSpec(
            name="percent",
            version=self.version,
            views=("front",),
            required_views=("front",),
            image_size=None,
            needs_goal=self.needs_goal,
        )

    def begin(self, episode: Episode, start: Pictures) -> float | None:
        return None if self.ask_start else 0.25

    def questions(self, episode: Episode, newest: Pictures) -> Sequence[Question] | Failure:
        if self.refused is not None:
            return self.refused
        prompt = Prompt(turns=(Turn("user", (newest["front"], "How far?")),))
        return [Say(prompt=prompt, seed=seed) for seed in range(self.times)]

    def read(self, episode: Episode, newest: Pictures, answers: Sequence[Answer]) -> Reading:
        assert len(answers) == self.times
        said = [signed_number(finished_text(answer), low=0, high=100) for answer in answers]
        value = float(np.mean(said)) / 100.0 if said else 0.5
        self.read_of.append(brightness(newest["front"]))
        return Reading(progress=value, success=value / 2.0, confidence=1.0)


def see(question: Question) -> str:
    (picture, _) = question.prompt.turns[0].parts
    assert not isinstance(picture, str)
    return str(round(100 * brightness(picture)))


def batch(*levels: float) -> dict[str, np.ndarray]:
    return {"front": np.concatenate([frames(level)["front"] for level in levels])}


def test_it_is_a_reward_model_whose_version_covers_weights_and_layout() -> None:
    one = GenerativeReward(Percent(), PixelBackend(see))
    other = GenerativeReward(Percent(version="2"), PixelBackend(see))
    assert isinstance(one, RewardModel)
    assert one.spec.name == "percent"
    assert one.spec.version != other.spec.version
    assert len(one.spec.version) == 16


def test_the_start_is_asked_about_only_if_it_must_be() -> None:
    backend = PixelBackend(see)
    asked = GenerativeReward(Percent(), backend).begin(TASK, frames(0.6))
    assert asked.progress == 0.6
    assert len(backend.asked) == 1
    known = GenerativeReward(Percent(ask_start=False), backend).begin(TASK, frames(0.6))
    assert known.progress == 0.25
    assert len(backend.asked) == 1


def test_all_questions_of_a_call_go_out_at_once_and_come_back_in_order() -> None:
    backend = PixelBackend(see)
    model = GenerativeReward(Percent(times=3), backend)
    episodes = [model.begin(TASK, frames(0.0)) for _ in range(3)]
    estimate = model.estimate(episodes, batch(0.2, 0.9, 0.4))
    np.testing.assert_allclose(estimate.progress, [0.2, 0.9, 0.4])
    np.testing.assert_allclose(estimate.success, [0.1, 0.45, 0.2])
    assert len(backend.last) == 9
    assert [episode.progress for episode in episodes] == [0.2, 0.9, 0.4]
    assert [episode.steps for episode in episodes] == [1, 1, 1]


def test_one_episode_is_read_as_it_is_among_others() -> None:
    model = GenerativeReward(Percent(), PixelBackend(see))
    together = [model.begin(TASK, frames(0.0)) for _ in range(2)]
    alone = model.begin(TASK, frames(0.0))
    both = model.estimate(together, batch(0.3, 0.7))
    assert model.estimate([alone], batch(0.7)).progress[0] == both.progress[1]


@pytest.mark.parametrize("status", [Status.TIMEOUT, Status.MODEL_ERROR, Status.PARSE_ERROR])
def test_a_failure_is_the_status_of_its_frame_alone(status: Status) -> None:
    def speak(question: Question) -> str | Failure:
        assert isinstance(question, Say)
        bad = see(question) == "90" and question.seed == 1
        return Failure(status=status, reason="why") if bad else see(question)

    layout = Percent(times=2)
    model = GenerativeReward(layout, PixelBackend(speak))
    episodes = [model.begin(TASK, frames(0.1)) for _ in range(3)]
    layout.read_of.clear()
    estimate = model.estimate(episodes, batch(0.2, 0.9, 0.4))
    assert estimate.status.tolist() == [Status.OK, status, Status.OK]
    assert np.isnan([estimate.progress[1], estimate.success[1], estimate.confidence[1]]).all()
    assert [episode.progress for episode in episodes] == [0.2, 0.1, 0.4]
    assert layout.read_of == pytest.approx([0.2, 0.4], abs=0.01)  # the failed one was not read


def test_what_cannot_be_read_is_a_parse_error() -> None:
    backend = PixelBackend(lambda question: spoken("all of it") if see(question) == "90" else "5")
    model = GenerativeReward(Percent(), backend)
    episodes = [model.begin(TASK, frames(0.1)) for _ in range(2)]
    assert model.estimate(episodes, batch(0.9, 0.2)).status.tolist() == [
        Status.PARSE_ERROR,
        Status.OK,
    ]


def test_a_layout_may_refuse_to_ask() -> None:
    backend = PixelBackend(see)
    layout = Percent(ask_start=False)
    model = GenerativeReward(layout, backend)
    episode = model.begin(TASK, frames(0.0))
    layout.refused = Failure(status=Status.MISSING_VIEW, reason="no wrist")
    assert model.estimate([episode], frames(0.5)).status[0] == Status.MISSING_VIEW
    assert backend.asked == []
    assert episode.steps == 1


def test_a_layout_may_read_without_asking() -> None:
    backend = PixelBackend(see)
    model = GenerativeReward(Percent(times=0), backend)
    episode = model.begin(TASK, frames(0.0))
    assert model.estimate([episode], frames(0.9)).progress[0] == 0.5
    assert backend.asked == []


def test_a_start_that_cannot_be_read_opens_no_episode() -> None:
    late = Failure(status=Status.TIMEOUT, reason="took 61 s")
    with pytest.raises(TimeoutError, match="took 61 s"):
        GenerativeReward(Percent(), PixelBackend(lambda q: late)).begin(TASK, frames(0.0))
    with pytest.raises(ModelError, match="got PARSE_ERROR: A"):
        GenerativeReward(Percent(), PixelBackend(lambda q: "far")).begin(TASK, frames(0.0))
    refused = Percent(refused=Failure(status=Status.MISSING_VIEW, reason="no wrist"))
    with pytest.raises(ModelError, match="got MISSING_VIEW: no wrist"):
        GenerativeReward(refused, PixelBackend(see)).begin(TASK, frames(0.0))


def test_a_server_that_is_away_is_the_callers_to_handle() -> None:
    def away(question: Question) -> str:
        raise ConnectionError("refused")

    model = GenerativeReward(Percent(ask_start=False), PixelBackend(away))
    episode = model.begin(TASK, frames(0.0))
    with pytest.raises(ConnectionError, match="refused"):
        model.estimate([episode], frames(0.5))


def test_frames_and_goals_are_checked() -> None:
    model = GenerativeReward(Percent(needs_goal=True), PixelBackend(see))
    with pytest.raises(ConfigError, match="'percent' needs `goal_frames`"):
        model.begin(TASK, frames(0.0))
    with pytest.raises(FrameError, match="View 'front' is required"):
        model.begin(TASK, frames(0.0, views=("wrist",)))
    with pytest.raises(FrameError, match="Every view must hold 2 frames"):
        model.estimate([Episode(task=TASK), Episode(task=TASK)], frames(0.0))


def test_no_episodes_are_no_frames() -> None:
    backend = PixelBackend(see)
    model = GenerativeReward(Percent(), backend)
    none = {"front": np.empty((0, 8, 8, 3), np.uint8)}
    assert len(model.estimate([], none)) == 0
    assert backend.asked == []
