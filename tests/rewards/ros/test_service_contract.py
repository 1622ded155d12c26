"""What every transport's services must do; see test_transport_contract."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from tests.ros_domain import wait_until

from kibble.rewards.errors import ServiceAwayError
from kibble.rewards.ros.transport import Fields, Transport

Open = Callable[..., Transport]


def test_a_service_answers_each_caller_with_what_is_its(join: Open) -> None:
    server = join("server")

    def answer(request: object) -> Fields:
        return {"success": request.data, "message": f"data is {request.data}"}

    server.serve("~/switch", "std_srvs/srv/SetBool", answer)
    answers: dict[bool, list] = {True: [], False: []}

    def ask(value: bool) -> None:
        client = join(f"client_{str(value).lower()}")
        for _ in range(5):
            answers[value].append(
                client.call(
                    "/server/switch", "std_srvs/srv/SetBool", {"data": value}, timeout=20.0
                )
            )

    threads = [threading.Thread(target=ask, args=(value,)) for value in (True, False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60.0)
    for value, given in answers.items():
        assert [response.success for response in given] == [value] * 5
        assert {response.message for response in given} == {f"data is {value}"}


def test_a_request_without_fields_and_a_service_of_our_own(join: Open) -> None:
    server = join("server")
    server.serve("/trigger", "std_srvs/srv/Trigger", lambda _: {"success": True})
    server.serve(
        "/set_task",
        "kibble_msgs/srv/SetTask",
        lambda request: {"accepted": True, "message": request.instruction},
    )
    client = join("client")
    assert client.call("/trigger", "std_srvs/srv/Trigger", {}, timeout=20.0).success is True
    response = client.call(
        "/set_task",
        "kibble_msgs/srv/SetTask",
        {"instruction": "Öffne die Schublade"},
        timeout=20.0,
    )
    assert response.message == "Öffne die Schublade"


def test_a_service_that_raises_gives_no_answer_and_goes_on(join: Open) -> None:
    calls: list[object] = []

    def answer(request: object) -> Fields:
        calls.append(request)
        if len(calls) == 1:
            raise RuntimeError("once")
        return {"success": True}

    join("server").serve("/trigger", "std_srvs/srv/Trigger", answer)
    client = join("client")
    with pytest.raises(ServiceAwayError, match="/trigger"):
        client.call("/trigger", "std_srvs/srv/Trigger", {}, timeout=1.0)
    wait_until(lambda: calls)
    assert client.call("/trigger", "std_srvs/srv/Trigger", {}, timeout=20.0).success is True


def test_a_service_that_is_not_there_is_said(join: Open) -> None:
    with pytest.raises(ServiceAwayError, match="/nowhere"):
        join("client").call("/nowhere", "std_srvs/srv/Trigger", {}, timeout=0.2)


def test_a_service_that_was_closed_is_gone(join: Open) -> None:
    server = join("server")
    handle = server.serve("/trigger", "std_srvs/srv/Trigger", lambda _: {"success": True})
    client = join("client")
    client.call("/trigger", "std_srvs/srv/Trigger", {}, timeout=20.0)
    handle.close()
    handle.close()
    with pytest.raises(ServiceAwayError):
        client.call("/trigger", "std_srvs/srv/Trigger", {}, timeout=0.5)
