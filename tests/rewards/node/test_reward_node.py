from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.reward_models import CentroidModel
from tests.rewards.node.node_rig import NS, START, HandClock, Rig, image

from kibble.rewards.errors import ConfigError
from kibble.rewards.node.episodes import EpisodeState, Outcome
from kibble.rewards.types import Status

THIRDS = st.floats(0.0, 1.0)


def test_images_become_rewards_and_the_message_says_of_which_frame():
    rig = Rig(gamma=0.9, scale=2.0, shift=-1.0).run()
    first = rig.period(0.0)
    assert (first.status, first.status_text, first.step) == (Status.OK, "", 0)
    assert first.stamp == START + NS // 10
    assert (first.frame_id, first.task, first.episode) == ("lens", "move right", "run-0001")
    assert (first.progress, first.potential, first.reward) == (0.0, -2.0, 0.0)
    assert math.isnan(first.success)  # a start frame has none
    second = rig.period(1.0, age=0.02)
    assert second.potential == pytest.approx(0.0, abs=1e-6)
    assert second.reward == pytest.approx(0.9 * 0.0 + 2.0)
    assert second.latency == pytest.approx(0.02)
    assert (second.success, second.step, second.model) == (1.0, 1, "centroid")
    assert second.fields()["header"] == {
        "stamp": {"sec": 1000, "nanosec": 180_000_000},
        "frame_id": "lens",
    }


@given(
    progress=st.lists(st.one_of(THIRDS, st.none()), min_size=1, max_size=20),
    gamma=st.floats(0.0, 1.0),
    outcome=st.sampled_from(Outcome),
)
def test_the_rewards_of_an_episode_telescope_whatever_is_missed(progress, gamma, outcome):
    rig = Rig(gamma=gamma).run()
    messages = []
    for bright in progress:  # None: no camera delivers in that period
        messages.append(rig.period(bright or 0.0, views=[] if bright is None else None))
    rig.node.end(outcome)
    messages.append(rig.node.tick())
    assert messages[-1].episode_state is EpisodeState.ENDED
    known = [m for m in messages if not math.isnan(m.potential)]
    if not known:
        assert [m.reward for m in messages] == [0.0] * len(messages)
        return
    last = 0.0 if outcome.terminated else known[-1].potential
    paid = sum(gamma**t * m.reward for t, m in enumerate(known[1:]))
    assert paid == pytest.approx(gamma ** (len(known) - 1) * last - known[0].potential, abs=1e-9)
    assert all(m.reward == 0.0 for m in messages if m not in known[1:])


def test_a_message_without_new_frames_is_stale_and_holds_the_potential():
    rig = Rig(gamma=0.9).run()
    first = rig.period(0.5)
    held = rig.period(views=[])
    assert held.status is Status.STALE
    assert held.status_text == "No new image of view 'front' for 0.10 s."
    assert (held.progress, held.stamp) == (first.progress, first.stamp)
    assert held.reward == pytest.approx(-0.1 * first.potential)
    assert rig.period(0.7).status is Status.OK


def test_a_reading_is_never_said_twice_and_never_after_its_deadline():
    rig = Rig(deadline=0.3).run()
    rig.period(0.2)
    rig.clock.wait(0.01)
    rig.see(0.9)
    rig.clock.wait(0.31)
    rig.node.read()
    late = rig.node.tick()
    assert late.status is Status.STALE
    assert "newest frame is 0.31 s old, `deadline` is 0.3 s" in late.status_text
    assert late.progress == pytest.approx(0.2, abs=0.02)
    on_time = rig.period(0.9)
    assert on_time.status is Status.OK
    assert rig.node.tick().status is Status.STALE


