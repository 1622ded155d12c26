"""LRM's weights as published: three folders, one of which saves the vision tower whole."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from tests.rewards.adapters.tiny_pairs import noise, task
from tests.rewards.vlm import tiny_models
from tests.rewards.vlm.tiny_adapters import lora

from kibble.rewards.adapters.generative import GenerativeReward
from kibble.rewards.catalogue import open_model
from kibble.rewards.errors import WeightsError
from kibble.rewards.types import Status
from kibble.rewards.vlm.prompt import Picture, Prompt, Turn
from kibble.rewards.vlm.questions import Rate, Ratings

HEADS = ("contrastive", "progress", "completion")


def write_progress(folder: Path, *, listed: tuple[str, ...]) -> None:
    """Write an adapter with the vision tower's own weights, listed in the configuration so."""
    import peft

    model = transformers.AutoModelForImageTextToText.from_pretrained(tiny_models.qwen3_vl())
    config = peft.LoraConfig(
        r=4, target_modules=r".*language_model.*\.(q_proj|v_proj)", modules_to_save=["visual"]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft 0.21 over transformers 5
        adapted = peft.get_peft_model(model, config)
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name or "modules_to_save" in name:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    adapted.save_pretrained(folder)
    path = folder / "adapter_config.json"
    published = json.loads(path.read_text()) | {"modules_to_save": list(listed)}
    path.write_text(json.dumps(published))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("LRM-models")
    for seed, head in enumerate(("contrastive", "completion")):
        (folder / head).symlink_to(lora(tiny_models.qwen3_vl(), seed=seed))
    write_progress(folder / "progress", listed=("visual", "merger"))
    return folder


def opened(weights: Path, mode: str) -> GenerativeReward:
    base = tiny_models.qwen3_vl()
    model = open_model(f"lrm@{weights}?base={base}&mode={mode}&constrain=true&dtype=float32")
    assert isinstance(model, GenerativeReward)
    return model


def test_one_folder_holds_the_three_adapters(weights: Path) -> None:
    model = opened(weights, "tri")
    episode = model.begin(task(), noise(0))
    for seed in (1, 2):
        assert model.estimate([episode], noise(seed)).status[0] == Status.OK
    prompt = Prompt(turns=(Turn("user", ("now ", Picture(noise(3)["front"][0]))),))
    answers = model.backend.answer(
        [Rate(prompt=prompt, answers=("yes", "no"), adapter=head) for head in ("", *HEADS)]
    )
    rated = [answer.logprobs for answer in answers if isinstance(answer, Ratings)]
    assert len(np.unique(np.stack(rated), axis=0)) == 4
    again = model.backend.answer([Rate(prompt=prompt, answers=("yes", "no"), adapter="")])[0]
    assert isinstance(again, Ratings)
    np.testing.assert_array_equal(again.logprobs, rated[0])


def test_a_mode_opens_the_adapters_that_it_needs(weights: Path) -> None:
    model = opened(weights, "progress")
    episode = model.begin(task(), noise(0))
    assert model.estimate([episode], noise(1)).status[0] == Status.OK
    (weights.parent / "alone").mkdir(exist_ok=True)
    with pytest.raises(WeightsError, match="alone/contrastive"):
        opened(weights.parent / "alone", "contrastive")
