"""VLAC: pairs and references in their order, numbers read as said or as means, done apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.rewards.adapters.pixel_backend import (
    PixelBackend,
    brightness,
    frames,
    pictures_of,
    spoken,
    text_of,
)

from kibble.rewards.adapters.generative import GenerativeReward
from kibble.rewards.adapters.published_prompt import prompt_text
from kibble.rewards.adapters.vlac import Options, VlacLayout, open_reward
from kibble.rewards.adapters.vlac_questions import SCORES
from kibble.rewards.episode_memory import episode_state, restored_episode
from kibble.rewards.errors import ConfigError, FrameError, WeightsError
from kibble.rewards.types import Estimate, Frames, RewardModel, Status, Task
from kibble.rewards.vlm.prompt import Picture
from kibble.rewards.vlm.questions import Question, Reply, Say, Token
from kibble.rewards.vlm.readouts.number import signed_number

DONE = "Check if the robot has completed its task"
TASK = Task(instruction="push the cube")


def is_done(question: Question) -> bool:
    return DONE in text_of(question)


def digit(one: float) -> Reply:
    """0 or 1 as likely as is said."""
    top = {"1": float(np.log(one)), "0": float(np.log(1.0 - one))}
    text = max(top, key=lambda key: top[key])
    return Reply(text=text, tokens=(Token(text=text, logprob=top[text], top=top),))


def say_pair(question: Question) -> str | Reply:
    """What a perfect model says: the share of what was left to do, and whether all is done."""
    shown = pictures_of(question)
    if is_done(question):
        return digit(0.85 if brightness(shown[0]) > 0.95 else 0.15)
    before, after = brightness(shown[-2]), brightness(shown[-1])
    percent = round(100 * (after - before) / (1.0 - before))
    return f"{percent:+d}" if percent else "0"


def vlac(backend: PixelBackend, **options: object) -> RewardModel:
    return GenerativeReward(VlacLayout(Options(**options)), backend)


def read(model: RewardModel, episode, progress: float) -> Estimate:
    return model.estimate([episode], frames(progress))


def test_two_pictures_stand_after_their_names_beside_the_authors_system_text() -> None:
    backend = PixelBackend(say_pair)
    model = vlac(backend)
    episode = model.begin(TASK, frames(0.25))
    read(model, episode, 0.5)
    pair, done = backend.last
    system, user = pair.prompt.turns
    assert (system.role, system.parts) == ("system", (prompt_text("vlac_system"),))
    assert user.role == "user"
    assert user.parts[0] == "Image-1: "
    assert user.parts[2] == "\nImage-2: "
    text = prompt_text("vlac_pair").replace("{task}", "push the cube")
    assert text_of(pair) == prompt_text("vlac_system") + text
    assert [brightness(p) for p in pictures_of(pair)] == pytest.approx([0.25, 0.5], abs=0.01)
    assert done.prompt.turns[0] == system or done.prompt.turns[0].parts == system.parts
    first, rest = done.prompt.turns[1].parts
    assert isinstance(first, Picture)  # ms-swift puts a picture without a place first
    assert rest == (
        "The 1 means yes, the 0 means no. Check if the robot has completed its task: "
        "<task> push the cube </task> <done>"
    )
    assert isinstance(done, Say)
    assert done.top == 10


def test_pictures_are_squares_of_448_by_the_authors_filter() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (60, 90, 3), np.uint8)
    backend = PixelBackend(lambda question: digit(0.5) if is_done(question) else "+1")
    model = vlac(backend)
    episode = model.begin(TASK, {"front": np.zeros((1, 60, 90, 3), np.uint8)})
    model.estimate([episode], {"front": image[None]})
    expected = np.asarray(Image.fromarray(image).resize((448, 448), Image.Resampling.LANCZOS))
    np.testing.assert_array_equal(pictures_of(backend.last[0])[1].pixels, expected)


def demonstration(length: int) -> Frames:
    steps = [frames(t / (length - 1))["front"] for t in range(length)]
    return {"front": np.concatenate(steps)}


def test_references_come_first_with_their_share_of_the_way() -> None:
    backend = PixelBackend(say_pair)
    model = vlac(backend, references=4, done=False)
    task = Task(instruction="push the cube", demonstration=demonstration(10))
    episode = model.begin(task, frames(0.0))
    read(model, episode, 0.3)
    read(model, episode, 0.6)
    (pair,) = backend.last
    context = (
        "<trajectory> <task> push the cube </task>: 0% <image>\n 33% <image>\n 66% <image>\n"
        " 100% <image>\n</trajectory>"
    )
    asked = prompt_text("vlac_pair_in_context").replace("{task}", "push the cube")
    assert text_of(pair) == prompt_text("vlac_system") + context + asked
    shown = [brightness(picture) for picture in pictures_of(pair)]
    thirds = [0.0, 3 / 9, 6 / 9, 1.0]
    assert shown == pytest.approx([*thirds, 0.0, 0.3, 0.6], abs=0.01)
    assert all(
        not (isinstance(a, str) and isinstance(b, str))
        for a, b in zip(pair.prompt.turns[1].parts, pair.prompt.turns[1].parts[1:], strict=False)
    )


def test_a_demonstration_shorter_than_the_references_repeats_pictures() -> None:
    backend = PixelBackend(say_pair)
    model = vlac(backend, references=11, done=False)
    task = Task(instruction="push", demonstration=demonstration(2))
    episode = model.begin(task, frames(0.0))
    read(model, episode, 0.5)
    shown = [brightness(picture) for picture in pictures_of(backend.last[0])]
    assert shown[:11] == pytest.approx([0.0] * 10 + [1.0], abs=0.01)


def test_scores_move_the_value_by_what_is_left() -> None:
    model = vlac(PixelBackend(say_pair))
    episode = model.begin(TASK, frames(0.0))
    assert episode.progress == 0.0
    for progress in (0.3, 0.6, 0.45, 0.9, 1.0):
        estimate = read(model, episode, progress)
        assert estimate.progress[0] == pytest.approx(progress, abs=0.015)
        assert estimate.success[0] == pytest.approx(0.85 if progress > 0.95 else 0.15)


def test_the_value_stays_in_its_range() -> None:
    model = vlac(PixelBackend(lambda q: digit(0.5) if is_done(q) else "-60"))
    episode = model.begin(TASK, frames(0.5))
    assert [read(model, episode, p).progress[0] for p in (0.4, 0.3)] == [0.0, 0.0]


def test_rich_scores_are_means_over_the_likeliest_numbers() -> None:
    probabilities = {"20": 0.5, "30": 0.4, "90": 0.03, "no": 0.07}  # 90 is below a tenth of 20
    top = {text: float(np.log(p)) for text, p in probabilities.items()}
    tokens = (
        Token(text="+", logprob=-0.1, top={"+": -0.1}),
        Token(text="20", logprob=top["20"], top=top),
    )
    backend = PixelBackend(
        lambda question: digit(0.8) if is_done(question) else Reply(text="+20", tokens=tokens)
    )
    model = vlac(backend, rich=True)
    episode = model.begin(TASK, frames(0.0))
    estimate = read(model, episode, 0.5)
    mean = (0.5 * 20 + 0.4 * 30) / 0.9
    assert estimate.progress[0] == pytest.approx(mean / 100.0, abs=1e-6)
    assert estimate.success[0] == pytest.approx(0.8)
    assert isinstance(question := backend.last[0], Say)
    assert question.top == 10


@pytest.mark.parametrize("said", ["+", "+33%", "about +33", "nan", "1e2", "+101", "", "+3 3"])
def test_what_is_no_score_is_a_status_and_moves_nothing(said: str) -> None:
    answers = iter(["+50", said, "+50"])
    model = vlac(PixelBackend(lambda question: next(answers)), done=False)
    episode = model.begin(TASK, frames(0.0))
    assert read(model, episode, 0.5).progress[0] == 0.5
    assert read(model, episode, 0.6).status[0] == Status.PARSE_ERROR
    assert read(model, episode, 0.7).progress[0] == 0.75


def test_done_without_probabilities_is_a_status() -> None:
    bare = Reply(text="1", tokens=(Token(text="1", logprob=float("nan")),))
    model = vlac(PixelBackend(lambda question: bare if is_done(question) else "+50"))
    episode = model.begin(TASK, frames(0.0))
    assert read(model, episode, 0.5).status[0] == Status.PARSE_ERROR


def test_static_frames_ask_for_done_alone() -> None:
    backend = PixelBackend(say_pair)
    model = vlac(backend)
    episode = model.begin(TASK, frames(0.5))
    assert read(model, episode, 0.5).progress[0] == 0.0
    assert [is_done(question) for question in backend.last] == [True]
    without = vlac(backend, done=False)
    episode = without.begin(TASK, frames(0.5))
    calls = len(backend.asked)
    assert read(without, episode, 0.5).success[0] == 0.0
    assert len(backend.asked) == calls


def test_confidence_is_that_of_the_score() -> None:
    backend = PixelBackend(lambda q: digit(0.5) if is_done(q) else spoken("+5", probability=0.4))
    model = vlac(backend)
    episode = model.begin(TASK, frames(0.0))
    expected = 1.0 - np.sqrt(0.6)  # what else would have been said is not known
    assert read(model, episode, 0.5).confidence[0] == pytest.approx(expected)


def test_a_restored_episode_goes_on() -> None:
    model = vlac(PixelBackend(say_pair))
    task = Task(instruction="push", demonstration=demonstration(5))
    episode = model.begin(task, frames(0.0))
    read(model, episode, 0.3)
    again = restored_episode(episode_state(episode))
    assert read(model, again, 0.7).progress[0] == read(model, episode, 0.7).progress[0]


def test_the_grammar_is_every_signed_whole_percentage() -> None:
    assert [signed_number(text, low=-100, high=100) for text in SCORES] == list(range(-100, 101))
    backend = PixelBackend(say_pair)
    model = vlac(backend, constrain=True)
    episode = model.begin(TASK, frames(0.0))
    read(model, episode, 0.5)
    assert [q.choices for q in backend.last if isinstance(q, Say)] == [SCORES, ("0", "1")]


def test_the_demonstration_shows_the_camera() -> None:
    model = vlac(PixelBackend(say_pair))
    task = Task(instruction="push", demonstration=frames(0.0, views=("wrist",), n=3))
    with pytest.raises(FrameError, match="View 'front' is required"):
        model.begin(task, frames(0.0))


def test_published_weights_are_for_a_server(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "internvl_chat"}')
    for weights in (None, "InternRobotics/VLAC", str(tmp_path)):
        with pytest.raises(WeightsError, match="Serve them: `vllm serve InternRobotics/VLAC"):
            open_reward(weights, Options(), None)
    (tmp_path / "config.json").write_text("damaged")
    with pytest.raises(WeightsError, match="must be a directory of a vision-language model"):
        open_reward(str(tmp_path), Options(), None)


@pytest.mark.parametrize("references", [1, 12])
def test_references_are_few(references: int) -> None:
    with pytest.raises(ConfigError, match=r"`references` must lie in 2\.\.11"):
        Options(references=references)
