"""Open weights of a vision-language model through transformers, from this machine alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError

from kibble.rewards.errors import WeightsError
from kibble.rewards.vlm.local.family import Family
from kibble.rewards.vlm.local.internvl import InternVL
from kibble.rewards.vlm.local.out_of_memory import is_out_of_memory
from kibble.rewards.vlm.local.qwen import Qwen

__all__ = ["Opened", "open_weights", "resolve_dtype"]

_FAMILIES: dict[str, type[Qwen] | type[InternVL]] = {
    "qwen2_vl": Qwen,
    "qwen2_5_vl": Qwen,
    "qwen3_vl": Qwen,
    "qwen3_vl_moe": Qwen,
    "internvl": InternVL,
}
_DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Opened:
    """A model with its processor, ready to be asked."""

    model: transformers.PreTrainedModel
    processor: transformers.ProcessorMixin
    family: Family


def resolve_dtype(name: str, device: torch.device) -> torch.dtype:
    """Number format by its name; "auto" is bfloat16 where the device computes in it.

    Raises:
        WeightsError: If there is no such format.

    >>> resolve_dtype("float32", torch.device("cpu"))
    torch.float32
    """
    if name in _DTYPES:
        return _DTYPES[name]
    if name != "auto":
        raise WeightsError(
            f"`dtype` must be auto, {', '.join(_DTYPES)}, got {name!r}; leave it at auto."
        )
    if device.type == "cuda":
        native = torch.cuda.get_device_capability(device)[0] >= 8
    else:
        able = torch.cpu.get_capabilities()
        native = device.type == "cpu" and bool(able.get("avx512_bf16") or able.get("amx_bf16"))
    return torch.bfloat16 if native else torch.float32


def open_weights(
    folder: Path,
    *,
    dtype: torch.dtype,
    device: torch.device,
    trust_remote_code: bool,
    processor_folder: Path | None = None,
    special_tokens: Sequence[str] = (),
) -> Opened:
    """Open a model and its processor.

    Args:
        folder: Directory of the model as transformers saves it.
        dtype: Number format of weights and computation.
        device: Where it runs.
        trust_remote_code: Whether code that comes with the weights may run.
        processor_folder: Where tokenizer and processor lie, if not with the model.
        special_tokens: Special tokens that the model was given in training, in that order; those
            that its tokenizer lacks get the next numbers.

    Returns:
        The model, with attention by ``scaled_dot_product_attention``, and its processor.

    Raises:
        WeightsError: If files are missing or damaged, or the architecture is not supported.
    """
    hub: Any = transformers  # typed in part
    local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": trust_remote_code}
    try:
        config = hub.AutoConfig.from_pretrained(folder, **local)
        family = _FAMILIES.get(config.model_type)
        if family is None:
            raise WeightsError(
                f"Weights {folder} must be of an architecture that runs in this process "
                f"({', '.join(_FAMILIES)}), got {config.model_type!r}; serve them by vLLM or "
                "SGLang and use backend=openai, or take a version in one of these formats "
                "(of InternVL the one whose name ends in -hf)."
            )
        processor = hub.AutoProcessor.from_pretrained(processor_folder or folder, **local)
        absent_tokens = [t for t in special_tokens if t not in processor.tokenizer.get_vocab()]
        processor.tokenizer.add_tokens(absent_tokens, special_tokens=True)
        model, report = hub.AutoModelForImageTextToText.from_pretrained(
            folder,
            config=config,
            dtype=dtype,
            attn_implementation="sdpa",
            output_loading_info=True,
            **local,
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        if isinstance(error, WeightsError) or is_out_of_memory(error):
            raise
        raise WeightsError(_explained(folder, error, trust_remote_code)) from error
    absent = sorted(report["missing_keys"]) + sorted(map(str, report["mismatched_keys"]))
    if absent:
        raise WeightsError(
            f"Weights {folder} must hold every tensor of a {config.model_type}, got none that "
            f"fits for {len(absent)} of them, such as {absent[0]}; fetch them again."
        )
    numbers = processor.tokenizer.convert_tokens_to_ids(list(special_tokens))
    rows = len(model.get_input_embeddings().weight)
    if max(numbers, default=0) >= rows:
        raise WeightsError(
            f"Weights {folder} must have an embedding for each of {', '.join(special_tokens)}, "
            f"got {rows} embeddings and token number {max(numbers)}; the tokenizer is not the one "
            "of these weights."
        )
    placeholder = processor.tokenizer.convert_tokens_to_ids(processor.image_token)
    if placeholder != config.image_token_id:
        raise WeightsError(
            f"The tokenizer in {folder} must have the placeholder of pictures "
            f"{processor.image_token!r} at {config.image_token_id}, as the model expects, got "
            f"{placeholder}; its files are missing or another model's. Fetch them again."
        )
    model.to(device).eval().requires_grad_(False)
    return Opened(model=model, processor=processor, family=family(model, processor))


def _explained(folder: Path, error: Exception, trusted: bool) -> str:
    if "trust_remote_code" in str(error) and not trusted:
        return (
            f"Weights {folder} bring code of their own, which is not run unless you ask for it; "
            "read that code, and if you trust it add trust_remote_code=true."
        )
    return (
        f"`{folder}` must be a directory of a vision-language model as transformers saves it "
        f"(config.json, weights, tokenizer, processor), got: {str(error).strip()}"
    )
