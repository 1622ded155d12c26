"""Adapters that do something are switched; those that do nothing are refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from tests.rewards.vlm import tiny_models
from tests.rewards.vlm.tiny_adapters import lora

from kibble.rewards.errors import ModelError, WeightsError
from kibble.rewards.vlm.local.adapters import load_adapters, picture_probe

BASES = (tiny_models.qwen3_vl, tiny_models.qwen2_5_vl, tiny_models.internvl)


def _opened(base: Path):
    model = transformers.AutoModelForImageTextToText.from_pretrained(base).eval()
    return model, picture_probe(model, transformers.AutoProcessor.from_pretrained(base))


def _altered(adapter: Path, directory: Path, change) -> Path:
    """Copy an adapter with its weights passed through ``change``."""
    shutil.copytree(adapter, directory)
    file = directory / "adapter_model.safetensors"
    save_file(change(load_file(file)), file)
    return directory


@pytest.mark.parametrize("build", BASES)
def test_each_adapter_computes_what_it_computes_alone(build):
    base = build()
    model, probe = _opened(base)
    bare = probe()
    folders = {name: lora(base, seed=i) for i, name in enumerate(("a.b", "progress"))}
    adapters = load_adapters(model, folders, probe)
    assert adapters.names == ("a.b", "progress")
    for name in ("progress", "a.b", "", "progress"):
        adapters.use(name)
        other, other_probe = _opened(base)
        if name:
            load_adapters(other, {"alone": folders[name]}, other_probe).use("alone")
            assert (probe() - bare).abs().max() > 0.1
        assert torch.equal(probe(), other_probe())


def test_the_bare_model_is_on_after_loading():
    base = tiny_models.qwen3_vl()
    model, probe = _opened(base)
    bare = probe()
    load_adapters(model, {"one": lora(base)}, probe)
    assert torch.equal(probe(), bare)


def test_only_adapters_outside_the_language_model_alter_pictures(tmp_path):
    base = tiny_models.qwen3_vl()
    model, probe = _opened(base)
    sees = lora(base, target=r".*visual\.blocks.*\.(qkv|proj)")
    adapters = load_adapters(model, {"says": lora(base), "sees": sees}, probe)
    assert not adapters.alters_vision("")
    assert not adapters.alters_vision("says")
    assert adapters.alters_vision("sees")


def test_whole_modules_saved_beside_an_adapter_are_switched_with_it():
    base = tiny_models.qwen3_vl()
    model, probe = _opened(base)
    bare = probe()
    folders = {
        "plain": lora(base, seed=1),
        "whole": lora(base, seed=2, whole_modules=("merger",)),
    }
    adapters = load_adapters(model, folders, probe)
    assert adapters.alters_vision("whole")
    seen = {}
    for name in ("whole", "plain", "whole", ""):
        adapters.use(name)
        if name in seen:
            assert torch.equal(probe(), seen[name])
        seen[name] = probe()
    assert torch.equal(seen[""], bare)
    other, other_probe = _opened(base)
    load_adapters(other, {"plain": folders["plain"]}, other_probe).use("plain")
    assert torch.equal(seen["plain"], other_probe())


@pytest.mark.parametrize("build", BASES)
def test_an_adapter_saved_empty_is_refused(build):
    base = build()
    model, probe = _opened(base)
    folders = {"fine": lora(base), "empty": lora(base, effect=False)}
    with pytest.raises(WeightsError, match="'empty' must change what the model computes"):
        load_adapters(model, folders, probe)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda weights: dict(list(weights.items())[1:]), "lacks weights"),
        (
            lambda weights: {key.replace("layers", "blocks"): w for key, w in weights.items()},
            "lacks weights|fit nowhere",
        ),
        (lambda weights: weights | {"base_model.model.other.lora_A.weight": torch.ones(2)}, "fit"),
        (
            lambda weights: {key: torch.cat([w, w]) for key, w in weights.items()},
            "does not load|other sizes",
        ),
        (lambda weights: {key: w * torch.nan for key, w in weights.items()}, "must change"),
    ],
)
def test_damaged_adapters_are_refused(tmp_path, change, message):
    base = tiny_models.qwen3_vl()
    model, probe = _opened(base)
    folder = _altered(lora(base), tmp_path / "damaged", change)
    with pytest.raises(WeightsError, match=message):
        load_adapters(model, {"damaged": folder}, probe)


def test_a_truncated_file_and_a_missing_one_are_refused(tmp_path):
    base = tiny_models.qwen3_vl()
    folder = shutil.copytree(lora(base), tmp_path / "cut")
    file = folder / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(WeightsError, match="does not load"):
        load_adapters(*_args(base, folder))
    file.unlink()
    with pytest.raises(WeightsError, match="does not load"):
        load_adapters(*_args(base, folder))
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "NO_SUCH"}))
    with pytest.raises(WeightsError, match="does not load"):
        load_adapters(*_args(base, folder))
    with pytest.raises(WeightsError, match="does not load"):
        load_adapters(*_args(base, tmp_path))


def _args(base: Path, folder: Path):
    model, probe = _opened(base)
    return model, {"it": folder}, probe


def test_an_adapter_of_another_model_is_refused():
    model, probe = _opened(tiny_models.qwen2_5_vl())
    with pytest.raises(WeightsError):
        load_adapters(model, {"foreign": lora(tiny_models.qwen3_vl())}, probe)


def test_unknown_adapters_are_named():
    base = tiny_models.qwen3_vl()
    model, probe = _opened(base)
    adapters = load_adapters(model, {"progress": lora(base)}, probe)
    with pytest.raises(ModelError, match=r"one of \['', 'progress'\], got 'completion'"):
        adapters.use("completion")


def test_names_from_before_the_language_model_moved_are_understood(tmp_path):
    base = tiny_models.qwen2_5_vl()
    new = lora(base)
    old = _altered(
        new,
        tmp_path / "old",
        lambda weights: {key.replace("language_model.", ""): w for key, w in weights.items()},
    )
    model, probe = _opened(base)
    adapters = load_adapters(model, {"new": new, "old": old}, probe)
    adapters.use("new")
    expected = probe()
    adapters.use("old")
    assert torch.equal(probe(), expected)