@given(
    steps=st.lists(
        st.tuples(st.floats(0.0, 0.2), st.floats(0.0, 0.4), st.booleans(), st.booleans()),
        max_size=30,
    )
)
def test_whatever_comes_what_is_ok_is_within_the_deadline_and_stamps_rise(steps):
    rig = Rig(deadline=0.25, staleness=0.5).run()
    last = 0
    for wait, age, sees, reads in steps:
        rig.clock.wait(wait)
        if sees:
            rig.see(age=age)
        if reads:
            rig.node.read()
        message = rig.node.tick()
        if message.status is Status.OK:
            assert 0.0 <= message.latency <= 0.25 + 1e-9
            assert message.stamp > last
            assert message.status_text == ""
            last = message.stamp
        else:
            assert message.status_text != ""
            assert message.stamp == last


def test_the_newest_images_win_and_only_those_are_decoded():
    model = CentroidModel()
    rig = Rig(model).run()
    rig.period(0.5)
    for bright in (0.1, 0.2, 0.9):
        rig.clock.wait(0.03)
        rig.see(bright)
    rig.node.read()
    assert rig.node.read() is None
    assert rig.node.tick().progress == pytest.approx(0.9, abs=0.02)
    assert len(model.batches) == 1


def test_views_are_read_together_within_the_tolerance():
    model = CentroidModel(views=("front", "side"), required_views=("front", "side"))
    rig = Rig(model, views=["front", "side"], tolerance=0.01).run()
    rig.clock.wait(0.1)
    rig.see(views=["front"])
    rig.see(views=["side"], age=0.02)
    rig.node.read()
    apart = rig.node.tick()
    assert apart.status is Status.STALE
    assert apart.status_text == (
        "The newest stamps of views 'side' and 'front' lie 0.020 s apart, `tolerance` is 0.01 s."
    )
    rig.node.change({"tolerance": 0.03})
    rig.node.read()
    assert rig.node.tick().status is Status.OK


def test_an_episode_begins_with_images_that_come_after_its_start():
    rig = Rig()
    rig.node.activate()
    rig.see(0.1)
    rig.node.start()
    assert rig.node.read() is None
    assert rig.period(0.6).progress == pytest.approx(0.6, abs=0.02)
    [(task, frames)] = rig.model.begun
    assert task.instruction == "move right"
    assert frames["front"].shape == (1, 8, 32, 3)


def test_without_an_episode_nothing_is_read_and_the_message_says_what_to_do():
    rig = Rig()
    rig.node.activate()
    idle = rig.period()
    assert (idle.status, idle.episode_state) == (Status.STALE, EpisodeState.NONE)
    assert idle.status_text == "No episode was started yet; call ~/start_episode."
    assert math.isnan(idle.progress)
    assert rig.model.begun == []


def test_an_episode_ends_with_one_message_that_is_paid_and_then_rests():
    rig = Rig(gamma=0.9).run()
    rig.period(0.5)
    running = rig.period(0.8)
    assert rig.node.confirm(True, "me").accepted
    closing = rig.period(0.9)  # these images are not read any more
    assert (closing.episode_state, closing.outcome) == (EpisodeState.ENDED, Outcome.SUCCESS)
    assert closing.reward == pytest.approx(-running.potential)
    assert closing.step == 2
    resting = rig.period(0.9)
    assert (resting.reward, resting.step, resting.status) == (0.0, 3, Status.STALE)
    assert "has ended (success)" in resting.status_text
    answer, name = rig.node.start("open the drawer")
    assert (answer.accepted, name) == (True, "run-0002")
    fresh = rig.period(0.3)
    assert (fresh.task, fresh.step, fresh.reward) == ("open the drawer", 0, 0.0)
    assert fresh.progress == pytest.approx(0.3, abs=0.02)


def test_a_reading_of_the_last_episode_does_not_count_for_the_next():
    rig = Rig().run()
    rig.period(0.5)
    rig.clock.wait(0.01)
    rig.see(0.9)

    class Slow(CentroidModel):
        def estimate(self, episodes, frames):
            rig.node.start()  # meanwhile
            return super().estimate(episodes, frames)

    rig.model.__class__ = Slow
    rig.node.read()
    message = rig.node.tick()
    assert message.episode == "run-0002"
    assert math.isnan(message.progress)


