"""All detectors together, over real steps of a small reward model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from tests.reward_models import CentroidModel

from kibble.rewards import Episode, Estimate, Frames, Potential, Shaper, Task
from kibble.rewards.errors import ShapingError
from kibble.rewards.monitor import Finding, HackingMonitor, Severity, Thresholds

TASK = Task(instruction="move the dot to the right")


def dot(column: int, *, row: int = 0) -> Frames:
    image = np.zeros((1, 8, 32, 3), np.uint8)
    image[:, row : row + 6, column] = 255
    return {"front": image}


class Bench:
    """Plays scripted frames through shaper and monitor, one environment."""

    def __init__(self, model: CentroidModel | None = None, **thresholds: float) -> None:
        self.shaper = Shaper(
            Potential(CentroidModel() if model is None else model), slots=1, gamma=0.9
        )
        self.monitor = HackingMonitor(
            1,
            gamma=0.9,
            thresholds=Thresholds(**thresholds),  # type: ignore[arg-type]
        )

    def begin(self, column: int = 0) -> None:
        self.shaper.begin({0: (TASK, dot(column))})

    def step(self, frames: Frames | None, task: float = 0.0, ends: bool = False) -> list[Finding]:
        step = self.shaper.step(
            np.array([task]),
            np.array([ends]),
            np.zeros(1, np.bool_),
            {} if frames is None else {0: frames},
        )
        return self.monitor.watch(self.shaper.potential, step)

    def play(self, columns: Sequence[int], reward: float = 0.0) -> list[Finding]:
        self.begin(columns[0])
        found = []
        for i, column in enumerate(columns[1:], start=2):
            last = i == len(columns)
            found += self.step(dot(column), reward if last else 0.0, last)
        return found


def test_a_loop_is_found_once_in_its_episode_and_again_in_the_next():
    bench = Bench()
    for _ in range(2):
        found = bench.play([0, 10, 20] * 8)
        assert [finding.detector for finding in found] == ["oscillating_progress"]
        (finding,) = found
        assert (finding.severity, finding.slot) == (Severity.WARNING, 0)
        assert finding.evidence["falls"] == 3
        assert "fell 3 times after rising, between 0.00 and 0.65" in finding.sentence


def test_what_many_episodes_show_is_an_alarm_once_until_it_has_ended():
    bench = Bench(episodes=6, repeated=2)
    alarms = []
    for _ in range(4):
        alarms += [f for f in bench.play([0, 10, 20] * 8) if f.severity is Severity.ALARM]
    assert [alarm.evidence["episodes"] for alarm in alarms] == [2]
    assert "2 of the last 2 episodes show it" in alarms[0].sentence
    assert bench.monitor.active == {"oscillating_progress"}
    for _ in range(6):
        bench.play([0, 10, 20, 31], reward=1.0)
    assert bench.monitor.active == set()
    again = [f for _ in range(2) for f in bench.play([0, 10, 20] * 8)]
    assert [f.severity for f in again].count(Severity.ALARM) == 1


def test_a_model_that_does_not_react_to_motion_is_frozen():
    bench = Bench()
    bench.begin(5)
    found = []
    for step in range(30):  # the dot moves up and down, and the model reads its column
        found += bench.step(dot(5, row=2 * (step % 2)))
    assert [finding.detector for finding in found] == ["frozen_progress"]
    assert found[0].evidence["readings"] == 25


def test_a_scene_that_stands_still_is_no_frozen_model():
    bench = Bench()
    bench.begin(5)
    assert [f for _ in range(40) for f in bench.step(dot(5))] == []


def test_steps_without_a_frame_are_no_readings():
    bench = Bench()
    bench.begin(5)
    for _ in range(40):
        assert bench.step(None) == []
    bench.step(dot(5), ends=True)
    assert bench.monitor.episodes[-1].still <= 2


def test_two_readings_far_apart_are_found():
    class TornModel(CentroidModel):
        def estimate(self, episodes: Sequence[Episode], frames: Frames) -> Estimate:
            for episode in episodes:
                episode.memory["disagreement"] = 0.5
            return super().estimate(episodes, frames)

    bench = Bench(TornModel())
    found = bench.play([0, 10, 20])
    assert [finding.detector for finding in found] == ["disagreement"]
    assert bench.monitor.episodes[-1].disagreement == 0.5


def test_failures_judged_successes_are_found_with_an_interval():
    bench = Bench()
    found = [f for _ in range(9) for f in bench.play([0, 15, 31])]  # model: success; truth: no
    (finding,) = (f for f in found if f.detector == "false_success")
    assert (finding.evidence["judged"], finding.evidence["failures"]) == (8, 8)
    assert finding.evidence["low"] == pytest.approx(0.6756, abs=1e-3)
    assert "8 of the last 8 failures a success (100 %, 95 % interval 68 to 100)" in (
        finding.sentence
    )


def test_a_primary_reward_paid_on_the_way_says_nothing_of_success():
    bench = Bench()
    for _ in range(8):
        bench.begin()
        bench.step(dot(15), task=-0.1)
        found = bench.step(dot(31), task=-0.1, ends=True)
        assert found == []
    assert bench.monitor.episodes[-1].succeeded is None


def test_a_reward_that_tells_nothing_apart_has_collapsed_until_it_does_again():
    bench = Bench(falls=1000)
    found = []
    bench.begin(5)
    for _ in range(450):
        found += bench.step(dot(5))
    assert [finding.detector for finding in found] == ["reward_collapse"]
    assert bench.monitor.spread == 0.0
    for step in range(40):
        bench.step(dot(step % 32))
    assert bench.monitor.active == set()


def test_reward_that_rises_while_the_true_return_falls_is_found():
    bench = Bench(episodes=10, false_success=1.0, unearned=1000.0)
    found = []
    for episode in range(20):
        reached = 12 + episode // 4
        found += bench.play([0, 2, reached, reached], reward=float(episode < 10))
    (finding,) = found
    assert finding.detector == "divergence"
    assert finding.evidence["task_before"] == 1.0
    assert finding.evidence["task_after"] == 0.0
    assert "to please the model, not to do the task" in finding.sentence


def test_learning_to_do_the_task_is_no_divergence():
    bench = Bench(episodes=10)
    found = []
    for episode in range(40):
        good = episode >= 20
        found += bench.play([0, 5, 31 if good else 9], reward=float(good))
    assert found == []


def test_a_restored_monitor_continues_where_it_was():
    first, script = Bench(repeated=2), [0, 10, 20] * 8
    first.play(script)
    first.begin(script[0])
    for column in script[1:9]:
        first.step(dot(column))
    second = Bench(repeated=2)
    second.shaper.set_state(first.shaper.get_state())
    second.monitor.set_state(first.monitor.get_state())
    for i, column in enumerate(script[9:]):
        ends = i == len(script[9:]) - 1
        assert first.step(dot(column), ends=ends) == second.step(dot(column), ends=ends)
    assert first.monitor.active == second.monitor.active == {"oscillating_progress"}
    assert [repr(e) for e in first.monitor.episodes] == [repr(e) for e in second.monitor.episodes]


def test_a_restored_monitor_may_leave_running_episodes_behind():
    first = Bench()
    first.begin()
    for column in [10, 20, 0] * 4:
        first.step(dot(column))
    assert first.monitor.flagged.tolist() == [True]
    second = Bench()
    second.monitor.set_state(first.monitor.get_state(), running=False)
    assert second.monitor.flagged.tolist() == [False]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"falls": 0}, "`falls` must be more than 0, got 0"),
        ({"still": 50}, "`still` must be at most `readings`, 40, got 50"),
        ({"repeated": 31}, "`repeated` must be at most `episodes`, 30, got 31"),
    ],
)
def test_thresholds_out_of_range_are_refused(options, message):
    with pytest.raises(ShapingError, match=message):
        Thresholds(**options)
