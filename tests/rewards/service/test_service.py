"""Episodes over HTTP: opened, read in batches, repeated, restarted, closed."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from tests.reward_models import CentroidModel, SmoothedModel
from tests.rewards.service.serving import CLIENTS, Client, bright, bright_column, code_of, running

from kibble.rewards import Episode, Estimate, Frames, Status
from kibble.rewards.service.answers import decode_served
from kibble.rewards.service.failures import Code, ServiceError
from kibble.rewards.service.pictures import encode_picture
from kibble.rewards.service.settings import ServiceSettings
from kibble.rewards.service.wire import OpenRequest


class GatedModel(CentroidModel):
    """Waits in `estimate` until the test lets it go on."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()

    def estimate(self, episodes: Sequence[Episode], frames: Frames) -> Estimate:
        self.entered.set()
        assert self.gate.wait(20.0)
        return super().estimate(episodes, frames)


def test_progress_by_way_of_the_wire_is_that_of_the_model() -> None:
    model = SmoothedModel()
    with running({"centroid": model}) as url:
        client = Client(url)
        served = decode_served(client.send("GET", "/v1/models"))
        assert served.models == {"centroid": model.spec}
        name = uuid.uuid4().hex
        opened = client.opened(
            OpenRequest(instruction="go right", start={"front": (bright(31),)}), name
        )
        assert (opened.instance, opened.version) == (served.instance, "1")
        assert opened.progress == 1.0
        outcomes = [client.estimate((name, step, 10 * step))[0] for step in (1, 2, 3)]
    direct = SmoothedModel()
    episode = direct.begin(model.begun[-1][0], {"front": bright_column(31)[None]})
    expected = [
        direct.estimate([episode], {"front": bright_column(10 * step)[None]}).progress[0]
        for step in (1, 2, 3)
    ]
    assert [outcome.progress for outcome in outcomes] == [float(value) for value in expected]
    assert all(outcome.status is Status.OK and outcome.confidence == 1.0 for outcome in outcomes)
    assert np.isnan(outcomes[0].disagreement)


@pytest.mark.parametrize("format", ["png", "jpeg"])
def test_compressed_and_larger_pictures(format: str) -> None:
    with running({"centroid": CentroidModel()}) as url:
        client = Client(url)
        name = client.open()
        large = encode_picture(
            np.kron(bright_column(31), np.ones((4, 4, 1), np.uint8)),
            format=format,  # type: ignore[arg-type]
        )
        assert client.estimate((name, 1, large))[0].progress == pytest.approx(1.0, abs=0.02)


def test_frames_of_many_clients_are_read_together_and_answered_apart() -> None:
    model = GatedModel()
    with running({"centroid": model}) as url:
        clients = [Client(url) for _ in range(9)]
        names = [client.open() for client in clients]
        model.gate.clear()
        model.entered.clear()
        with ThreadPoolExecutor(9) as pool:
            first = pool.submit(clients[0].estimate, (names[0], 1, 0))
            assert model.entered.wait(10.0)
            model.batches.clear()
            others = [pool.submit(clients[i].estimate, (names[i], 1, 3 * i)) for i in range(1, 9)]
            until = time.monotonic() + 10.0
            while clients[0].figure("kibble_waiting_frames{") < 8:
                assert time.monotonic() < until
            model.gate.set()
            got = [call.result(10.0)[0].progress for call in [first, *others]]
        assert got == pytest.approx([3 * i / 31 for i in range(9)])
        assert [len(batch["front"]) for batch in model.batches] == [1, 8]


def test_steps_of_one_episode_in_one_request_are_read_in_order() -> None:
    model = SmoothedModel()
    with running({"centroid": model}, ServiceSettings(cache=0)) as url:
        client = Client(url)
        one, two = client.open(), client.open()
        together = client.estimate((one, 2, 20), (two, 1, 5), (one, 1, 10))
        name = client.open()
        apart = [client.estimate((name, 1, 10))[0], client.estimate((name, 2, 20))[0]]
    assert [together[2].progress, together[0].progress] == [o.progress for o in apart]


def test_a_step_asked_again_is_not_read_twice() -> None:
    model = SmoothedModel()
    with running({"centroid": model}, ServiceSettings(cache=0)) as url:
        client = Client(url)
        name = client.open()
        model.batches.clear()
        first = client.estimate((name, 1, 10))
        assert client.estimate((name, 1, 10)) == first
        assert len(model.batches) == 1
        other = client.estimate((name, 1, 11))[0]
        assert other.code is Code.OUT_OF_ORDER
        assert "above 1" in other.message
        assert client.estimate((name, 7, 11))[0].status is Status.OK  # steps may be left out
        assert client.estimate((name, 5, 11))[0].code is Code.OUT_OF_ORDER


def test_opening_again_is_one_opening_until_the_first_frame() -> None:
    model = SmoothedModel()
    with running({"centroid": model}, ServiceSettings(cache=0)) as url:
        client = Client(url)
        name = client.open(31)
        begun = len(model.begun)
        client.open(31, name)
        assert len(model.begun) == begun
        before = client.estimate((name, 1, 10))
        client.open(31, name)
        assert len(model.begun) == begun + 1
        assert client.estimate((name, 1, 10)) == before


