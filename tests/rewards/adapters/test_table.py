"""What every row of the table promises, held by opening each model over tiny weights."""

from __future__ import annotations

import dataclasses
import functools
import re
import subprocess
import sys
import warnings

import numpy as np
import pytest
from safetensors.torch import load_file, save_file
from tests.rewards.adapters import tiny_pairs
from tests.rewards.adapters.test_robometer import tensors
from tests.rewards.keypoints.marked import marked_file
from tests.rewards.remote.service_process import ServiceProcess
from tests.rewards.vlm import tiny_models

from kibble.agents.trees import load_tree, save_tree
from kibble.rewards import Episode, RewardModel, Status, Task
from kibble.rewards.adapters import robometer
from kibble.rewards.adapters.generative import GenerativeReward
from kibble.rewards.adapters.table import CARDS
from kibble.rewards.catalogue import open_model, options_class
from kibble.rewards.causal import read_causally
from kibble.rewards.episode_memory import episode_state, restored_episode
from kibble.rewards.errors import ConfigError
from kibble.rewards.whole_episode import WholeEpisode, read_videos, require_causal

VIEWS = ("front", "wrist", "left_wrist", "right_wrist", "side")
ONLINE = [name for name, card in CARDS.items() if card.causal]
STEPS = 4


@functools.cache
def video():
    rng = np.random.default_rng(0)
    return {view: rng.integers(0, 256, (STEPS, 48, 64, 3), dtype=np.uint8) for view in VIEWS}


def frame(t):
    return {view: images[t : t + 1] for view, images in video().items()}


def task():
    return Task(instruction="push the red cube", goal_frames=frame(STEPS - 1))


@pytest.fixture(scope="module")
def service():
    with ServiceProcess() as running:
        yield running


@pytest.fixture(scope="module")
def robometer_weights(tmp_path_factory):
    whole = tiny_models.qwen3_vl(extra_tokens=robometer.SPECIAL_TOKENS, seed=3)
    folder = tmp_path_factory.mktemp("robometer")
    for file in whole.iterdir():
        (folder / file.name).symlink_to(file)
    (folder / "model.safetensors").unlink()
    weights = load_file(whole / "model.safetensors")
    width = weights["model.language_model.norm.weight"].shape[0]
    save_file(weights | tensors(width)[1], folder / "model.safetensors", {"format": "pt"})
    return folder


@pytest.fixture(scope="module")
def opened(service, robometer_weights, tmp_path_factory):
    """Open a row of the table by its reference, once."""
    qwen = tiny_models.qwen3_vl()
    references = {
        "clip": f"clip@{tiny_models.clip()}?dtype=float32",
        "contrasting_goals": f"contrasting_goals@{tiny_models.siglip()}?negative=a mess&low=-2"
        "&high=2&dtype=float32",
        "roboreward": f"roboreward@{qwen}?constrain=true&dtype=float32",
        "robometer": f"robometer@{robometer_weights}?dtype=float32",
        "topreward": f"topreward@{qwen}?size=64&low=-60&dtype=float32",
        "keypoints": f"keypoints@{marked_file(tmp_path_factory.mktemp('keypoints'), (48, 64))}",
        "gvl": f"gvl@{qwen}?dtype=float32",
        "keypoints_vlm": f"keypoints_vlm@{qwen}?constrain=true&size=224&limit=8&dtype=float32",
        "remote": f"remote@{service.url}/dot",
    }
    references |= {n: tiny_pairs.reference(n, constrain="true") for n in tiny_pairs.SPOKEN}
    references |= {"yes_token": tiny_pairs.reference("yes_token")}

    @functools.cache
    def open_row(name: str) -> RewardModel:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of transformers about its own classes
            return open_model(references.get(name, name), views=("front", "wrist"))

    return open_row


@pytest.mark.parametrize("name", CARDS)
def test_a_card_is_whole(name):
    card = CARDS[name]
    assert card.name == name
    assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
    for text in (card.title, card.licence, card.history, card.source):
        assert text
        assert not text.endswith(".")
    assert all(re.fullmatch(r"[\w.-]+/[\w.-]+(/[\w./-]+)?", hub_id) for hub_id in card.hub_ids)
    options = options_class(card)
    assert dataclasses.is_dataclass(options)
    assert options.__dataclass_params__.frozen


def test_adapters_need_neither_torch_nor_transformers():
    code = (
        "import sys, importlib\n"
        "from kibble.rewards.adapters.table import CARDS\n"
        "for card in CARDS.values():\n"
        "    for path in (card.opens, card.options):\n"
        "        module, _, name = path.partition(':')\n"
        "        getattr(importlib.import_module(module), name)\n"
        "heavy = {'torch', 'transformers', 'open_clip', 'peft', 'openai', 'httpx', 'gymnasium'}\n"
        "sys.exit(str(sorted(heavy & set(sys.modules))) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", CARDS)
def test_a_model_is_what_its_card_says(name, opened):
    card, model = CARDS[name], opened(name)
    assert isinstance(model, RewardModel)
    assert model.spec.causal == card.causal
    assert model.spec.version
    if name == "remote":  # it is what the service offers
        return
    assert model.spec.name == name
    assert model.spec.needs_goal == card.needs_goal
    assert set(card.views) <= set(model.spec.views)
    assert set(model.spec.required_views) <= set(model.spec.views)


@pytest.mark.parametrize("name", ONLINE)
def test_an_online_model_never_looks_ahead(name, opened):
    model = opened(name)
    require_causal(model.spec)
    (whole,) = read_causally(model, [(task(), video())])
    begun = {view: images[:2] for view, images in video().items()}
    (part,) = read_causally(model, [(task(), begun)])
    assert whole.status.tolist() == [Status.OK] * STEPS
    np.testing.assert_allclose(part.progress, whole.progress[:2], atol=1e-4)
    np.testing.assert_allclose(part.success, whole.success[:2], atol=1e-4)


@pytest.mark.parametrize("name", ONLINE)
def test_an_episode_goes_on_from_a_file(name, opened, tmp_path):
    model = opened(name)
    episode = model.begin(task(), frame(0))
    model.estimate([episode], frame(1))
    save_tree(tmp_path / "episode", {"episode": episode_state(episode)})
    again = restored_episode(load_tree(tmp_path / "episode")["episode"])
    assert isinstance(again, Episode)
    first, second = (model.estimate([e], frame(2)) for e in (episode, again))
    np.testing.assert_array_equal(first.status, second.status)
    np.testing.assert_allclose(first.progress, second.progress, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in CARDS if name not in ONLINE])
def test_a_model_of_whole_episodes_is_refused_online(name, opened):
    model = opened(name)
    assert isinstance(model, WholeEpisode)
    with pytest.raises(ConfigError, match="reads whole episodes"):
        require_causal(model.spec)
    (read,) = read_videos(model, [(task(), video())])
    assert len(read) == STEPS  # a random model's words follow no grammar: no number comes of them
    assert np.isnan(read.progress[read.status != Status.OK]).all()


def test_layouts_over_back_ends_are_most_of_the_table(opened):
    generative = {name for name in CARDS if isinstance(opened(name), GenerativeReward)}
    assert generative == {
        "grm",
        "vlac",
        "lrm",
        "roboreward",
        "robometer",
        "topreward",
        "yes_token",
        "trend",
    }