def test_the_time_limit_truncates():
    rig = Rig(episode_limit=0.35, gamma=0.5).run()
    messages = [rig.period(0.5) for _ in range(5)]
    assert [m.episode_state.name for m in messages] == ["RUNNING"] * 3 + ["ENDED"] * 2
    assert messages[3].outcome is Outcome.TRUNCATED
    assert messages[3].reward == pytest.approx(-0.5 * messages[3].potential)  # not zeroed


def test_auto_start_starts_the_first_episode_alone():
    rig = Rig(auto_start=True)
    rig.node.activate()
    assert rig.period(0.5).episode == "run-0001"
    rig.node.end(Outcome.UNDECIDED)
    rig.period()
    assert rig.period().episode_state is EpisodeState.ENDED


def test_an_inactive_node_holds_and_refuses_to_start():
    rig = Rig(gamma=0.9).run()
    before = rig.period(0.5)
    rig.node.deactivate()
    assert not rig.node.active
    rig.see(0.9)
    assert rig.node.read() is None
    message = rig.node.tick()
    assert (message.status, message.potential) == (Status.STALE, before.potential)
    assert message.status_text == "The node is not active."
    answer, name = rig.node.start()
    assert (answer.accepted, name) == (False, "")
    rig.node.activate()
    assert rig.period(0.7).episode == before.episode


def test_time_that_begins_later_does_not_end_anything():
    clock = HandClock(0)  # /clock before its first message
    rig = Rig(clock=clock, episode_limit=5.0, use_sim_time=True, auto_start=True)
    rig.node.activate()
    clock.ns = START
    assert rig.node.tick().status is Status.STALE
    message = rig.period(0.5)
    assert (message.status, message.episode_state) == (Status.OK, EpisodeState.RUNNING)


def test_parameters_change_at_run_time_where_that_makes_sense():
    rig = Rig().run()
    rig.node.change({"rate": 5.0, "instruction": "open the drawer"})
    assert rig.node.parameters.rate == 5.0
    assert rig.period().task == "move right"
    rig.node.start()
    assert rig.period().task == "open the drawer"
    with pytest.raises(ConfigError, match="`gamma` cannot be changed while"):
        rig.node.change({"gamma": 0.5})
    with pytest.raises(ConfigError, match=r"`rate` must lie in \[0.1, 30\] Hz"):
        rig.node.change({"rate": 31})
    assert rig.node.parameters.rate == 5.0


def test_an_unknown_view_is_refused_when_the_node_is_configured():
    with pytest.raises(ConfigError, match=r"`views` must name views .* front, got 'frnt'; did"):
        Rig(views=["frnt"])
    both = CentroidModel(views=("front", "side"), required_views=("front", "side"))
    with pytest.raises(ConfigError, match="must hold 'side', which reward model 'centroid' needs"):
        Rig(both)
    with pytest.raises(ConfigError, match="`goal` must be a picture of the finished scene"):
        Rig(CentroidModel(needs_goal=True))


def test_a_goal_picture_reaches_the_model(tmp_path):
    from PIL import Image

    Image.fromarray(np.full((4, 6, 3), 7, np.uint8)).save(tmp_path / "goal.png")
    rig = Rig(CentroidModel(needs_goal=True), goal=str(tmp_path / "goal.png")).run()
    assert rig.period().status is Status.OK
    goal = rig.model.begun[0][0].goal_frames
    assert goal["front"].shape == (1, 4, 6, 3)
    with pytest.raises(ConfigError, match="`goal` must be a picture file"):
        Rig(goal=str(tmp_path / "none.png"))


def test_an_image_without_a_header_stamp_is_named():
    rig = Rig().run()
    rig.clock.wait(0.1)
    rig.node.see("front", image(0))
    rig.node.read()
    message = rig.node.tick()
    assert message.status is Status.MISSING_VIEW
    assert "have no stamp; set header.stamp" in message.status_text
    assert rig.period().status is Status.OK
