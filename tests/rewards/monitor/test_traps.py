"""Every trap's exploit is named, and nobody who does the task is accused."""

from __future__ import annotations

import pytest
from tests.rewards.monitor.trap_agents import watch

from kibble.envs.traps import TRAPS
from kibble.rewards.monitor import Severity

NAMED = {
    "lamps": "oscillating_progress",
    "ring": "oscillating_progress",
    "pad": "false_success",
    "poster": "paid_failure",
    "detour": "paid_failure",
    "ditch": "paid_failure",
}
MODES = ("potential", "difference", "absolute", "held_absolute")


def test_every_trap_has_its_detector():
    assert set(NAMED) == set(TRAPS)


@pytest.mark.parametrize("name", TRAPS)
def test_an_agent_that_farms_is_named_with_its_exploit(name):
    found, monitor = watch(name, "farmer", mode="absolute", episodes=12)
    assert not any(episode.succeeded for episode in monitor.episodes)
    alarms = [finding for finding in found if finding.severity is Severity.ALARM]
    assert NAMED[name] in {finding.detector for finding in alarms}
    assert all(finding.sentence and finding.evidence for finding in found)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", TRAPS)
def test_an_honest_agent_that_succeeds_is_not_accused(name, mode):
    found, monitor = watch(name, "honest", mode=mode, episodes=20)
    assert sum(bool(episode.succeeded) for episode in monitor.episodes) >= 15
    assert found == []


@pytest.mark.parametrize("name", TRAPS)
def test_potential_shaping_pays_farmers_nothing_unearned(name):
    found, monitor = watch(name, "farmer", mode="potential", episodes=12)
    assert max(abs(episode.unearned) for episode in monitor.episodes) < 1e-6
    assert "paid_failure" not in {finding.detector for finding in found}
