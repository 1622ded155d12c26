"""Thinning of an episode's frames to the rate that a video model reads."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibble.agents.trees import load_tree, save_tree
from kibble.rewards import Episode, Task
from kibble.rewards.adapters.frame_history import FrameHistory
from kibble.rewards.episode_memory import EpisodeState, episode_state, restored_episode
from kibble.rewards.errors import ConfigError, FrameError
from kibble.rewards.service.memory_copy import copied_memory
from kibble.rewards.vlm.prompt import Picture


def picture(number):
    """A frame that says its number."""
    return Picture(np.full((2, 2, 3), number % 256, np.uint8))


def numbers(pictures):
    return [int(p.pixels[0, 0, 0]) for p in pictures]


def shown(steps, **settings):
    history = FrameHistory(**({"fps": 2.0, "frame_rate": 0.0, "max_frames": 64} | settings))
    episode = Episode(task=Task(instruction="go"))
    for number in range(steps):
        history.note(episode, picture(number))
        episode.steps += number > 0
    return history, episode


def test_every_frame_is_taken_where_no_rate_is_given():
    history, episode = shown(5)
    assert numbers(history.kept(episode, newest=False)) == [0, 1, 2, 3, 4]
    assert history.clip(episode, newest=True).fps == 2.0


@given(
    steps=st.integers(1, 60),
    rate=st.floats(0.5, 30.0),
    fps=st.floats(0.5, 10.0),
)
def test_the_grid_is_that_of_the_published_prefixes(steps, rate, fps):
    """Source of the formula: topreward/clients/qwen.py, ``_aligned_video_indices``."""
    grid = np.rint(np.arange(0.0, steps, max(rate / fps, 1.0))).astype(int)
    published = [n for n in dict.fromkeys(grid.tolist()) if n < steps]
    history, episode = shown(steps, frame_rate=rate, fps=fps)
    assert numbers(history.kept(episode, newest=False)) == published
    assert history.ticked(episode) == (published[-1] == steps - 1)


def test_a_clip_grows_at_its_end_alone_and_ends_with_the_newest_where_asked():
    history, episode = shown(1, frame_rate=10.0)
    before = []
    for number in range(1, 40):
        history.note(episode, picture(number))
        episode.steps += 1
        now = numbers(history.clip(episode, newest=False).frames)
        assert now[: len(before)] == before
        assert numbers(history.clip(episode, newest=True).frames)[-1] == number
        before = now
    assert before == [0, 5, 10, 15, 20, 25, 30, 35]


@given(steps=st.integers(1, 200), most=st.integers(2, 9), ratio=st.sampled_from([1.0, 2.5]))
def test_long_episodes_keep_few_frames_evenly_spread_from_the_first(steps, most, ratio):
    history, episode = shown(steps, max_frames=most, frame_rate=ratio * 2.0)
    kept = numbers(history.kept(episode, newest=False))
    clip = history.clip(episode, newest=False)
    ticks = [round(n / ratio) for n in kept]
    stride = round(2.0 / clip.fps)
    assert len(kept) <= most
    assert ticks == [stride * i for i in range(len(kept))]
    assert stride == 1 or len(kept) > most // 2 - 1
    assert numbers(history.kept(episode, newest=True))[-1] == steps - 1


def test_the_start_counts_once_though_a_video_begins_with_it_again():
    history = FrameHistory(fps=1.0, frame_rate=0.0, max_frames=8)
    episode = Episode(task=Task(instruction="go"))
    history.note(episode, picture(0))  # begin
    history.note(episode, picture(0))  # the first estimate
    episode.steps = 1
    history.note(episode, picture(0))  # nothing moved
    assert numbers(history.kept(episode, newest=True)) == [0, 0]


def test_spread_is_linspace_padded_with_the_newest():
    history, episode = shown(3)
    assert numbers(history.spread(episode, 8)) == [0, 1, 2, 2, 2, 2, 2, 2]
    history, episode = shown(20)
    expected = np.rint(np.linspace(0, 19, 8)).astype(int).tolist()
    assert numbers(history.spread(episode, 8)) == expected
    assert numbers(history.spread(episode, 1)) == [19]


def test_frames_are_copied_and_keys_hold(tmp_path):
    history = FrameHistory(fps=1.0, frame_rate=0.0, max_frames=8)
    episode = Episode(task=Task(instruction="go"))
    pixels = np.zeros((2, 2, 3), np.uint8)
    history.note(episode, Picture(pixels))
    pixels[:] = 9  # a simulator that draws into one buffer
    (kept,) = history.kept(episode, newest=True)
    assert kept.pixels.max() == 0
    assert kept.key == Picture(np.zeros((2, 2, 3), np.uint8)).key
    copied = copied_memory(episode.memory)
    assert copied["history"]["frames"][0] is episode.memory["history"]["frames"][0]
    assert copied["history"]["frames"] is not episode.memory["history"]["frames"]


@pytest.mark.parametrize("steps", [4, 5, 9, 10])
def test_a_checkpoint_goes_on_as_if_nothing_had_been(tmp_path, steps):
    settings = {"max_frames": 4, "frame_rate": 3.0}
    history, episode = shown(steps, **settings)
    save_tree(tmp_path / "state", dict(episode_state(episode)))
    state: EpisodeState = load_tree(tmp_path / "state")
    again = restored_episode(state)
    for number in range(steps, steps + 6):
        for one in (episode, again):
            history.note(one, picture(number))
            one.steps += 1
        assert numbers(history.kept(again, newest=True)) == numbers(
            history.kept(episode, newest=True)
        )
        assert history.clip(again, newest=True).fps == history.clip(episode, newest=True).fps


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fps": 0.0}, r"`fps` must lie in \(0, 1000\].*got 0.0"),
        ({"fps": float("nan")}, "`fps` must lie"),
        ({"frame_rate": -1.0}, "`frame_rate` in"),
        ({"max_frames": 1}, "`max_frames` must be at least 2, got 1"),
    ],
)
def test_settings_are_checked(settings, message):
    with pytest.raises(ConfigError, match=message):
        FrameHistory(**({"fps": 2.0, "frame_rate": 0.0, "max_frames": 64} | settings))


def test_a_camera_that_changes_its_size_is_refused():
    history, episode = shown(2)
    with pytest.raises(FrameError, match=r"one size, got \(4, 2, 3\) after \(2, 2, 3\)"):
        history.note(episode, Picture(np.zeros((4, 2, 3), np.uint8)))


def test_an_episode_of_another_model_is_refused():
    with pytest.raises(FrameError, match="open episodes with this model's `begin`"):
        FrameHistory(fps=1.0, frame_rate=0.0, max_frames=8).kept(
            Episode(task=Task(instruction="go")), newest=True
        )
