"""Demonstrations pay what the run itself would have paid, and fill their share of each batch."""

from __future__ import annotations

import dataclasses
import json
import shutil

import gymnasium
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from tests.agents.demonstrations.small_dataset import write_small_dataset
from tests.agents.small_runs import small_ppo, small_run, small_sac
from tests.reward_models import CentroidModel
from tests.tiny_grm import saved

from kibble.agents.config import RewardConfig, ShapingConfig, TaskConfig
from kibble.agents.demonstrated import demonstrated_transitions
from kibble.agents.demonstrations.config import DemosConfig
from kibble.agents.demonstrations.files import Demonstrations
from kibble.agents.demonstrations.recorder import record
from kibble.agents.demonstrations.recording_log import read_log
from kibble.agents.environments import build_environments
from kibble.agents.replay import PotentialReplayBuffer
from kibble.agents.train import run_training
from kibble.envs import ShapedReward
from kibble.rewards import Episode, Estimate, load
from kibble.rewards.errors import ConfigError

REACH = TaskConfig(
    name="reach", id="kibble/Reach-v0", views=["front", "wrist"], image_size=[40, 40]
)
PUSH = TaskConfig(name="push", id="kibble/Push-v0", views=["front", "wrist"], image_size=[40, 40])
GAMMA = 0.9
READ = RewardConfig(name="read", kind="model", weights="given_by_the_test")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("demonstrations") / "reach"
    record(DemosConfig(task=REACH, episodes=2, seed=3, out=str(out)))
    return out


def run_with(folder, tmp_path, **changes):
    config = small_run(tmp_path / "run", task=REACH, reward=RewardConfig())
    agent = dataclasses.replace(config.agent, gamma=GAMMA)
    return dataclasses.replace(config, agent=agent, demonstrations=str(folder), **changes)


def test_sparse_demonstrations_end_in_their_one_reward(folder, tmp_path):
    transitions = demonstrated_transitions(run_with(folder, tmp_path), None)
    lengths = [len(episode) for episode in Demonstrations(folder)]
    ends = np.cumsum(lengths) - 1
    assert len(transitions.rewards) == sum(lengths)
    assert np.flatnonzero(transitions.signals.terminated).tolist() == ends.tolist()
    assert np.flatnonzero(transitions.rewards).tolist() == ends.tolist()
    inside = np.setdiff1d(np.arange(sum(lengths) - 1), ends)
    assert np.array_equal(
        transitions.next_observations[inside], transitions.observations[inside + 1]
    )
    assert np.abs(transitions.observations).max() <= 1.0


@pytest.mark.parametrize("mode", ["potential", "difference"])
def test_a_reward_model_pays_recorded_frames_as_it_pays_live_ones(folder, tmp_path, mode):
    shaping = ShapingConfig(mode=mode, scale=2.0, shift=-1.0)
    config = run_with(folder, tmp_path, shaping=shaping, reward=READ)
    paid = demonstrated_transitions(config, CentroidModel()).rewards
    live = []
    for entry, episode in zip(read_log(folder).episodes, Demonstrations(folder), strict=True):
        env = ShapedReward(
            gymnasium.make(REACH.id, views=("front", "wrist"), image_size=(40, 40)),
            CentroidModel(),
            gamma=GAMMA,
            mode=mode,
            scale=2.0,
            shift=-1.0,
        )
        env.reset(seed=entry.seed)
        live += [float(env.step(action)[1]) for action in episode.actions]
        env.close()
    assert paid == pytest.approx(np.array(live), abs=1e-6)


def test_the_simulators_labels_count_for_the_oracle_alone(folder, tmp_path):
    oracle = RewardConfig(name="oracle", kind="oracle")
    config = run_with(folder, tmp_path, reward=oracle)
    paid = demonstrated_transitions(config, None).rewards
    first = Demonstrations(folder)[0]
    phi = config.shaping.scale * (first.labels.progress + config.shaping.shift)
    following = np.where(np.arange(len(first)) == len(first) - 1, 0.0, phi[1:])
    assert paid[: len(first)] == pytest.approx(
        first.rewards + GAMMA * following - phi[:-1], abs=1e-5
    )


def test_demonstrations_of_another_task_are_refused(folder, tmp_path):
    config = run_with(folder, tmp_path, task=PUSH)
    with pytest.raises(ConfigError, match=r"`demonstrations` must be of task=push"):
        demonstrated_transitions(config, None)


def test_demonstrations_of_another_environment_are_refused_even_if_the_shapes_fit(
    folder, tmp_path
):
    log = folder / "meta/kibble.json"
    other = shutil.copytree(folder, tmp_path / "other")
    text = log.read_text().replace("kibble/Reach-v0", "kibble/Nudge-v0")
    (other / "meta/kibble.json").write_text(text)
    with pytest.raises(ConfigError, match=r"of task=reach .*, got some of reach .kibble/Nudge-v0"):
        demonstrated_transitions(run_with(other, tmp_path), None)


