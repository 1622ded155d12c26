"""Weights that are missing, damaged or of another kind are named, with what to do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.rewards.vlm import tiny_models

from kibble.rewards.errors import WeightsError
from kibble.rewards.vlm.local.backend import open_local
from kibble.rewards.vlm.local.loading import resolve_dtype
from kibble.rewards.vlm.local.out_of_memory import is_out_of_memory
from kibble.rewards.vlm.opening import BackendOptions

OPTIONS = BackendOptions(dtype="float32")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    shutil.copytree(tiny_models.qwen3_vl(), folder)
    return folder


def test_missing_weights_say_how_to_get_them() -> None:
    with pytest.raises(WeightsError, match=r"Qwen/Qwen3-VL-4B-Instruct.*`hf download"):
        open_local("Qwen/Qwen3-VL-4B-Instruct", OPTIONS)
    with pytest.raises(WeightsError, match="no such directory"):
        open_local("./nowhere", OPTIONS)


def test_a_directory_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="must be a directory of a vision-language model"):
        open_local(str(tmp_path), OPTIONS)


def test_an_architecture_that_is_not_supported(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llava", "text_config": {}}))
    with pytest.raises(WeightsError, match="got 'llava'; serve them by vLLM"):
        open_local(str(tmp_path), OPTIONS)


def test_code_that_comes_with_weights_is_not_run(copy: Path) -> None:
    marker = copy / "was_run"
    (copy / "own.py").write_text(f"open({str(marker)!r}, 'w')\n")
    config = json.loads((copy / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Config"}}
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(WeightsError, match="code of their own, which is not run"):
        open_local(str(copy), OPTIONS)
    assert not marker.exists()


def test_a_tensor_that_is_missing_is_not_drawn_at_random(copy: Path) -> None:
    file = copy / "model.safetensors"
    tensors = load_file(file)
    name = next(name for name in tensors if "q_proj" in name)
    del tensors[name]
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(WeightsError, match=r"every tensor of a qwen3_vl.*q_proj"):
        open_local(str(copy), OPTIONS)


def test_a_tensor_of_another_size(copy: Path) -> None:
    file = copy / "model.safetensors"
    tensors = load_file(file)
    name = next(name for name in tensors if "q_proj" in name)
    tensors[name] = tensors[name][:-1]
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(WeightsError, match="must be a directory of a vision-language model"):
        open_local(str(copy), OPTIONS)


def test_truncated_weights(copy: Path) -> None:
    file = copy / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(WeightsError, match="must be a directory of a vision-language model"):
        open_local(str(copy), OPTIONS)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_file_that_is_missing(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(WeightsError):
        open_local(str(copy), OPTIONS)


def test_number_formats() -> None:
    cpu = torch.device("cpu")
    assert resolve_dtype("bfloat16", cpu) is torch.bfloat16
    assert resolve_dtype("auto", cpu) in (torch.bfloat16, torch.float32)
    with pytest.raises(WeightsError, match="`dtype` must be auto"):
        resolve_dtype("int4", cpu)


def test_what_counts_as_out_of_memory() -> None:
    with pytest.raises(RuntimeError) as failed:
        torch.empty(2**60)
    assert is_out_of_memory(failed.value)
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory."))
    assert is_out_of_memory(RuntimeError("MPS backend out of memory (allocated: 9 GB)"))
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(RuntimeError("shapes do not match"))
