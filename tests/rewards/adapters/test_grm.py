"""GRM: eight pictures in their order, hops read back to progress, and what is never a number."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from tests.rewards.adapters.pixel_backend import (
    PixelBackend,
    brightness,
    frames,
    pictures_of,
    text_of,
)

from kibble.agents.trees import load_tree, save_tree
from kibble.rewards.adapters.generative import GenerativeReward
from kibble.rewards.adapters.grm import GrmLayout, Options
from kibble.rewards.adapters.grm_question import GRAMMAR
from kibble.rewards.adapters.published_prompt import prompt_text
from kibble.rewards.episode_memory import episode_state, restored_episode
from kibble.rewards.errors import ConfigError, FrameError
from kibble.rewards.grm.readings import apply_hop, consistency_gate, hop
from kibble.rewards.types import Episode, Estimate, RewardModel, Status, Task
from kibble.rewards.vlm.questions import Failure, Question, Reply, Say, Token
from kibble.rewards.vlm.readouts.score_tag import signed_percentage

VIEWS = ("front", "left_wrist", "right_wrist")


def say_hop(question: Question) -> str:
    """What a perfect model says: the hop from BEFORE to AFTER, seen in the front views."""
    shown = pictures_of(question)
    assert len(shown) == 8
    before, after = brightness(shown[2]), brightness(shown[5])
    percent = round(100 * float(hop(before, after)))
    return f"<score>{percent:+d}%</score>" if percent else "<score>0%</score>"


def grm(backend: PixelBackend, **options: object) -> RewardModel:
    return GenerativeReward(GrmLayout(Options(**options)), backend)


def task(views: tuple[str, ...] = VIEWS) -> Task:
    return Task(instruction="push the cube", goal_frames=frames(1.0, views=views))


def read(model: RewardModel, episode: Episode, progress: float, views=VIEWS) -> Estimate:
    return model.estimate([episode], frames(progress, views=views))


def test_eight_pictures_stand_each_after_its_label() -> None:
    backend = PixelBackend(say_hop)
    model = grm(backend, reading="incremental")
    episode = model.begin(task(), frames(0.0, views=VIEWS))
    read(model, episode, 0.2)
    read(model, episode, 0.6)
    (question,) = backend.last
    assert isinstance(question, Say)
    (turn,) = question.prompt.turns
    assert turn.role == "user"
    assert text_of(question) == prompt_text("grm").replace("{task}", "push the cube")
    labels = [str(part).rpartition("\n")[2] for part in turn.parts[:-1] if isinstance(part, str)]
    assert labels == [
        "- REFERENCE START — Robot Front Image (task just starting): ",
        "- REFERENCE END — Robot Front Image (task fully completed): ",
        "BEFORE Robot Front Image: ",
        "BEFORE Robot Left Wrist Image: ",
        "BEFORE Robot Right Wrist Image: ",
        "AFTER Robot Front Image: ",
        "AFTER Robot Left Wrist Image: ",
        "AFTER Robot Right Wrist Image: ",
    ]
    wanted = [
        frames(p, views=VIEWS)[view][0]
        for p, view in (
            (0.0, "front"),
            (1.0, "front"),
            *((0.2, view) for view in VIEWS),
            *((0.6, view) for view in VIEWS),
        )
    ]
    for picture, pixels in zip(pictures_of(question), wanted, strict=True):
        np.testing.assert_array_equal(picture.pixels, pixels)
    assert question.prompt.pixels == (12_544, 76_800)
    assert question.choices is None
    assert question.temperature == 0.0


@pytest.mark.parametrize("reading", ["incremental", "forward", "backward", "mean"])
def test_a_perfect_model_is_read_as_the_progress_that_it_sees(reading: str) -> None:
    backend = PixelBackend(say_hop)
    model = grm(backend, reading=reading)
    episode = model.begin(task(), frames(0.0, views=VIEWS))
    assert episode.progress == 0.0
    assert backend.asked == []  # the start is 0 by definition
    for progress in (0.3, 0.6, 0.45, 0.9, 1.0):
        estimate = read(model, episode, progress)
        assert estimate.status[0] == Status.OK
        assert estimate.progress[0] == pytest.approx(progress, abs=0.015)
        assert estimate.success[0] == estimate.progress[0] == np.float32(episode.progress)
    assert episode.steps == 5


def test_readings_compare_with_the_frame_before_the_start_and_the_goal() -> None:
    backend = PixelBackend(say_hop)
    model = grm(backend, reading="mean")
    episode = model.begin(task(), frames(0.0, views=VIEWS))
    read(model, episode, 0.2)
    read(model, episode, 0.6)
    before = [[brightness(p) for p in pictures_of(question)[2:5]] for question in backend.last]
    assert before == [pytest.approx([p] * 3, abs=0.01) for p in (0.2, 0.0, 1.0)]


def test_the_mean_is_of_all_three_readings() -> None:
    says = {0.2: 40, 0.0: 10, 1.0: -70}  # by the brightness of BEFORE

    def speak(question: Question) -> str:
        seen = brightness(pictures_of(question)[2])
        return next(f"<score>{n:+d}%</score>" for p, n in says.items() if abs(seen - p) < 0.01)

    model = grm(PixelBackend(lambda q: "<score>+20%</score>"), reading="incremental")
    episode = model.begin(task(), frames(0.0, views=VIEWS))
    read(model, episode, 0.2)
    fused = grm(PixelBackend(speak), reading="mean")
    estimate = read(fused, episode, 0.6)
    incremental = 0.2 + 0.8 * 0.4
    assert estimate.progress[0] == pytest.approx((incremental + 0.1 + 0.3) / 3.0)
    assert episode.memory["incremental"] == pytest.approx(incremental)
    assert episode.memory["disagreement"] == pytest.approx(abs(0.1 - 0.3))


def test_the_gate_follows_as_far_as_readings_agree() -> None:
    says = {"incremental": 25, "forward": 30, "backward": -60}
    names = iter(list(says) * 2)
    backend = PixelBackend(lambda question: f"<score>{says[next(names)]:+d}%</score>")
    model = grm(backend, reading="gated", alpha=3.0)
    episode = model.begin(task(), frames(0.0, views=VIEWS))
    expected = 0.0
    for progress in (0.3, 0.5):
        change = float(apply_hop(expected, 0.25)) - expected
        expected = float(consistency_gate(expected, 0.3, 0.4, change, alpha=3.0))
        estimate = read(model, episode, progress)
        assert estimate.progress[0] == pytest.approx(expected)
    middle, apart = 0.35, 0.1 / 0.35
    first = np.exp(-3.0 * apart**2) / 2.0 * (middle - 0.0 + 0.25)
    change = (1.0 - first) * 0.25
    second = first + np.exp(-3.0 * apart**2) / 2.0 * (middle - first + change)
    assert expected == pytest.approx(second, abs=1e-5)


@pytest.mark.parametrize(
    ("reading", "said", "progress"),
    [
        ("forward", -30, 0.0),  # below the start
        ("backward", 20, 1.0),  # beyond the goal
        ("incremental", -100, 0.0),
        ("incremental", 100, 1.0),
    ],
)
def test_progress_stays_in_its_range(reading: str, said: int, progress: float) -> None:
    model = grm(PixelBackend(lambda question: f"<score>{said:+d}%</score>"), reading=reading)
    episode = model.begin(task(), frames(0.0, views=VIEWS))
    assert read(model, episode, 0.4).progress[0] == progress


@pytest.mark.parametrize(
    "said",
    ["100 %", "I cannot see.", "<score>NN%</score>", "<score>+33</score>", "", "<score>33%"],
)
def test_what_is_no_score_is_a_status_and_moves_nothing(said: str) -> None:
    answers = iter(["<score>+50%</score>", said, "<score>+50%</score>"])
    backend = PixelBackend(lambda question: next(answers))
    model = grm(backend, reading="incremental")
    episode = model.begin(task(), frames(0.0, views=VIEWS))
    assert read(model, episode, 0.5).progress[0] == 0.5
    failed = read(model, episode, 0.6)
    assert failed.status[0] == Status.PARSE_ERROR
    assert np.isnan([failed.progress[0], failed.success[0], failed.confidence[0]]).all()
    assert episode.progress == episode.memory["incremental"] == 0.5
    assert read(model, episode, 0.75).progress[0] == 0.75
    shown = pictures_of(backend.last[0])
    assert brightness(shown[2]) == pytest.approx(0.5, abs=0.01)  # the last that was read


@pytest.mark.parametrize("status", [Status.TIMEOUT, Status.MODEL_ERROR])
def test_one_failed_question_is_the_frames_status_and_spoils_no_other_frame(
    status: Status,
) -> None:
    def speak(question: Question) -> str | Failure:
        shown = pictures_of(question)
        late = brightness(shown[5]) > 0.8 and brightness(shown[2]) < 0.01
        return Failure(status=status, reason="slow") if late else say_hop(question)

    backend = PixelBackend(speak)
    model = grm(backend, reading="mean")
    episodes = [model.begin(task(), frames(0.0, views=VIEWS)) for _ in range(2)]
    both = {
        view: np.concatenate([frames(p, views=VIEWS)[view] for p in (0.9, 0.4)]) for view in VIEWS
    }
    estimate = model.estimate(episodes, both)
    assert estimate.status.tolist() == [status, Status.OK]
    assert estimate.progress[1] == pytest.approx(0.4, abs=0.01)
    assert [len(batch) for batch in backend.asked] == [6]  # both frames in one call


def test_static_frames_are_not_asked_about() -> None:
    backend = PixelBackend(say_hop)
    model = grm(backend, reading="mean")
    episode = model.begin(task(), frames(0.0, views=VIEWS))
    assert read(model, episode, 0.0).progress[0] == 0.0
    assert len(backend.last) == 1  # the goal's hop alone
    first = read(model, episode, 0.5)
    assert len(backend.last) == 3
    second = read(model, episode, 0.5)
    assert len(backend.last) == 2
    assert second.progress[0] == first.progress[0]


@pytest.mark.parametrize(("missing", "shows"), [("repeat", 0.5), ("blank", 0.0)])
def test_missing_wrists_are_stood_in_for(missing: str, shows: float) -> None:
    backend = PixelBackend(say_hop)
    model = grm(backend, reading="incremental", missing_view=missing)
    episode = model.begin(task(("front",)), frames(0.25))
    read(model, episode, 0.5, ("front",))
    shown = [brightness(picture) for picture in pictures_of(backend.last[0])]
    assert shown[5:] == pytest.approx([0.5, shows, shows], abs=0.01)
    assert shown[2:5] == pytest.approx([0.25, shows / 2.0, shows / 2.0], abs=0.01)


def test_missing_wrists_are_flagged() -> None:
    backend = PixelBackend(say_hop)
    model = grm(backend, reading="mean", missing_view="flag")
    episode = model.begin(task(("front",)), frames(0.0))
    estimate = read(model, episode, 0.5, ("front",))
    assert estimate.status[0] == Status.MISSING_VIEW
    assert backend.asked == []


def test_a_wrist_camera_that_goes_away_is_flagged() -> None:
    model = grm(PixelBackend(say_hop), reading="mean")
    episode = model.begin(task(), frames(0.0, views=VIEWS))
    assert read(model, episode, 0.5, ("front", "left_wrist")).status[0] == Status.MISSING_VIEW
    assert read(model, episode, 0.5).status[0] == Status.OK


def test_a_goal_of_the_front_alone_stands_for_its_wrists() -> None:
    backend = PixelBackend(say_hop)
    model = grm(backend, reading="backward")
    episode = model.begin(task(("front",)), frames(0.0, views=VIEWS))
    read(model, episode, 0.5)
    goal = frames(1.0)["front"][0]
    for picture in pictures_of(backend.last[0])[1:5]:
        np.testing.assert_array_equal(picture.pixels, goal)


def test_a_goal_of_all_views_is_shown_in_each() -> None:
    backend = PixelBackend(say_hop)
    model = grm(backend, reading="backward")
    episode = model.begin(task(), frames(0.0, views=VIEWS))
    read(model, episode, 0.5)
    goal = frames(1.0, views=VIEWS)
    for picture, view in zip(pictures_of(backend.last[0])[2:5], VIEWS, strict=True):
        np.testing.assert_array_equal(picture.pixels, goal[view][0])


def test_a_reference_start_of_the_task_is_shown_instead_of_the_episodes_own() -> None:
    backend = PixelBackend(say_hop)
    model = grm(backend, reading="forward")
    known = Task(
        instruction="push", goal_frames=frames(1.0), start_frames=frames(0.1, views=("front",))
    )
    episode = model.begin(known, frames(0.3, views=VIEWS))
    read(model, episode, 0.5)
    shown = [brightness(picture) for picture in pictures_of(backend.last[0])]
    assert shown == pytest.approx([0.1, 1.0, 0.3, 0.3, 0.3, 0.5, 0.5, 0.5], abs=0.01)
    wrist = Task(
        instruction="push", goal_frames=frames(1.0), start_frames=frames(0.1, views=("wrist",))
    )
    with pytest.raises(FrameError, match="View 'front' is required"):
        model.begin(wrist, frames(0.3, views=VIEWS))


def test_a_goal_is_needed_and_shows_the_front() -> None:
    model = grm(PixelBackend(say_hop))
    with pytest.raises(ConfigError, match="needs `goal_frames`"):
        model.begin(Task(instruction="push"), frames(0.0, views=VIEWS))
    with pytest.raises(FrameError, match="View 'front' is required"):
        model.begin(task(("left_wrist",)), frames(0.0, views=VIEWS))


def test_confidence_is_how_near_other_percentages_are() -> None:
    """The least of the readings: the incremental one wavers by 20, the others are certain."""

    def speak(question: Question) -> Reply:
        assert isinstance(question, Say)
        assert question.top == 10
        wavers = brightness(pictures_of(question)[2]) == pytest.approx(0.2, abs=0.01)
        other = {"3": 0.5, "5": 0.5} if wavers else {"3": 1.0}
        top = {text: math.log(p) for text, p in other.items()}
        certain = [Token(text=text, logprob=0.0) for text in ("<score>+", "0%</score>")]
        place = Token(text="3", logprob=top["3"], top=top)
        return Reply(text="<score>+30%</score>", tokens=(certain[0], place, certain[1]))

    model = grm(PixelBackend(speak), reading="mean")
    episode = model.begin(task(), frames(0.0, views=VIEWS))
    read(model, episode, 0.2)
    assert episode.progress > 0.0
    expected = 1.0 - math.sqrt(0.5 * 0.2**2)
    assert read(model, episode, 0.5).confidence[0] == pytest.approx(expected)


def test_samples_are_averaged_and_their_spread_is_the_confidence() -> None:
    def speak(question: Question) -> str:
        assert isinstance(question, Say)
        assert question.temperature == 0.7
        return f"<score>+{[20, 40, 60][question.seed]}%</score>"

    model = grm(PixelBackend(speak), reading="forward", samples=3, temperature=0.7)
    episode = model.begin(task(), frames(0.0, views=VIEWS))
    estimate = read(model, episode, 0.5)
    assert estimate.progress[0] == pytest.approx(0.4)
    assert estimate.confidence[0] == pytest.approx(1.0 - float(np.std([0.2, 0.4, 0.6])))


def test_a_stopped_episode_goes_on_as_if_it_had_not(tmp_path: Path) -> None:
    def run(restart: bool) -> list[float]:
        model = grm(PixelBackend(say_hop), reading="mean")
        episode = model.begin(task(), frames(0.0, views=VIEWS))
        values = [float(read(model, episode, 0.3).progress[0])]
        if restart:
            save_tree(tmp_path / "state", {"episode": episode_state(episode)})
            state = load_tree(tmp_path / "state")["episode"]
            episode = restored_episode(state)
            model = grm(PixelBackend(say_hop), reading="mean")
        return values + [float(read(model, episode, p).progress[0]) for p in (0.7, 0.6)]

    assert run(restart=True) == run(restart=False)


def test_frames_may_be_written_to_again() -> None:
    backend = PixelBackend(say_hop)
    model = grm(backend, reading="incremental")
    buffer = {view: array.copy() for view, array in frames(0.0, views=VIEWS).items()}
    episode = model.begin(task(), buffer)
    for progress in (0.4, 0.7):
        for view, array in frames(progress, views=VIEWS).items():
            buffer[view][:] = array
        estimate = model.estimate([episode], buffer)
        assert estimate.progress[0] == pytest.approx(progress, abs=0.015)


def test_the_grammar_is_every_whole_percentage() -> None:
    assert [signed_percentage(text) for text in GRAMMAR] == [
        percent / 100.0 for percent in range(-100, 101)
    ]
    model = grm(backend := PixelBackend(say_hop), reading="forward", constrain=True)
    episode = model.begin(task(), frames(0.0, views=VIEWS))
    read(model, episode, 0.5)
    (question,) = backend.last
    assert isinstance(question, Say)
    assert question.choices == GRAMMAR


def test_what_changes_answers_changes_the_version() -> None:
    kinds: list[dict[str, object]] = [
        {},
        {"reading": "gated"},
        {"missing_view": "blank"},
        {"front": "cam_high"},
        {"constrain": True},
        {"samples": 2, "temperature": 0.5},
    ]
    versions = {grm(PixelBackend(say_hop), **kind).spec.version for kind in kinds}
    assert len(versions) == len(kinds)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"reading": "absolute"}, "`reading` must be one of incremental, forward"),
        ({"alpha": 0.0}, "`alpha` must be above 0"),
        ({"samples": 0}, "`samples` must be at least 1"),
        ({"samples": 3}, "belong together"),
        ({"temperature": 0.5}, "belong together"),
        ({"batch": 0}, "`batch`"),
    ],
)
def test_options_are_checked(options: dict[str, object], error: str) -> None:
    with pytest.raises(ConfigError, match=error):
        Options(**options)


def test_another_models_episode_is_refused() -> None:
    model = grm(PixelBackend(say_hop))
    with pytest.raises(FrameError, match="must hold 'start' in its memory"):
        read(model, Episode(task=task()), 0.5)