def test_what_was_read_before_needs_no_model_and_branches_go_on_from_there() -> None:
    model = SmoothedModel()
    with running({"centroid": model}) as url:
        client = Client(url)

        def read(places: list[int]) -> list[float]:
            name = client.open(31)
            steps = enumerate(places, start=1)
            return [client.estimate((name, step, place))[0].progress for step, place in steps]

        first = read([3, 9, 27])
        calls = len(model.batches), len(model.begun)
        assert read([3, 9, 27]) == first
        assert (len(model.batches), len(model.begun)) == calls
        assert client.figure("kibble_cached_answers_total{") == 4.0
        branch = read([3, 9, 20])
        assert branch[:2] == first[:2]
        assert len(model.batches) == calls[0] + 1
    with running({"centroid": SmoothedModel()}, ServiceSettings(cache=0)) as url:
        client = Client(url)
        assert read([3, 9, 20]) == branch


def test_closed_episodes_are_gone_and_others_stay() -> None:
    with running({"centroid": CentroidModel()}) as url:
        client = Client(url)
        one, two = client.open(), client.open()
        client.close(one)
        client.close(one)  # closing is allowed again
        codes = [outcome.code for outcome in client.estimate((one, 1, 0), (two, 1, 0))]
        assert codes == [Code.UNKNOWN_EPISODE, None]
        assert client.figure("kibble_open_episodes{") == 1.0


def test_several_models_each_with_its_own_episodes() -> None:
    with running({"centroid": CentroidModel(), "smooth": SmoothedModel()}) as url:
        client, other = Client(url), Client(url, "smooth")
        name = client.open()
        assert other.estimate((name, 1, 0))[0].code is Code.UNKNOWN_EPISODE
        assert code_of(Client(url, "none").open) is Code.UNKNOWN_MODEL


def test_frames_that_come_too_late_are_not_seen_by_the_episode() -> None:
    model = GatedModel()
    with running({"centroid": model}, ServiceSettings(cache=0)) as url:
        client = Client(url)
        name, other = client.open(), client.open()
        model.gate.clear()
        model.entered.clear()
        with ThreadPoolExecutor(1) as pool:
            slow = pool.submit(Client(url).estimate, (other, 1, 0))
            assert model.entered.wait(10.0)
            late = client.estimate((name, 1, 5), timeout=0.05)[0]
            assert (late.status, late.code) == (Status.TIMEOUT, Code.LATE)
            model.gate.set()
            assert slow.result(10.0)[0].status is Status.OK
        assert client.estimate((name, 1, 31))[0].progress == 1.0  # other pictures, same step


def test_an_answer_that_was_not_waited_for_is_there_when_it_is_asked_for_again() -> None:
    model = GatedModel()
    with running({"centroid": model}) as url:
        client = Client(url)
        name = client.open()
        model.gate.clear()
        first = client.estimate((name, 1, 31), timeout=0.1)[0]
        assert (first.status, first.code) == (Status.TIMEOUT, None)
        assert "ask for the same step" in first.message
        model.gate.set()
        assert client.estimate((name, 1, 31))[0].progress == 1.0


def test_a_full_queue_is_said_to_be_busy() -> None:
    model = GatedModel()
    with running({"centroid": model}, ServiceSettings(queue=256, batch=1)) as url:
        client = Client(url)
        names = [client.open() for _ in range(2)]
        model.gate.clear()
        model.entered.clear()
        with ThreadPoolExecutor(2) as pool:
            calls = [pool.submit(Client(url).estimate, (names[0], 1, 0))]
            assert model.entered.wait(10.0)
            many = [(names[1], step, step % 32) for step in range(1, 251)]
            calls.append(pool.submit(Client(url).estimate, *many))
            until = time.monotonic() + 10.0
            while client.figure("kibble_waiting_frames{") < 250:
                assert time.monotonic() < until
            with pytest.raises(ServiceError, match="try again") as caught:
                client.estimate(*[(names[0], step, 1) for step in range(2, 20)])
            assert (caught.value.code, caught.value.retry_after) == (Code.BUSY, 1.0)
            model.gate.set()
            assert all(o.status is Status.OK for call in calls for o in call.result(30.0))
        assert client.figure('kibble_requests_total{code="busy"') == 1.0


def test_token() -> None:
    settings = ServiceSettings(token="0123456789abcdef")
    with running({"centroid": CentroidModel()}, settings) as url:
        assert code_of(Client(url).open) is Code.UNAUTHORISED
        assert code_of(Client(url, token="0123456789abcdeg").open) is Code.UNAUTHORISED
        assert code_of(lambda: Client(url).send("GET", "/metrics")) is Code.UNAUTHORISED
        assert Client(url, token="0123456789abcdef").open()
        assert httpx.get(f"{url}/health", trust_env=False).json()["ready"] is True
    assert "0123456789abcdef" not in repr(settings)


def test_answers_say_which_instance_they_are_from() -> None:
    seen = set()
    for _ in range(2):
        with running({"centroid": CentroidModel()}) as url:
            answers = [
                httpx.get(f"{url}{path}", trust_env=False)
                for path in ("/health", "/v1/models", "/nothing")
            ]
            assert [answer.status_code for answer in answers] == [200, 200, 404]
            here = {answer.headers["kibble-instance"] for answer in answers}
            assert here == {json.loads(answer.content)["instance"] for answer in answers}
            seen |= here
    assert len(seen) == 2


def test_stopping_answers_what_is_under_way() -> None:
    model = GatedModel()
    with ThreadPoolExecutor(1) as pool:
        with running({"centroid": model}) as url:
            name = Client(url).open()
            model.gate.clear()
            model.entered.clear()
            client = Client(url)
            call = pool.submit(client.estimate, (name, 1, 31))
            assert model.entered.wait(10.0)
            CLIENTS.remove(client)  # it waits for its answer while the service stops
            threading.Timer(0.3, model.gate.set).start()
        assert call.result(1.0)[0].progress == 1.0
        client.http.close()
