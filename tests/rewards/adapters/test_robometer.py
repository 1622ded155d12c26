"""Robometer: its prompt, its heads against torch's own layers, and which frames it is shown."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tests.rewards.adapters.seeing_backend import SeeingBackend, described, grey

from kibble.rewards import Status, Task
from kibble.rewards.adapters.generative import GenerativeReward
from kibble.rewards.adapters.robometer import CARD, Options, Robometer, open_reward
from kibble.rewards.adapters.robometer_heads import read_heads
from kibble.rewards.errors import ConfigError, WeightsError
from kibble.rewards.vlm.questions import HiddenStates, Probe

TASK = Task(instruction="put the cube on the pad")
GOLDEN = (
    "The task for the robot is 'put the cube on the pad'. Given the trajectory video, predict the "
    "task progress at each frame, how far along the robot is towards completing the task, a float "
    "between 0 and 1, where 0 is the starting state and 1 is when the task is completed. If the "
    "robot is not performing the same task, predict 0 progress."
)


def sequential(width, outputs, seed):
    """The layers of the published head, in their places."""
    torch.manual_seed(seed)
    head = torch.nn.Sequential(
        torch.nn.Linear(width, width // 2),
        torch.nn.LayerNorm(width // 2),
        torch.nn.GELU(),
        torch.nn.Dropout(0.1),
        torch.nn.Linear(width // 2, outputs),
    ).eval()
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.add_(torch.randn(parameter.shape))
    return head


def tensors(width=4, bins=10, dtype=torch.float32):
    heads = {
        "progress_head": sequential(width, bins, 0),
        "success_head": sequential(width, 1, 1),
        "preference_head": sequential(width, 1, 2),
    }
    named = {
        f"{name}.{place}": value.to(dtype).contiguous()
        for name, head in heads.items()
        for place, value in head.state_dict().items()
    }
    return heads, named


@pytest.fixture
def checkpoint(tmp_path):
    heads, named = tensors()
    save_file(named, tmp_path / "model.safetensors")
    return heads, tmp_path


def model(directory, backend, **options):
    progress, success = read_heads(directory)
    layout = Robometer(Options(**options), progress=progress, success=success)
    return GenerativeReward(layout, backend)


def test_the_prompt_is_the_published_one(checkpoint):
    backend = SeeingBackend()
    reward = model(checkpoint[1], backend, frames=3)
    episode = reward.begin(TASK, {"front": grey(0.0)})
    reward.estimate([episode], {"front": grey(0.2)})
    question = backend.asked[-1]
    assert isinstance(question, Probe)
    assert question.tokens == ("<|prog_token|>",)
    assert described(question.prompt) == [
        "[user]",
        GOLDEN,
        "Picture 1: ",
        0.0,
        "<|prog_token|>",
        "Picture 2: ",
        0.2,
        "<|prog_token|>",
        "Picture 3: ",
        0.2,
        "<|prog_token|>",
    ]
    assert question.prompt.pixels == (4096, 16_777_216)


def test_heads_equal_torchs_own(checkpoint):
    heads, directory = checkpoint
    states = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)
    for head, name in zip(read_heads(directory), ("progress_head", "success_head"), strict=True):
        with torch.no_grad():
            expected = heads[name](torch.from_numpy(states)).numpy()
        np.testing.assert_allclose(head(states), expected, atol=1e-5)


def test_progress_success_and_confidence_follow_their_formulas(checkpoint):
    heads, directory = checkpoint
    reward = model(directory, SeeingBackend())
    episode = reward.begin(TASK, {"front": grey(0.0)})
    estimate = reward.estimate([episode], {"front": grey(0.6)})
    state = torch.tensor([[153 / 255, 1.0, -153 / 255, 0.5]])
    with torch.no_grad():
        bins = torch.softmax(heads["progress_head"](state)[0], dim=0)
        success = torch.sigmoid(heads["success_head"](state)[0, 0])
    assert estimate.progress[0] == pytest.approx(float(bins @ torch.linspace(0, 1, 10)), abs=1e-5)
    assert estimate.success[0] == pytest.approx(float(success), abs=1e-5)
    entropy = float(torch.distributions.Categorical(bins).entropy()) / np.log(10)
    assert estimate.confidence[0] == pytest.approx(1 - entropy, abs=1e-4)


def test_the_newest_frame_is_the_last_of_eight_spread_over_the_video(checkpoint):
    backend = SeeingBackend()
    reward = model(checkpoint[1], backend)
    episode = reward.begin(TASK, {"front": grey(0.0)})
    for number in range(1, 21):
        reward.estimate([episode], {"front": grey(number / 20)})
    shown = [part for part in described(backend.asked[-1].prompt) if isinstance(part, float)]
    places = np.rint(np.linspace(0, 20, 8)) / 20
    np.testing.assert_allclose(shown, places, atol=0.006)


def test_states_that_are_not_there_or_not_finite_are_no_reading(checkpoint):
    backend = SeeingBackend()
    reward = model(checkpoint[1], backend)
    episode = reward.begin(TASK, {"front": grey(0.0)})
    broken = [np.zeros((7, 4)), np.full((8, 4), np.nan), np.zeros((8, 5))]
    for states in broken:
        backend.instead = [HiddenStates(states={"<|prog_token|>": states.astype(np.float32)})]
        estimate = reward.estimate([episode], {"front": grey(0.5)})
        assert estimate.status[0] == Status.PARSE_ERROR


def test_heads_are_found_in_shards_and_in_half_precision(tmp_path):
    heads, named = tensors(dtype=torch.bfloat16)
    names = sorted(named)
    shards = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, held in shards.items():
        save_file({name: named[name] for name in held}, tmp_path / file)
    weight_map = {name: file for file, held in shards.items() for name in held}
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    progress, _ = read_heads(tmp_path)
    expected = heads["progress_head"][4].weight.detach().bfloat16().float().numpy()
    np.testing.assert_array_equal(progress.last[0], expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda named: named.clear(), r"must hold 'progress_head.0.weight'.*Robometer itself"),
        (lambda named: named.pop("success_head.4.bias"), "must hold 'success_head.4.bias'"),
        (
            lambda named: named.update({"progress_head.1.weight": torch.ones(3)}),
            r"must hold progress_head of shapes",
        ),
        (lambda named: named.update(tensors(bins=1)[1]), "progress head of 2 bins or more"),
    ],
)
def test_checkpoints_without_fitting_heads_are_refused(tmp_path, change, message):
    named = tensors()[1]
    change(named)
    named["model.norm.weight"] = torch.ones(2)
    save_file(named, tmp_path / "model.safetensors")
    with pytest.raises(WeightsError, match=message):
        read_heads(tmp_path)


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(WeightsError, match=r"model.safetensors' must hold weights"):
        read_heads(tmp_path)


def test_missing_weights_are_named():
    with pytest.raises(WeightsError, match="nowhere/at-all"):
        open_reward("nowhere/at-all", Options(), None)


def test_options_are_checked():
    with pytest.raises(ConfigError, match="`backend` of robometer must be local"):
        Options(backend="openai", url="http://127.0.0.1:1/v1")
    with pytest.raises(ConfigError, match="`frames` must be at least 1, got 0"):
        Options(frames=0)


def test_other_heads_are_another_version(tmp_path, checkpoint):
    other = tmp_path / "other"
    other.mkdir()
    named = tensors()[1]
    named["success_head.4.bias"] += 1.0
    save_file(named, other / "model.safetensors")
    versions = {model(path, SeeingBackend()).spec.version for path in (checkpoint[1], other)}
    assert len(versions) == 2


def test_the_card_tells_what_the_layout_does(checkpoint):
    spec = model(checkpoint[1], SeeingBackend()).spec
    assert (CARD.name, CARD.views, CARD.causal) == (spec.name, spec.views, spec.causal)
