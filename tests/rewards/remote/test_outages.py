"""The circuit breaker by a clock of its own."""

from __future__ import annotations

import logging

import pytest

from kibble.rewards.errors import OutageError, ServiceAwayError
from kibble.rewards.remote.outages import Availability


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_calls_are_refused_until_the_next_attempt_is_due_and_pauses_double():
    clock = Clock()
    availability = Availability("there", max_outage=100.0, clock=clock)
    availability.check(1)
    availability.lost("refused", 1)
    refused_for = []
    for _ in range(7):
        begun = clock.now
        while True:
            try:
                availability.check(1)
                break
            except ServiceAwayError:
                clock.now += 0.125
        refused_for.append(clock.now - begun)
        assert isinstance(availability.lost("refused", 1), ServiceAwayError)
    assert refused_for == [0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


def test_an_outage_is_recorded_and_logged_with_what_it_cost(caplog):
    clock = Clock()
    availability = Availability("there/grm", max_outage=100.0, clock=clock)
    with caplog.at_level(logging.WARNING):
        availability.lost("refused", 4)
        for _ in range(3):
            with pytest.raises(ServiceAwayError, match=r"there/grm has been away .*\(refused\)"):
                availability.check(4)
        (running,) = availability.outages
        assert not running.over
        clock.now += 2.0
        availability.check(4)
        availability.found()
        availability.found()
    (outage,) = availability.outages
    assert outage.over
    assert (outage.seconds, outage.attempts, outage.unread) == (2.0, 1, 16)
    assert outage.reason == "refused"
    assert len(caplog.records) == 2
    assert "is back after 2.0 s; 16 frames were not read" in caplog.text
    availability.check(1)


def test_an_outage_that_lasts_too_long_is_another_error_and_the_next_begins_anew():
    clock = Clock()
    availability = Availability("there", max_outage=10.0, clock=clock)
    availability.lost("refused", 1)
    clock.now += 10.0
    assert isinstance(availability.lost("refused", 1), ServiceAwayError)
    clock.now += 0.1
    error = availability.lost("refused", 1)
    assert isinstance(error, OutageError)
    assert "`max_outage` allows 10 s; start the service again" in str(error)
    availability.found()
    assert isinstance(availability.lost("reset", 1), ServiceAwayError)
    assert [outage.reason for outage in availability.outages] == ["refused", "reset"]
