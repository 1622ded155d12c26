"""Name a model by what it computes with."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import transformers

__all__ = ["fingerprint"]

SAMPLED = 64
"""Values of each tensor that the name is drawn from."""


def fingerprint(
    model: transformers.PreTrainedModel, processor: transformers.ProcessorMixin
) -> str:
    """Draw a name from configuration, processing and a sample of each tensor.

    Training moves every weight a little, so a sample tells weights apart without reading
    gigabytes; adapters and the number format count too.

    Args:
        model: The model with its adapters.
        processor: Its own processor.

    Returns:
        16 hexadecimal digits.
    """
    own: Any = processor
    settings = [model.config.to_dict(), own.to_dict(), own.chat_template]
    for where in ("_name_or_path", "transformers_version"):  # equal weights may lie elsewhere
        settings[0].pop(where, None)
    content = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    content.update(own.tokenizer.backend_tokenizer.to_str().encode())
    for name, tensor in sorted(model.state_dict().items()):
        flat = tensor.reshape(-1)
        sample = flat[:: max(1, len(flat) // SAMPLED)].float().cpu().numpy()
        content.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        content.update(sample.tobytes())
    return content.hexdigest()[:16]