def test_failed_demonstrations_are_refused(folder, tmp_path):
    failed = shutil.copytree(folder, tmp_path / "failed")
    for path in failed.glob("data/*/*.parquet"):
        table = pq.read_table(path)
        place = table.column_names.index("oracle.success")
        never = pa.array([False] * len(table), table.schema.field(place).type)
        pq.write_table(table.set_column(place, table.schema.field(place), never), path)
    with pytest.raises(ConfigError, match="`demonstrations` must succeed, got a failed one"):
        demonstrated_transitions(run_with(failed, tmp_path), None)


class Says(CentroidModel):
    """Reads what its sentence lets it read, at every frame."""

    def __init__(self, **progress: float) -> None:
        super().__init__()
        self._progress = progress

    def _value(self, sentence: str) -> float:
        return next((p for word, p in self._progress.items() if word in sentence), 0.0)

    def begin(self, task, start_frames):
        return Episode(task=task, progress=self._value(task.instruction))

    def estimate(self, episodes, frames):
        progress = np.array([self._value(e.task.instruction) for e in episodes], np.float32)
        return Estimate(
            progress=progress,
            success=np.zeros_like(progress),
            confidence=np.ones_like(progress),
            status=np.zeros(len(progress), np.int8),
        )


def said_in(folder) -> str:
    return Demonstrations(folder, views=())[0].instruction


def test_demonstrations_that_the_model_reads_as_not_done_are_reported(folder, tmp_path, caplog):
    demonstrated_transitions(
        run_with(folder, tmp_path, reward=READ), Says(ball=0.9, marker=0.9, the=0.9)
    )
    assert not caplog.records
    transitions = demonstrated_transitions(run_with(folder, tmp_path, reward=READ), Says(the=0.3))
    assert len(transitions.signals) > 0  # reported, not refused
    (record,) = caplog.records
    assert "2 of 2 demonstrations read as not done at their end" in record.getMessage()
    assert "progress 0.30, success 0.00" in record.getMessage()


def test_demonstrations_that_read_as_another_task_are_reported(folder, tmp_path, caplog):
    strange = shutil.copytree(folder, tmp_path / "strange")
    (strange / "meta/kibble.json").unlink()
    path = strange / "meta/tasks.parquet"
    table = pq.read_table(path)
    for place, name in enumerate(table.column_names):
        if pa.types.is_string(table.schema.field(place).type):
            said = pa.array(["juggle three oranges"] * len(table))
            table = table.set_column(place, name, said)
    pq.write_table(table, path)
    assert said_in(strange) == "juggle three oranges"
    demonstrated_transitions(run_with(strange, tmp_path, reward=READ), Says(juggle=0.9, the=0.9))
    assert not caplog.records  # the model reads them as the run's task, too
    demonstrated_transitions(run_with(strange, tmp_path, reward=READ), Says(juggle=0.9, the=0.1))
    (record,) = caplog.records
    assert "2 of 2 demonstrations seem to be of another task" in record.getMessage()
    assert "'juggle three oranges', the run says for example" in record.getMessage()


def test_demonstrations_need_states_or_embeddings_and_an_algorithm_that_takes_them(
    folder, tmp_path
):
    with pytest.raises(ConfigError, match="`demonstrations` need observation=state, relative or"):
        run_with(folder, tmp_path, observation="pixels")
    with pytest.raises(ConfigError, match="help agent=ppo through its warm start and"):
        small_run(tmp_path, task=REACH, agent=small_ppo(), demonstrations=str(folder))
    with pytest.raises(ConfigError, match=r"`agent.warm_start_steps` needs demonstrations"):
        small_run(tmp_path, agent=small_ppo(warm_start_steps=5))


def test_embeddings_of_recorded_frames_are_those_of_live_ones(folder, tmp_path):
    reward = RewardConfig(name="tiny", kind="model", weights=str(saved(tmp_path / "weights")))
    model = load(reward.weights, device=torch.device("cpu"))
    config = run_with(folder, tmp_path, observation="embedding", reward=reward)
    shown = demonstrated_transitions(config, model).next_observations
    live = []
    for entry, episode in zip(read_log(folder).episodes, Demonstrations(folder), strict=True):
        venv = build_environments(config, model)
        venv.seed(entry.seed)
        venv.reset()
        for action in episode.actions:
            observation, _, ended, infos = venv.step(action[None])
            live.append(infos[0]["terminal_observation"] if ended[0] else observation[0])
        venv.close()
    assert shown == pytest.approx(np.array(live), abs=1e-2)  # bfloat16, other batches


