"""What is remembered never shows: cached answers equal uncached ones, whatever was asked before.

Tolerance in float32: 2e-4 of a log-probability and of a hidden state (random weights spread their
logits over some tens), and the same text. bfloat16 is held in ``local/test_backend.py``.
"""

from __future__ import annotations

import numpy as np
import pytest
from tests.rewards.vlm import tiny_models

from kibble.rewards.adapters.generative import GenerativeReward, Layout
from kibble.rewards.adapters.grm import GrmLayout
from kibble.rewards.adapters.grm import Options as GrmOptions
from kibble.rewards.adapters.topreward import Options as TopOptions
from kibble.rewards.adapters.topreward import TOPReward
from kibble.rewards.types import Frames, Status, Task
from kibble.rewards.vlm.local.backend import LocalBackend, open_local
from kibble.rewards.vlm.opening import BackendOptions
from kibble.rewards.vlm.prompt import Clip, Part, Picture, Prompt, Turn
from kibble.rewards.vlm.questions import Answer, Question, Rate, Ratings, Reply, Say

TOLERANCE = 2e-4
BUILDERS = {
    "qwen3_vl": tiny_models.qwen3_vl,
    "qwen2_5_vl": tiny_models.qwen2_5_vl,
    "internvl": tiny_models.internvl,
}
CAMERAS = ("front", "left_wrist", "right_wrist")


def _opened(architecture: str, **options: object) -> LocalBackend:
    settings = {"dtype": "float32", **options}
    found = open_local(str(BUILDERS[architecture]()), BackendOptions(**settings))
    assert isinstance(found, LocalBackend)
    return found


def _frames(count: int, seed: int, views: tuple[str, ...] = CAMERAS) -> Frames:
    rng = np.random.default_rng(seed)
    blocks = {view: rng.integers(0, 256, (count, 4, 4, 3), dtype=np.uint8) for view in views}
    return {view: np.kron(b, np.ones((1, 16, 16, 1), np.uint8)) for view, b in blocks.items()}


def _equal(first: Answer, second: Answer) -> None:
    if isinstance(first, Ratings):
        assert isinstance(second, Ratings)
        np.testing.assert_allclose(first.logprobs, second.logprobs, rtol=0, atol=TOLERANCE)
        return
    assert isinstance(first, Reply)
    assert isinstance(second, Reply)
    assert first.text == second.text
    np.testing.assert_allclose(
        [token.logprob for token in first.tokens],
        [token.logprob for token in second.tokens],
        rtol=0,
        atol=TOLERANCE,
    )


