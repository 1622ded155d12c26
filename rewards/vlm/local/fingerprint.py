"""Name a model by what it computes with."""

from __future__ import annotations

import hashlib

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
    content = hashlib.sha256(model.config.to_json_string().encode())
    content.update(repr(processor).encode())
    for name, tensor in sorted(model.state_dict().items()):
        flat = tensor.reshape(-1)
        sample = flat[:: max(1, len(flat) // SAMPLED)].float().cpu().numpy()
        content.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        content.update(sample.tobytes())
    return content.hexdigest()[:16]