def test_embedded_demonstrations_need_the_views_of_training(folder, tmp_path):
    reward = RewardConfig(name="tiny", kind="model", weights=str(saved(tmp_path / "weights")))
    only_front = tmp_path / "front"
    task = dataclasses.replace(REACH, views=["front"])
    record(DemosConfig(task=task, episodes=1, seed=3, out=str(only_front)))
    config = run_with(only_front, tmp_path, observation="embedding", reward=reward)
    with pytest.raises(ConfigError, match=r"must have the views that the agent embeds, \['front"):
        demonstrated_transitions(config, load(reward.weights, device=torch.device("cpu")))


def test_a_share_of_each_batch_is_demonstrated(folder, tmp_path):
    config = run_with(folder, tmp_path)
    transitions = demonstrated_transitions(config, None)
    venv = build_environments(config, None)
    buffer = PotentialReplayBuffer(10, venv.observation_space, venv.action_space)
    own = np.zeros(venv.observation_space.shape, np.float32)[None]
    buffer.add(own, own, np.zeros((1, 4), np.float32), np.full(1, 7.0), np.zeros(1), [{}])
    buffer.demonstrate(transitions, share=0.25)
    batch = buffer.sample(80)
    assert batch.observations.shape == (80, *venv.observation_space.shape)
    assert int((batch.rewards == 7.0).sum()) == 60
    shown = batch.observations[(batch.rewards != 7.0).flatten()]
    known = torch.as_tensor(transitions.observations)
    assert all((known == row).all(dim=1).any() for row in shown)
    venv.close()


def test_a_run_learns_from_demonstrations_and_keeps_their_folder_in_its_config(folder, tmp_path):
    config = run_with(folder, tmp_path, steps=60)
    config = dataclasses.replace(
        config, agent=dataclasses.replace(small_sac(), gamma=GAMMA, demonstration_share=0.5)
    )
    directory = run_training(config)
    assert directory.load_config().demonstrations == str(folder)


def test_a_dataset_of_another_robot_is_refused_before_its_frames_are_decoded(tmp_path):
    write_small_dataset(tmp_path / "theirs")
    config = run_with(tmp_path / "theirs", tmp_path)
    with pytest.raises(ConfigError, match=r"task=reach, whose observations have shape .*\(2,\)"):
        demonstrated_transitions(config, CentroidModel())


@pytest.fixture
def foreign(folder, tmp_path):
    """The recorded dataset as somebody else would have it: without our own columns."""
    out = shutil.copytree(folder, tmp_path / "foreign")
    info = json.loads((out / "meta/info.json").read_text())
    ours = [name for name in info["features"] if name.startswith(("oracle.", "next."))]
    info["features"] = {name: info["features"][name] for name in info["features"].keys() - ours}
    (out / "meta/info.json").write_text(json.dumps(info))
    (out / "meta/kibble.json").unlink()
    for path in out.glob("data/*/*.parquet"):
        pq.write_table(pq.read_table(path).drop_columns(ours), path)
    return out


def test_a_dataset_without_our_columns_teaches_the_same(folder, foreign, tmp_path):
    ours = demonstrated_transitions(run_with(folder, tmp_path, reward=READ), CentroidModel())
    theirs = demonstrated_transitions(run_with(foreign, tmp_path, reward=READ), CentroidModel())
    assert np.array_equal(theirs.observations, ours.observations)
    assert np.array_equal(theirs.actions, ours.actions)
    assert np.array_equal(theirs.rewards, ours.rewards)
    assert np.array_equal(theirs.signals.terminated, ours.signals.terminated)


def test_what_the_reward_reads_must_be_there(foreign, tmp_path):
    oracle = RewardConfig(name="oracle", kind="oracle")
    with pytest.raises(ConfigError, match="reward=oracle needs demonstrations with the simulat"):
        demonstrated_transitions(run_with(foreign, tmp_path, reward=oracle), None)
    path = foreign / "meta/info.json"
    path.write_text(path.read_text().replace("images.front", "images.left"))
    for data in foreign.glob("data/*/*.parquet"):
        table = pq.read_table(data)
        names = [name.replace("images.front", "images.left") for name in table.column_names]
        pq.write_table(table.rename_columns(names), data)
    with pytest.raises(ConfigError, match=r"must have the views that .*'left', 'wrist'\] in"):
        demonstrated_transitions(run_with(foreign, tmp_path, reward=READ), CentroidModel())


def test_actions_must_fit(foreign, tmp_path):
    path = foreign / "meta/info.json"
    info = json.loads(path.read_text())
    del info["features"]["action"]
    path.write_text(json.dumps(info))
    for data in foreign.glob("data/*/*.parquet"):
        pq.write_table(pq.read_table(data).drop_columns(["action"]), data)
    with pytest.raises(ConfigError, match=r"steps with actions of shape \(4,\), got .*\(0,\)"):
        demonstrated_transitions(run_with(foreign, tmp_path), None)
