"""Bags become LeRobot datasets and datasets bags, and the way there and back changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
from tests.agents.ros.test_recorded_numbers import gripper, joints, twist
from tests.rewards.ros.bags.bag_making import command, image, two_views, write_bag

from kibble.agents.cli import run
from kibble.agents.config import TaskConfig
from kibble.agents.demonstrations.config import DemosConfig
from kibble.agents.demonstrations.files import Demonstrations
from kibble.agents.demonstrations.recorder import record_demonstrations
from kibble.agents.ros.bag_to_dataset import convert_bag
from kibble.agents.ros.convert import convert
from kibble.agents.ros.convert_config import ConvertConfig
from kibble.agents.ros.dataset_to_bag import convert_dataset
from kibble.rewards.cameras.depth_frames import unpack_depth
from kibble.rewards.errors import BagError, CheckpointError, ConfigError, FrameError
from kibble.rewards.ros.bags.bag import Bag
from kibble.rewards.ros.bags.episodes import find_episodes

FRONT = "/camera/front/image_raw"
START, END = 1, 2


def robot_bag(folder):
    """Write two episodes at 10 Hz: joints as an image is taken, a command right after it."""
    messages = []
    for number in range(30):
        now = number / 10
        messages += [
            joints(now, float(number), -float(number)),
            image(FRONT, now, number),
            twist(now + 0.02, number / 100, 0.0, 0.0),
        ]
    messages += [
        gripper(0.01, 1.0),
        command(0.45, START, instruction="push the red cube"),
        command(1.05, END, outcome=1),
        command(1.95, START),
        command(2.55, END, outcome=2),
    ]
    return write_bag(folder, sorted(messages, key=lambda m: m[2]))


def config(source, output, **changes):
    return ConvertConfig(input=str(source), output=str(output), quiet=True, **changes)


def test_episodes_of_a_bag_become_episodes_of_a_dataset(tmp_path):
    source = robot_bag(tmp_path / "run")
    counts = []
    notes = convert_bag(
        config(source, tmp_path / "data"), on_moment=lambda count, total: counts.append(count)
    )
    assert (notes, counts) == ((), [1, 2])
    first, second = Demonstrations(tmp_path / "data")
    assert first.instruction == second.instruction == "push the red cube"
    assert first.frames["front"][:, 0, 0, 0].tolist() == [5, 6, 7, 8, 9, 10]
    assert first.observations.tolist() == [[float(n), -float(n)] for n in range(5, 11)]
    expected = [[1.0, n / 100, 0.0, 0.0] for n in range(5, 10)]
    np.testing.assert_allclose(first.actions, expected)
    assert (first.terminated, first.truncated, first.success) == (True, False, True)
    assert first.rewards.tolist() == [0, 0, 0, 0, 1]
    assert (second.terminated, second.truncated, second.success) == (False, True, False)
    assert not second.rewards.any()
    dataset = Demonstrations(tmp_path / "data")
    assert dataset.observation_names == ("hand", "grip")
    assert dataset.info.features["action"].names[0] == "/command/gripper.data"


def test_fields_sizes_and_rates_are_chosen(tmp_path):
    source = robot_bag(tmp_path / "run")
    chosen = config(
        source,
        tmp_path / "data",
        views={"wrist": FRONT},
        state=["/joint_states.position", "/joint_states.velocity"],
        action=["/command/twist.twist.linear", "/command/gripper.data"],
        fps=5.0,
        image_size=[16, 20],
        video=True,
        instruction="another",
    )
    convert_bag(chosen)
    first = Demonstrations(tmp_path / "data")[0]
    assert first.frames["wrist"].shape == (3, 16, 20, 3)
    assert first.observations[:, 0].tolist() == [5.0, 7.0, 9.0]
    np.testing.assert_allclose(first.actions, [[0.06, 0, 0, 1], [0.08, 0, 0, 1]])
    assert (first.instruction, first.fps) == ("another", 5.0)


def test_cameras_alone_are_a_dataset_too(tmp_path):
    source = write_bag(tmp_path / "run", two_views(5))
    (note,) = convert_bag(config(source, tmp_path / "data", instruction="look"))
    assert "no topic for state and action; name it with state=" in note
    (episode,) = Demonstrations(tmp_path / "data")
    assert set(episode.frames) == {"front", "side"}
    assert episode.observations.shape == (5, 0)


@pytest.mark.parametrize("images", ["raw", "png", "jpeg"])
def test_there_and_back_changes_nothing(tmp_path, images):
    task = TaskConfig(
        name="reach", id="kibble/Reach-v0", views=["front", "wrist"], image_size=[32, 32]
    )
    folder = tmp_path / "demos"
    record_demonstrations(DemosConfig(task=task, episodes=2, out=str(folder)))
    convert_dataset(config(folder, tmp_path / "run.mcap", images=images))
    with Bag(tmp_path / "run.mcap") as bag:
        assert len(find_episodes(bag)) == 2
    assert convert_bag(config(tmp_path / "run.mcap", tmp_path / "back")) == ()
    before, after = Demonstrations(folder), Demonstrations(tmp_path / "back")
    assert after.observation_names == before.observation_names
    for old, new in zip(before, after, strict=True):
        assert new.instruction == old.instruction
        np.testing.assert_array_equal(new.observations, old.observations)
        np.testing.assert_array_equal(new.actions, old.actions)
        assert new.success == old.success
        for view, frames in old.frames.items():
            apart = np.abs(new.frames[view].astype(int) - frames)
            assert apart.mean() < (4.0 if images == "jpeg" else 1e-9)


def test_the_command_goes_both_ways(tmp_path, capsys):
    source = robot_bag(tmp_path / "run")
    data, back = tmp_path / "data", tmp_path / "back.db3"
    assert run(["ros", "convert", f"input={source}", f"output={data}", "quiet=true"]) == 0
    assert f"Dataset: {data} (2 episodes, 12 rows, 10 Hz)" in capsys.readouterr().out
    assert run(["ros", "convert", f"input={data}", f"output={back}", "quiet=true"]) == 0
    said = capsys.readouterr().out
    assert "/command/action  std_msgs/msg/Float64MultiArray  10" in said
    assert run(["ros", "convert", f"input={data}", f"output={back}"]) == 2
    assert "must not exist yet" in capsys.readouterr().err


def test_what_cannot_be_converted_is_named(tmp_path):
    source = robot_bag(tmp_path / "run")
    silent = write_bag(tmp_path / "silent", two_views(3))
    short = write_bag(tmp_path / "short", [image(FRONT, 0)])
    with pytest.raises(ConfigError, match="`instruction` must say what was wanted, got nothing"):
        convert_bag(config(silent, tmp_path / "a"))
    assert not (tmp_path / "a").exists()
    with pytest.raises(BagError, match="an episode of two moments with all views"):
        convert_bag(config(short, tmp_path / "b", instruction="look"))
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "mine.txt").write_text("mine")
    with pytest.raises(CheckpointError, match="must be a new or an empty folder"):
        convert_bag(config(source, tmp_path / "c"))
    with pytest.raises(ConfigError, match=r"must be a ROS 2 bag .*which is not there"):
        convert(config(tmp_path / "nothing", tmp_path / "d"))
    with pytest.raises(ConfigError, match="`images` is for inputs that are a dataset, got png wi"):
        convert(config(source, tmp_path / "d", images="png"))
    convert_bag(config(source, tmp_path / "e"))
    with pytest.raises(ConfigError, match=r"`fps` is for inputs that are a bag, got 5.0 with a d"):
        convert(config(tmp_path / "e", tmp_path / "e.mcap", fps=5.0))
    with pytest.raises(ConfigError, match="which is neither"):
        convert(config(tmp_path / "c" / "mine.txt", tmp_path / "d"))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"input": None}, "`input` must name a bag or a dataset, got nothing"),
        ({"output": ""}, "`output` must name"),
        ({"fps": 0.0}, r"`fps` must lie in \[0.1, 1000\], got 0"),
        ({"tolerance": -1.0}, "`tolerance` must lie in"),
        ({"image_size": [8, 96]}, r"16 to 4096 pixels each, got \[8, 96\]"),
        ({"images": "gif"}, "`images` must be raw, png, jpeg, got 'gif'"),
        ({"views": "front"}, "`views` must be a list of names or a mapping, got 'front'"),
    ],
)
def test_settings_out_of_range(changes, text):
    with pytest.raises(ConfigError, match=text):
        ConvertConfig(**{"input": "a.mcap", "output": "data", **changes})


def test_an_episode_without_images_is_left_out_and_said(tmp_path):
    messages = [*two_views(5), command(10.0, START), command(11.0, END), command(0.0, START)]
    messages.append(command(0.45, END))
    source = write_bag(tmp_path / "run", sorted(messages, key=lambda m: m[2]))
    notes = convert_bag(config(source, tmp_path / "data", instruction="look"))
    assert "Episode 1 has fewer than two moments with all views; left out." in notes
    assert len(Demonstrations(tmp_path / "data")) == 1


def test_images_that_cannot_be_read_are_left_out_and_said(tmp_path):
    messages = [image(FRONT, n / 10, n, **({"data": b""} if n == 2 else {})) for n in range(5)]
    source = write_bag(tmp_path / "run", messages)
    notes = convert_bag(config(source, tmp_path / "data", instruction="look"))
    assert "Episode 0: 1 moments have an image that cannot be read" in notes[0]
    (episode,) = Demonstrations(tmp_path / "data")
    assert episode.frames["front"][:, 0, 0, 0].tolist() == [0, 1, 1, 3, 4]


def test_a_camera_that_changes_its_size_is_refused_unless_resized(tmp_path):
    messages = [image(FRONT, 0), image(FRONT, 0.1, size=(48, 64))]
    source = write_bag(tmp_path / "run", messages)
    with pytest.raises(FrameError, match="got 32 x 24 and then 64 x 48 of view 'front'; set"):
        convert_bag(config(source, tmp_path / "a", instruction="look"))
    convert_bag(config(source, tmp_path / "b", instruction="look", image_size=[24, 32]))
    assert len(Demonstrations(tmp_path / "b")[0]) == 1


def test_depth_keeps_its_values(tmp_path):
    fields = {"encoding": "16UC1", "step": 64, "data": np.arange(24 * 32, dtype="<u2").tobytes()}
    messages = [
        image("/camera/front/depth/image_raw", n / 10, size=(24, 32), **fields) for n in range(2)
    ]
    source = write_bag(tmp_path / "run", messages)
    convert_bag(config(source, tmp_path / "data", instruction="look", image_size=[16, 16]))
    frames = Demonstrations(tmp_path / "data")[0].frames["front_depth"]
    millimetres = unpack_depth(frames[0]) * 1e3
    assert millimetres.shape == (16, 16)
    np.testing.assert_allclose(millimetres[1, 1:3], [32 + 2, 32 + 4], atol=0.01)
    with pytest.raises(ConfigError, match="`video` must be false with depth"):
        convert_bag(config(source, tmp_path / "film", instruction="look", video=True))
