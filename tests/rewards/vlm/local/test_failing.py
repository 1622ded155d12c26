"""A question that fails for itself is a failure, and spoils neither its neighbours nor caches."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.rewards.vlm.local.library import (
    ARCHITECTURES,
    MARK,
    PROMPTS,
    backend,
    passes_of,
    picture,
    reply_of,
    says,
)

from kibble.rewards.errors import ModelError
from kibble.rewards.types import Status
from kibble.rewards.vlm.local.backend import LocalBackend
from kibble.rewards.vlm.questions import (
    Failure,
    HiddenStates,
    Probe,
    Question,
    Rate,
    Say,
)


@pytest.fixture(scope="module", params=ARCHITECTURES)
def architecture(request: pytest.FixtureRequest) -> str:
    return request.param


def _poison(asked: LocalBackend, word: str) -> None:
    """Make the embedding of a word's token not a number."""
    asking = asked._asking
    (number,) = asking._renderer.after("", word)
    embeddings = asking._schedule._reader._core.get_input_embeddings()
    with torch.no_grad():
        embeddings.weight[number] = torch.nan


def test_logits_that_are_not_numbers_fail_alone(architecture: str) -> None:
    sound, broken = says(picture(1), "is it done"), says(picture(1), "is it unclear")
    asked = backend(architecture)
    alone = backend(architecture)
    # the output layer shares the embeddings: look at hidden states, which it does not touch
    _poison(asked, " unclear")
    probes = [says(MARK, *prompt.turns[0].parts, MARK) for prompt in (broken, sound)]
    questions = [Probe(prompt=prompt, tokens=(MARK,)) for prompt in probes]
    failure, answer = asked.answer(questions)
    (expected,) = alone.answer(questions[1:])
    assert failure == Failure(
        status=Status.MODEL_ERROR, reason="the model's output was not finite"
    )
    assert isinstance(answer, HiddenStates)
    assert isinstance(expected, HiddenStates)
    np.testing.assert_allclose(answer.states[MARK], expected.states[MARK], atol=1e-4)
    for question in (
        Rate(prompt=broken, answers=("yes",)),
        Say(prompt=broken, max_tokens=3),
        Say(prompt=broken, choices=("yes", "no")),
    ):
        (failed,) = asked.answer([question])
        assert isinstance(failed, Failure)
        assert failed.status is Status.MODEL_ERROR
        assert "not finite" in failed.reason


def _too_small(asked: LocalBackend, rows: int) -> torch.utils.hooks.RemovableHandle:
    """Raise what CUDA's allocator raises when more than so many rows are read at once."""

    def check(_: object, args: object, kwargs: dict[str, torch.Tensor]) -> None:
        if len(kwargs["input_ids"]) > rows:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 3.00 GiB.")

    core = asked._asking._schedule._reader._core
    return core.register_forward_pre_hook(check, with_kwargs=True)


def test_what_does_not_fit_is_read_in_halves(
    architecture: str, caplog: pytest.LogCaptureFixture
) -> None:
    questions = [Say(prompt=prompt, max_tokens=3) for prompt in PROMPTS]
    expected = [reply_of(answer).text for answer in backend(architecture).answer(questions)]
    asked = backend(architecture)
    handle = _too_small(asked, 2)
    passes = passes_of(asked)
    assert [reply_of(answer).text for answer in asked.answer(questions)] == expected
    assert {rows for rows, _ in passes} <= {1, 2}
    assert "did not fit into memory" in caplog.text
    handle.remove()


def test_what_does_not_fit_alone_is_a_failure(architecture: str) -> None:
    asked = backend(architecture)
    question = Say(prompt=PROMPTS[1], max_tokens=3)
    handle = _too_small(asked, 0)
    (failure,) = asked.answer([question])
    assert isinstance(failure, Failure)
    assert failure.status is Status.MODEL_ERROR
    assert "tokens do not fit into memory: CUDA out of memory" in failure.reason
    handle.remove()
    (reply,) = asked.answer([question])
    assert reply_of(reply).tokens, "the failure is not remembered"


def test_other_errors_are_not_swallowed(architecture: str) -> None:
    asked = backend(architecture)
    core = asked._asking._schedule._reader._core

    def fail(_: object, args: object) -> None:
        raise RuntimeError("a defect")

    core.register_forward_pre_hook(fail)
    with pytest.raises(RuntimeError, match="a defect"):
        asked.answer([Say(prompt=PROMPTS[0])])


def test_a_prompt_that_is_too_long_is_a_failure(architecture: str) -> None:
    asked = backend(architecture)
    asked._longest = 40
    long, short = asked.answer(
        [Say(prompt=says("word " * 50)), Say(prompt=says("word"), max_tokens=2)]
    )
    assert isinstance(long, Failure)
    assert "tokens, and the model reads at most 40" in long.reason
    assert reply_of(short).tokens


def test_a_picture_that_no_model_takes_fails_alone() -> None:
    sound = Say(prompt=says(picture(1), "a"), max_tokens=2)
    thin = Say(prompt=says(picture(1, 2, 900), "a"), max_tokens=2)
    first, failure, second = backend("qwen3_vl").answer([sound, thin, sound])
    assert isinstance(failure, Failure)
    assert failure.status is Status.MODEL_ERROR
    assert "got (2, 900)" in failure.reason
    assert reply_of(first).tokens
    assert first is second


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (Probe(prompt=says("a"), tokens=("<|no_such|>",)), "special tokens of the model"),
        (Rate(prompt=says("a"), answers=()), "must be texts, at least one"),
        (Rate(prompt=says("a"), answers=("yes", "")), "must be texts, at least one"),
        (Say(prompt=says("a"), choices=()), "must be texts, at least one"),
        (Say(prompt=says("a"), adapter="other"), "`adapter` must be one of"),
    ],
)
def test_questions_that_cannot_be_put(question: Question, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        backend("qwen3_vl").answer([question])