class _Stream:
    """Questions that begin alike and go apart anywhere, as those of many episodes do."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._pictures = [Picture(f) for f in _frames(6, seed, ("front",))["front"]]
        self._texts = ["before: ", "after: ", "is the task completed?", "the robot", "\n"]
        self._said: list[tuple[Part, ...]] = []

    def question(self) -> Question:
        rng = self._rng
        parts: list[Part] = []
        if self._said and rng.random() < 0.8:  # go on from a beginning of an earlier one
            earlier = self._said[rng.integers(len(self._said))]
            parts += earlier[: rng.integers(1, len(earlier) + 1)]
        for _ in range(rng.integers(1, 4)):
            parts.append(self._part())
        if isinstance(parts[-1], Clip) and rng.random() < 0.7:
            parts[-1] = self._grown(parts[-1])
        self._said.append(tuple(parts))
        open_ended = isinstance(parts[-1], str) and bool(rng.random() < 0.5)
        prompt = Prompt((Turn("user", tuple(parts)),), open_ended=open_ended)
        if rng.random() < 0.5:
            return Rate(prompt=prompt, answers=("yes", "no", "no, not yet"))
        choices = ("positive", "negative", "unclear", "+12%", "-7%", "+1")
        return Say(prompt=prompt, max_tokens=6, choices=choices if rng.random() < 0.7 else None)

    def _part(self) -> Part:
        kind = self._rng.random()
        if kind < 0.4:
            return self._texts[self._rng.integers(len(self._texts))]
        picked = self._pictures[self._rng.integers(len(self._pictures))]
        return picked if kind < 0.8 else self._grown(Clip((picked,), fps=2.0))

    def _grown(self, clip: Clip) -> Clip:
        more = self._rng.choice(len(self._pictures), self._rng.integers(1, 4))
        return Clip(clip.frames + tuple(self._pictures[i] for i in more), fps=clip.fps)


@pytest.mark.parametrize("architecture", BUILDERS)
@pytest.mark.parametrize("cache_mb", [1, 64])
def test_any_stream_of_questions_is_answered_as_if_each_were_the_first(architecture, cache_mb):
    """With one megabyte, states and features come and go all the time."""
    stream = _Stream(seed=cache_mb)
    questions = [stream.question() for _ in range(48)]
    cached, bare = _opened(architecture, cache_mb=cache_mb), _opened(architecture, cache_mb=0)
    answers = [answer for i in range(0, 24) for answer in cached.answer(questions[i : i + 1])]
    answers += cached.answer(questions[24:])
    answers += cached.answer(questions[:4])
    expected = [bare.answer([question])[0] for question in questions]
    for answer, alone in zip(answers, [*expected, *expected[:4]], strict=True):
        _equal(answer, alone)
    kept = cached._tree.size
    assert 0 < kept <= cache_mb * 2**20


LAYOUTS: dict[str, tuple[str, Layout]] = {
    "grm": ("qwen2_5_vl", GrmLayout(GrmOptions(constrain=True))),
    "topreward": ("qwen3_vl", TOPReward(TopOptions(size=64))),
    "topreward thinned": ("qwen3_vl", TOPReward(TopOptions(size=0, max_frames=3))),
    "topreward internvl": ("internvl", TOPReward(TopOptions(size=64))),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_episodes_read_together_and_cached_are_read_as_alone_and_uncached(name):
    architecture, layout = LAYOUTS[name]
    steps, count = (4, 2) if name == "grm" else (5, 3)
    shown = [_frames(steps, seed, layout.spec.views) for seed in range(count)]
    for frames in shown[1:]:  # two robots before the same scene
        for view in frames:
            frames[view][0] = shown[0][view][0]
    tasks = [
        Task(instruction=f"push cube {i // 2}", goal_frames=_frames(1, 50, layout.spec.views))
        for i in range(count)
    ]

    def read(model: GenerativeReward, members: list[int]) -> np.ndarray:
        episodes = [
            model.begin(tasks[i], {view: f[:1] for view, f in shown[i].items()}) for i in members
        ]
        found = []
        for t in range(1, steps):
            newest = {
                view: np.stack([shown[i][view][t] for i in members]) for view in layout.spec.views
            }
            estimate = model.estimate(episodes, newest)
            assert (estimate.status == Status.OK).all()
            found.append([estimate.progress, estimate.success, estimate.confidence])
        return np.array(found)  # (T, 3, N)

    together = read(GenerativeReward(layout, _opened(architecture)), list(range(count)))
    bare = GenerativeReward(layout, _opened(architecture, cache_mb=0))
    alone = np.concatenate([read(bare, [i]) for i in range(count)], axis=2)
    np.testing.assert_allclose(together, alone, rtol=0, atol=TOLERANCE)
    assert len(np.unique(alone[:, 0])) > 1, "readings that never change would prove nothing"


def test_a_step_of_grm_encodes_its_three_new_pictures_alone():
    """All three readings: eight pictures each, of which the views after the step are new."""
    backend = _opened("qwen2_5_vl")
    model = GenerativeReward(GrmLayout(GrmOptions(constrain=True)), backend)
    frames = _frames(4, 0)
    task = Task(instruction="push the cube", goal_frames=_frames(1, 50))
    episode = model.begin(task, {view: f[:1] for view, f in frames.items()})
    encoded = []
    for t in range(1, 4):
        before = backend._sights.encoded
        model.estimate([episode], {view: f[t : t + 1] for view, f in frames.items()})
        encoded.append(backend._sights.encoded - before)
    assert encoded == [9, 3, 3]  # first the start, the goal and the new ones, in three views
    still = {view: f[3:4] for view, f in frames.items()}
    before = backend._sights.encoded
    model.estimate([episode], still)
    assert backend._sights.encoded == before
