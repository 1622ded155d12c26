from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from kibble.rewards.node.episodes import EpisodeMachine, EpisodeState, Outcome

TASKS = st.sampled_from(["", "  ", "open the drawer", " push the cube "])


class Episodes(RuleBasedStateMachine):
    """All requests in any order, against what the table in the docstring says."""

    def __init__(self) -> None:
        super().__init__()
        self.machine = EpisodeMachine(run="run")
        self.now = 1
        self.names: list[str] = []
        self.task = self.next_task = ""

    @rule(task=TASKS)
    def set_task(self, task):
        answer = self.machine.set_task(task)
        assert answer.accepted == bool(task.strip())
        if answer.accepted:
            self.next_task = task.strip()
            if not self.names:
                self.task = self.next_task

    @rule(task=TASKS)
    def start(self, task):
        was_running = self.machine.running
        last = self.machine.episode
        answer = self.machine.start(self.now, task)
        assert answer.accepted == bool(task.strip() or self.next_task)
        if answer.accepted:
            self.task = self.next_task = task.strip() or self.next_task
            self.names.append(self.machine.episode)
            assert self.machine.running
            assert self.machine.outcome is Outcome.UNDECIDED
            assert (last in answer.message and bool(answer.message)) == was_running
        else:
            assert "needs a task" in answer.message

    @rule(outcome=st.integers(-1, 5))
    def end(self, outcome):
        was_running, last = self.machine.running, self.machine.outcome
        answer = self.machine.end(outcome)
        assert answer.accepted == (was_running and outcome in range(4))
        assert self.machine.outcome == (outcome if answer.accepted else last)
        assert answer.accepted == (answer.message == "")

    @rule(success=st.booleans(), by=st.sampled_from(["", "ann"]))
    def confirm(self, success, by):
        answer = self.machine.confirm(success, by)
        assert answer.accepted == bool(self.names)
        if answer.accepted:
            assert self.machine.state is EpisodeState.ENDED
            assert self.machine.outcome is (Outcome.SUCCESS if success else Outcome.FAILURE)
            assert self.machine.confirmed_by == by

    @rule(passed=st.integers(-5, 20), limit=st.integers(0, 10))
    def expire(self, passed, limit):
        self.now = max(1, self.now + passed)
        was_running = self.machine.running
        ended = self.machine.expire(self.now, limit)
        if ended:
            assert was_running
            assert limit > 0
            assert self.machine.outcome is Outcome.TRUNCATED
        assert self.machine.running == (was_running and not ended)
        if was_running and not ended and limit:
            assert self.now - self.machine.started < limit

    @invariant()
    def names_are_unique_and_nothing_is_forgotten(self):
        machine = self.machine
        assert len(set(self.names)) == len(self.names) == machine.count
        assert machine.episode == (self.names[-1] if self.names else "")
        assert (machine.state is EpisodeState.NONE) == (not self.names)
        assert (machine.task, machine.next_task) == (self.task, self.next_task)
        if machine.running:
            assert machine.outcome is Outcome.UNDECIDED


TestEpisodes = Episodes.TestCase


def test_the_answers_say_what_to_do():
    machine = EpisodeMachine()
    assert machine.set_task(" ").message.startswith("`instruction` must say what success looks")
    assert machine.start(0).message.startswith("An episode needs a task, got none")
    assert machine.end(1).message == "No episode runs; none was started yet."
    assert machine.confirm(True).message.startswith("There is nothing to confirm")
    machine.start(5, "push")
    assert machine.end(7).message.startswith("`outcome` must be one of 0, 1, 2, 3, got 7")
    assert machine.set_task("pull").message == "It counts from the next episode on."
    machine.end(Outcome.FAILURE)
    assert machine.confirm(True).message == "It was failure before."
    assert machine.end(1).message.endswith("has ended (success).")


def test_two_nodes_name_their_episodes_differently():
    one, two = EpisodeMachine("push"), EpisodeMachine("push")
    one.start(0), two.start(0)
    assert one.episode != two.episode


@pytest.mark.parametrize("outcome", Outcome)
def test_success_and_failure_terminate_the_others_truncate(outcome):
    assert outcome.terminated == (outcome.name in ("SUCCESS", "FAILURE"))
