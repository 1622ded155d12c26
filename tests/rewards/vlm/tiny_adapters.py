"""Low-rank adapters with random weights over tiny models."""

from __future__ import annotations

import functools
import warnings
from pathlib import Path

import torch
import transformers
from tests.rewards.vlm.tiny_models import fresh_directory

__all__ = ["lora"]

_LANGUAGE_LAYERS = r".*language_model.*\.(q_proj|k_proj|v_proj|o_proj|up_proj|down_proj)"


@functools.cache
def lora(
    base: Path,
    *,
    seed: int = 0,
    effect: bool = True,
    target: str = _LANGUAGE_LAYERS,
    whole_modules: tuple[str, ...] = (),
) -> Path:
    """Low-rank adapter over one of the models above, as ``peft`` saves it.

    Args:
        base: Directory of the model.
        seed: Seed of the adapter's weights.
        effect: Whether its B matrices hold anything; a broken save leaves zeros there.
        target: Pattern of the layers that it adapts.
        whole_modules: Modules of which a changed copy is saved beside it.
    """
    import peft

    model = transformers.AutoModelForImageTextToText.from_pretrained(base)
    config = peft.LoraConfig(
        r=4,
        lora_alpha=8,
        target_modules=target,
        modules_to_save=list(whole_modules) or None,
    )
    with warnings.catch_warnings():  # peft 0.21 reads a name that transformers 5 deprecates
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
        adapted = peft.get_peft_model(model, config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                drawn = torch.randn(parameter.shape, generator=generator)
                parameter.copy_(0.5 * drawn * effect)
            elif "lora_A" in name:
                parameter.copy_(0.2 * torch.randn(parameter.shape, generator=generator))
            elif "modules_to_save" in name:
                parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator))
    adapted.peft_config["default"].base_model_name_or_path = "published/where-it-was-trained"
    directory = fresh_directory("lora")
    adapted.save_pretrained(directory, save_embedding_layers=False)
    return directory
