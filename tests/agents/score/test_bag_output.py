"""`kibble score` on bags: the same report, and a copy with rewards that is a bag again."""

from __future__ import annotations

import dataclasses
import json
from itertools import pairwise

import numpy as np
import pytest
from rosbags.highlevel import AnyReader
from tests.rewards.ros.bags.bag_making import at, bare, command, text, two_views, write_bag
from tests.tiny_grm import saved

from kibble.agents.cli import run
from kibble.agents.score.bag_output import GAMMA
from kibble.agents.score.collection.recordings import list_recordings
from kibble.agents.score.config import ScoreConfig
from kibble.agents.score.run import run_scoring
from kibble.rewards.errors import BagError, ConfigError
from kibble.rewards.ros.bags.bag import Bag
from kibble.rewards.ros.bags.episodes import find_episodes
from kibble.rewards.types import Status


@pytest.fixture
def bag(tmp_path):
    messages = [text("/task/instruction", 0, "push the red cube"), *two_views(6)]
    return bare(write_bag(tmp_path / "push", messages))


def test_the_command_scores_a_bag_and_writes_another(tmp_path, bag, capsys):
    weights = saved(tmp_path / "tiny")
    words = [f"input={bag}", f"out={tmp_path / 'out'}", f"bag={tmp_path / 'scored.db3'}"]
    words.append("views={front: /camera/front/image_raw, wrist: /camera/side/image_raw}")
    assert run(["score", *words, f"reward=[{weights},time_counter]", "quiet=true"]) == 0
    assert "rewards on /kibble/score/tiny, /kibble/score/time_counter" in capsys.readouterr().out
    document = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert document["instruction"] == "push the red cube"
    (curve, _) = document["curves"]
    with Bag(tmp_path / "scored.db3") as scored, Bag(bag) as source:
        source_count = source.count
        assert scored.count == source_count + 12
        rewards = [scored.decode(m) for m in scored.messages(["/kibble/score/tiny"])]
        (episode,) = find_episodes(scored)
    with AnyReader([tmp_path / "scored.db3"]) as others:  # checks definitions and hashes
        assert others.message_count == source_count + 12
    np.testing.assert_allclose(
        [reward.progress for reward in rewards], curve["progress"], atol=1e-6
    )
    stamps = [r.header.stamp.sec * 10**9 + r.header.stamp.nanosec for r in rewards]
    assert stamps == [at(n / 10 + 0.004) for n in range(6)]
    assert {r.task for r in rewards} == {"push the red cube"}
    assert all(
        r.status == Status.OK and r.model == document["curves"][0]["model"] for r in rewards
    )
    phi = [reward.potential for reward in rewards]
    expected = [0.0, *(GAMMA * b - a for a, b in pairwise(phi))]
    np.testing.assert_allclose([reward.reward for reward in rewards], expected, atol=1e-6)
    assert (episode.start, episode.stop) == (stamps[0], stamps[-1])


def test_a_scored_bag_can_be_scored_again(tmp_path, bag):
    config = ScoreConfig(
        input=str(bag),
        reward=["time_counter"],
        out=str(tmp_path / "a"),
        bag=str(tmp_path / "b.mcap"),
        quiet=True,
    )
    first = run_scoring(config)
    again = run_scoring(
        dataclasses.replace(
            config, input=config.bag, out=str(tmp_path / "c"), bag=str(tmp_path / "d.mcap")
        )
    )
    assert (first.topics, again.topics) == (
        ("/kibble/score/time_counter",),
        ("/kibble/score/time_counter_2",),
    )
    assert again.footage.stamps.tolist() == first.footage.stamps.tolist()


def test_what_cannot_be_written_is_said_before_anything_is_read(tmp_path, bag):
    config = ScoreConfig(input="film.mp4", bag=str(tmp_path / "b.mcap"))
    with pytest.raises(BagError, match="`bag` is for inputs that are bags, got it with input=fi"):
        run_scoring(config)
    with pytest.raises(BagError, match=r"`bag` must be a new file or folder, got '.*push.mcap'"):
        run_scoring(dataclasses.replace(config, input=str(bag), bag=str(bag)))
    with pytest.raises(ConfigError, match=r"`tolerance` must lie in \[0, 10\] s, got -1"):
        ScoreConfig(input="a.mcap", tolerance=-1.0)
    with pytest.raises(ConfigError, match="`bag` must be left out with `collection`"):
        ScoreConfig(collection="*.mcap", bag="b.mcap")


def test_every_episode_of_a_bag_is_a_recording_of_a_collection(tmp_path, bag):
    messages = [*two_views(20), command(0.1, 1), command(1.0, 1)]
    several = write_bag(tmp_path / "several", sorted(messages, key=lambda m: m[2]))
    listed = list_recordings([str(bag), str(several)])
    assert [recording.episode for recording in listed] == [None, 0, 1]
    (tmp_path / "broken.mcap").write_bytes(b"nothing")
    assert [r.episode for r in list_recordings(str(tmp_path / "broken.mcap"))] == [None]
