"""What becomes of questions when the server fails, is slow, busy, gone, or talks nonsense."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from tests.rewards.vlm.openai.faulty_server import answer, faulty_server

from kibble.rewards.adapters.yes_token import Options, open_reward
from kibble.rewards.episode_reader import EpisodeReader
from kibble.rewards.errors import ModelError, OutageError
from kibble.rewards.remote.outages import RecordsOutages
from kibble.rewards.types import Status, Task
from kibble.rewards.vlm.backend import Backend
from kibble.rewards.vlm.opening import BackendOptions, open_backend
from kibble.rewards.vlm.prompt import Prompt, Turn
from kibble.rewards.vlm.questions import Failure, Probe, Rate, Ratings, Reply, Say


@pytest.fixture
def server():
    with faulty_server() as running:
        yield running


@pytest.fixture
def opened(server):
    """Open back ends of the server and close them at the end."""
    backends = []

    def open_(**options) -> Backend:
        settings = {"timeout": 5.0, **options}
        backend = open_backend(
            "tiny", BackendOptions(backend="openai", url=server.url, **settings)
        )
        backends.append(backend)
        server.asked.clear()
        return backend

    yield open_
    for backend in backends:
        backend.close()


def say(text: str = "Done?", **options) -> Say:
    return Say(prompt=Prompt(turns=(Turn("user", (text,)),)), **options)


def rate(*answers: str) -> Rate:
    return Rate(prompt=say().prompt, answers=answers)


def only(answers):
    (one,) = answers
    return one


@pytest.mark.parametrize("fault", [500, 502, 504, 429, 503, 408, "reset", "truncate"])
def test_a_passing_failure_is_tried_again(server, opened, fault):
    backend = opened(timeout=30.0)
    server.script = [fault, fault]
    reply = only(backend.answer([say()]))
    assert isinstance(reply, Reply)
    assert reply.text == "yes"
    assert len(server.asked) == 3


@pytest.mark.parametrize("fault", [500, 504])
def test_a_lasting_failure_is_a_status(server, opened, fault):
    backend = opened()
    server.script = [fault] * 100
    failure = only(backend.answer([say()]))
    assert isinstance(failure, Failure)
    assert failure.status is Status.MODEL_ERROR
    assert f"status {fault}" in failure.reason
    assert 1 < len(server.asked) < 20


@pytest.mark.parametrize("fault", [400, 413, 422])
def test_a_request_that_is_refused_is_not_repeated(server, opened, fault):
    backend = opened()
    server.script = [fault]
    failure = only(backend.answer([say()]))
    assert failure.status is Status.MODEL_ERROR
    assert "told to fail" in failure.reason
    assert len(server.asked) == 1


@pytest.mark.parametrize("fault", [401, 403, 404])
def test_a_wrong_key_or_model_is_an_error(server, opened, fault):
    backend = opened()
    server.script = [fault]
    with pytest.raises(ModelError, match=f"must know the key, the model and the path.*{fault}"):
        backend.answer([say()])


@pytest.mark.parametrize("fault", ["stall", "trickle"])
def test_what_takes_too_long_is_late_and_spoils_no_other(server, opened, fault):
    backend = opened(timeout=0.5, concurrency=2)
    server.script = [fault]
    begun = time.monotonic()
    late, good = backend.answer([say("one?"), say("two?")])
    if isinstance(late, Reply):  # they are sent at once, so either may meet the fault
        late, good = good, late
    assert late.status is Status.TIMEOUT
    assert "must answer within 0.5 s" in late.reason
    assert good.text == "yes"
    assert time.monotonic() - begun < 10.0


@pytest.mark.parametrize("fault", [429, 503])
def test_a_server_that_stays_busy_is_asked_until_the_deadline(server, opened, fault):
    backend = opened(timeout=1.0)
    server.script = [fault] * 1000
    failure = only(backend.answer([say()]))
    assert failure.status is Status.TIMEOUT
    assert f"status {fault}" in failure.reason


def test_a_busy_server_is_left_alone_for_as_long_as_it_asks(server, opened):
    backend = opened(timeout=0.5)
    server.retry_after = "60"
    server.script = [429]
    failure = only(backend.answer([say()]))
    assert failure.status is Status.TIMEOUT
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Bad gateway</html>",
        b"null",
        b"[]",
        b"{}",
        b'{"choices": []}',
        b'{"choices": null}',
        b'{"choices": [{}]}',
        b'{"choices": [{"message": null, "finish_reason": "stop"}]}',
        b'{"choices": [{"message": {"content": 1}, "finish_reason": "stop"}]}',
        b'{"choices": [{"message": {"content": "yes"}, "finish_reason": "tool_calls"}]}',
        b'{"choices": [{"message": {"content": "yes"}}]}',
        b"[" * 100_000,
        json.dumps(answer(logprob=float("nan"))).encode(),
        json.dumps(answer(logprob=2.0)).encode(),
        json.dumps(answer(logprobs={"content": [{"token": "yes", "logprob": "-1"}]})).encode(),
        json.dumps(answer(logprobs={"content": [{"token": "yes"}]})).encode(),
        json.dumps(answer(logprobs={"content": 3})).encode(),
        json.dumps(answer(logprobs=[1])).encode(),
    ],
)
def test_nonsense_is_a_status(server, opened, body):
    backend = opened()
    server.script = [body, body]
    for failure in backend.answer([say(top=2), rate("yes")]):
        assert isinstance(failure, Failure)
        assert failure.status is Status.MODEL_ERROR


def test_a_connection_lost_by_some_is_their_status_alone(server, opened):
    backend = opened(concurrency=1)
    server.script = ["reset"] * 6
    broken, good = backend.answer([say("one?"), say("two?")])
    assert broken.status is Status.MODEL_ERROR
    assert "must be there" in broken.reason
    assert good.text == "yes"


def test_a_server_that_is_gone_is_a_connection_error_until_it_is_back():
    with faulty_server() as server:
        backend = open_backend("tiny", BackendOptions(backend="openai", url=server.url))
    with pytest.raises(ConnectionError, match="must be there"):
        backend.answer([say("one?"), say("two?")])
    with pytest.raises(ConnectionError, match="must be there"):
        open_backend("tiny", BackendOptions(backend="openai", url=server.url))
    with faulty_server(server.server_address[1]):
        assert [reply.text for reply in backend.answer([say("one?"), say("two?")])] == ["yes"] * 2
    backend.close()


def probable(*words: str) -> dict:
    """An answer whose likeliest first tokens are these words."""
    likeliest = [{"token": word, "logprob": -2.0} for word in words]
    return answer(logprobs={"content": [{**likeliest[0], "top_logprobs": likeliest}]})


def frames(value: int) -> dict[str, np.ndarray]:
    return {"front": np.full((1, 32, 32, 3), value, np.uint8)}


def test_an_outage_is_excused_counted_and_bounded():
    task = Task(instruction="push the cube")
    with faulty_server() as server:
        server.good = probable("yes", "Yes", "no", "No")
        model = open_reward("tiny", Options(backend="openai", url=server.url), None)
        brief = Options(backend="openai", url=server.url, max_outage=0.0)
        impatient = open_reward("tiny", brief, None)
        reader, hasty = EpisodeReader(model, 1), EpisodeReader(impatient, 1)
        assert reader.open(0, task, frames(0)).status is Status.OK
        assert hasty.open(0, task, frames(0)).status is Status.OK
        assert isinstance(model, RecordsOutages)
        assert model.outages == ()
    for value in (1, 2):
        reading = reader.read({0: frames(value)})[0]
        assert (reading.status, reading.excused) == (Status.MODEL_ERROR, True)
    with pytest.raises(OutageError, match="`max_outage` allows 0 s"):
        hasty.read({0: frames(1)})
    with faulty_server(server.server_address[1]) as server:
        server.good = probable("yes", "Yes", "no", "No")
        for value in range(3, 60):
            reading = reader.read({0: frames(value)})[0]
            if reading.status is Status.OK:
                break
            time.sleep(0.1)
        assert reading.progress == pytest.approx(2 * np.exp(-2.0))
    outage = only(model.outages)
    assert outage.over
    assert outage.unread == value - 1  # frames 1 to value - 1
    assert "must be there" in outage.reason
    for opened in (model, impatient):
        opened.backend.close()


def test_no_more_than_so_many_are_asked_at_once(server, opened):
    backend = opened(concurrency=3)
    server.pause = 0.05
    server.most_at_once = 0
    answers = backend.answer([say(f"{i}?") for i in range(12)])
    assert all(isinstance(reply, Reply) for reply in answers)
    assert server.most_at_once == 3


def test_callers_in_several_threads_share_the_limit_and_get_their_own_answers(server, opened):
    backend = opened(concurrency=2)
    server.pause = 0.02
    server.most_at_once = 0
    with ThreadPoolExecutor(6) as callers:
        found = list(callers.map(lambda i: backend.answer([say(f"{i % 4}?")]), range(12)))
    assert all(only(answers).text == "yes" for answers in found)
    assert server.most_at_once == 2
    assert {body["messages"][0]["content"] for body in server.asked} == {"0?", "1?", "2?", "3?"}


def test_a_question_asked_twice_is_answered_once(server, opened):
    backend = opened()
    first = backend.answer([say(), say(), rate("yes"), say(seed=1)])
    again = backend.answer([rate("yes"), say()])
    assert len(server.asked) == 2
    assert again == [first[2], first[0]]


def test_failures_and_samples_are_not_remembered(server, opened):
    backend = opened()
    server.script = [400]
    assert isinstance(only(backend.answer([say()])), Failure)
    assert isinstance(only(backend.answer([say()])), Reply)
    server.asked.clear()
    for _ in range(2):
        backend.answer([say(temperature=1.0, seed=seed) for seed in (1, 2)])
    assert sorted(body["seed"] for body in server.asked) == [1, 1, 2, 2]


def test_the_key_is_sent_if_there_is_one(server, opened, monkeypatch):
    opened(api_key_env="KIBBLE_TEST_KEY")
    assert "authorization" not in server.headers_seen[-1]
    monkeypatch.setenv("KIBBLE_TEST_KEY", "secret")
    backend = opened(api_key_env="KIBBLE_TEST_KEY")
    assert server.headers_seen[-1]["authorization"] == "Bearer secret"
    assert "secret" not in repr(vars(backend))


def test_an_answer_outside_the_choices_is_a_parse_error(server, opened):
    backend = opened()
    server.good = answer("yes, 100 %: ignore the images")
    failure = only(backend.answer([say(choices=("yes", "no"))]))
    assert failure.status is Status.PARSE_ERROR
    server.good = answer("yes", finish="length")
    failure = only(backend.answer([say(choices=("yes", "no"))]))
    assert failure.status is Status.PARSE_ERROR
    server.good = answer(" yes\n")
    assert only(backend.answer([say(choices=("yes", "no"))])).text == "yes"


@pytest.mark.parametrize("owner", ["vllm", "sglang", "somebody"])
def test_choices_are_sent_as_the_server_understands_them(server, opened, owner):
    server.owner = owner
    backend = opened()
    choices = ("<score>+5%</score>", '{ "done": "yes" }', "a|b\\c", "yes")
    assert only(backend.answer([say(choices=choices)])).text == "yes"
    body = only(server.asked)
    assert ("structured_outputs" in body, "regex" in body) == (owner == "vllm", owner == "sglang")
    if owner == "vllm":
        assert body["structured_outputs"] == {"choice": list(choices)}
    if owner == "sglang":
        assert all(re.fullmatch(body["regex"], choice) for choice in choices)
        assert not re.fullmatch(body["regex"], "a")
        assert "\\ " not in body["regex"]
    if owner == "somebody":
        known = {"model", "messages", "max_tokens", "temperature", "top_p", "seed"}
        assert set(body) == known | {"logprobs", "top_logprobs"}


ROBOT = """
import sys
sys.modules["torch"] = sys.modules["transformers"] = sys.modules["gymnasium"] = None
import numpy as np
from kibble.rewards.adapters.yes_token import Options, open_reward
from kibble.rewards.types import Task
model = open_reward("tiny", Options(backend="openai", url=sys.argv[1]), None)
frames = {"front": np.zeros((1, 32, 32, 3), np.uint8)}
episode = model.begin(Task(instruction="push the cube"), frames)
print(model.estimate([episode], frames).status.tolist())
"""


def test_a_robot_needs_no_torch_and_ends_without_being_told(server):
    server.good = probable("yes", "Yes", "no", "No")
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", ROBOT, server.url],
        capture_output=True,
        text=True,
        timeout=60.0,
        check=False,
    )
    assert (ended.stdout, ended.stderr, ended.returncode) == ("[0]\n", "", 0)


@pytest.mark.parametrize("end", ["<|im_end|>", ""])
def test_the_end_of_an_answer_is_none_of_its_tokens(server, opened, end):
    said = {"token": "yes", "logprob": -0.5, "top_logprobs": []}
    ended = {"token": end, "logprob": -0.1, "top_logprobs": [{"token": "no", "logprob": -3.0}]}
    server.good = answer(logprobs={"content": [said, ended]})
    backend = opened()
    assert [token.text for token in only(backend.answer([say()])).tokens] == ["yes"]
    server.good = answer("", logprobs={"content": [ended]})  # it would rather say nothing
    silent = opened()
    assert silent.spec.rates
    np.testing.assert_array_equal(only(silent.answer([rate("no")])).logprobs, [-3.0])


def test_an_answer_that_is_cut_off_says_so(server, opened):
    backend = opened()
    server.good = answer("+1", finish="length")
    assert only(backend.answer([say()])).finished is False


def test_rating_beyond_the_likeliest_tokens_is_refused_where_it_cannot_be_exact(server, opened):
    server.owner = "sglang"
    backend = opened()
    known, unknown = backend.answer([rate("yes", "other"), rate("yes", "no")])
    np.testing.assert_allclose(known.logprobs, [-0.5, -3.0])
    assert unknown.status is Status.MODEL_ERROR
    assert "'no' must be one of the 20 likeliest first tokens" in unknown.reason


def test_rating_believes_no_server_whose_prompt_tokens_do_not_follow(server, opened):
    backend = opened()
    server.good["prompt_token_ids"] = [1, 2, 3]
    failure = only(backend.answer([rate("yes", "no")]))
    assert isinstance(failure, Failure)
    assert "must follow those of the prompt" in failure.reason
    assert isinstance(only(backend.answer([rate("yes")])), Ratings)


def test_a_server_without_log_probabilities_says_so_when_they_are_needed(server, opened, caplog):
    server.good = answer(logprobs=None)
    backend = opened()
    assert backend.spec.rates is False
    assert only(backend.answer([say()])).text == "yes"
    assert caplog.text == ""
    for text in ("Done?", "Really?"):
        reply = only(backend.answer([say(text, top=5)]))
        assert (reply.text, reply.tokens) == ("yes", ())
    assert caplog.text.count("gives no log-probabilities") == 1
    with pytest.raises(ModelError, match="does not give; serve the weights by vLLM"):
        backend.answer([rate("yes")])


def test_a_server_that_refuses_log_probabilities_is_asked_without(server, opened):
    server.owner = "somebody"
    server.script = [400]
    backend = opened()
    assert backend.spec.rates is False
    assert only(backend.answer([say()])).text == "yes"
    assert "logprobs" not in server.asked[-1]


def test_hidden_states_are_refused(opened):
    with pytest.raises(ModelError, match="does not show hidden states"):
        opened().answer([Probe(prompt=say().prompt, tokens=("<s>",))])
