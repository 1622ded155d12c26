"""What is computed once, and that nothing of it changes an answer."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path

import numpy as np
import peft
import pytest
import transformers
from tests.rewards.vlm import tiny_models
from tests.rewards.vlm.local.library import (
    ARCHITECTURES,
    PROMPTS,
    TOLERANCE,
    backend,
    passes_of,
    picture,
    pictures,
    reply_of,
    says,
)
from tests.rewards.vlm.tiny_adapters import lora

from kibble.rewards.vlm.local.backend import LocalBackend, open_local
from kibble.rewards.vlm.opening import BackendOptions
from kibble.rewards.vlm.prompt import Clip
from kibble.rewards.vlm.questions import (
    Rate,
    Ratings,
    Say,
)


@pytest.fixture(scope="module", params=ARCHITECTURES)
def architecture(request: pytest.FixtureRequest) -> str:
    return request.param


def test_a_picture_is_encoded_once(architecture: str) -> None:
    """Frames come as "after", return as "before", and stand beside the same reference."""
    frames = pictures(6)
    asked = backend(architecture)
    for before, after in itertools.pairwise(frames):
        prompt = says("start", picture(9), "before", before, "after", after, "score")
        asked.answer([Say(prompt=prompt, max_tokens=2)])
    assert asked._sights.encoded == len(frames) + 1


def test_a_growing_clip_costs_its_new_frames(architecture: str) -> None:
    frames = pictures(12)
    asked = backend(architecture)
    together = 1 if architecture == "internvl" else 2
    passes = passes_of(asked)
    for count in range(2, 13, 2):
        clip = Clip(frames[:count], 2.0)
        asked.answer([Rate(prompt=says(clip, "done?"), answers=("yes", "no"))])
    assert asked._sights.encoded == 12 // together
    columns = [columns for _, columns in passes]
    assert max(columns[1:]) - min(columns[1:]) <= 2, "each step reads two frames and the question"


def test_the_beginning_of_a_prompt_is_read_once(architecture: str) -> None:
    asked = backend(architecture)
    shared = ("A long instruction about the task. " * 4, picture(1), picture(2))
    passes = passes_of(asked)
    questions = [Rate(prompt=says(*shared, f"frame {i}"), answers=("yes",)) for i in range(8)]
    asked.answer(questions)
    length = passes[0][1]
    assert passes[0] == (1, length), "the others wait for the first"
    assert all(columns < length / 4 for _, columns in passes[1:])
    asked.answer([Rate(prompt=says(*shared, "frame 3"), answers=("no",))])
    assert passes[-1] == (1, 1), "all but the last token is known"


def test_a_repeated_question_is_answered_once(architecture: str) -> None:
    asked = backend(architecture)
    passes = passes_of(asked)
    question = Rate(prompt=PROMPTS[1], answers=("yes", "no"))
    twin = Rate(prompt=says(*PROMPTS[1].turns[0].parts), answers=("yes", "no"))
    first, second = asked.answer([question, twin])
    (third,) = asked.answer([twin])
    assert first is second is third
    assert len(passes) == 1


def test_without_a_cache_nothing_is_kept(architecture: str) -> None:
    asked = backend(architecture, cache_mb=0)
    passes = passes_of(asked)
    question = Rate(prompt=PROMPTS[1], answers=("yes", "no"))
    asked.answer([question])
    asked.answer([question])
    assert len(passes) == 2
    assert passes[0] == passes[1]
    assert asked._tree.size == asked._sights.size == len(asked._memo) == 0


def test_caches_stay_within_their_bytes(architecture: str) -> None:
    asked = backend(architecture, cache_mb=1)
    limit = 2**20
    for i in range(40):
        prompt = says("text " * 30, picture(i, 160, 160), picture(i + 100, 160, 160))
        asked.answer([Rate(prompt=prompt, answers=("yes",))])
        assert asked._tree.size <= limit
        assert asked._sights.size <= limit
    assert asked._tree.size > limit / 2


def test_adapters_answer_for_themselves_whatever_was_asked_before() -> None:
    base = tiny_models.qwen3_vl()
    folders = {name: str(lora(base, seed=i)) for i, name in enumerate(("a", "b"))}
    options = BackendOptions(dtype="float32")
    prompt = says("start", picture(1), "now", picture(2), "how far?")
    questions = [
        Rate(prompt=prompt, answers=("yes", "no"), adapter=name) for name in ("a", "", "b", "a")
    ]
    together = open_local(str(base), options, adapters=folders)
    found = [answer.logprobs for answer in together.answer(questions)]
    for question, logprobs in zip(questions, found, strict=True):
        chosen = {n: f for n, f in folders.items() if n == question.adapter}
        (alone,) = open_local(str(base), options, adapters=chosen).answer([question])
        np.testing.assert_allclose(logprobs, alone.logprobs, atol=TOLERANCE)
    assert np.abs(found[0] - found[1]).max() > 0.01
    assert np.abs(found[0] - found[2]).max() > 0.01
    assert isinstance(together, LocalBackend)
    assert together._sights.encoded == 2, "these adapters leave pictures as they are"


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_an_adapter_of_the_vision_part_sees_for_itself(tmp_path: Path) -> None:
    base = tiny_models.qwen3_vl()
    model = transformers.AutoModelForImageTextToText.from_pretrained(base)
    config = peft.LoraConfig(r=4, target_modules=r".*visual.*\.qkv", init_lora_weights=False)
    peft.get_peft_model(model, config).save_pretrained(tmp_path)
    options = BackendOptions(dtype="float32")
    questions = [
        Rate(prompt=PROMPTS[1], answers=("yes", "no"), adapter=name) for name in ("see", "", "see")
    ]
    asked = open_local(str(base), options, adapters={"see": str(tmp_path)})
    assert isinstance(asked, LocalBackend)
    found = []
    for question in questions:
        asked._memo.clear()
        (answer,) = asked.answer([question])
        assert isinstance(answer, Ratings)
        found.append(answer.logprobs)
    assert asked._sights.encoded == 2 * 2, "once with the adapter and once without"
    (bare,) = backend("qwen3_vl").answer(questions[1:2])
    np.testing.assert_allclose(found[1], bare.logprobs, atol=TOLERANCE)
    np.testing.assert_allclose(found[0], found[2], atol=TOLERANCE)
    assert np.abs(found[0] - found[1]).max() > 0.01


def test_threads_take_turns() -> None:
    asked = backend("qwen3_vl")
    questions = [Say(prompt=prompt, max_tokens=4) for prompt in PROMPTS]
    expected = [reply_of(answer).text for answer in backend("qwen3_vl").answer(questions)]
    found: dict[int, list[str]] = {}

    def ask(i: int) -> None:
        found[i] = [reply_of(answer).text for answer in asked.answer(questions)]

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(found.values()) == [expected] * 4
