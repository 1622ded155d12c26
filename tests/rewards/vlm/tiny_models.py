"""Vision-language models of the real architectures with random weights, a few hundred kilobytes.

Each function writes the files of one model as its authors publish them (configuration, weights,
tokenizer, processors, chat template, generation settings) once per process and returns the
directory; ``AutoProcessor`` and the ``Auto`` model classes load it by the path that real weights
take. Weights are drawn so widely that answers depend on what is in the pictures and in the text.
"""

from __future__ import annotations

import atexit
import functools
import math
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
import transformers
from tests.rewards.vlm.tiny_tokenizers import (
    IMAGE_WORDS,
    clip_tokenizer,
    gemma_tokenizer,
    qwen_tokenizer,
)

__all__ = [
    "clip",
    "fresh_directory",
    "internvl",
    "qwen2_5_vl",
    "qwen3_vl",
    "randomise",
    "siglip",
    "write_qwen2_5_vl",
    "write_qwen3_vl",
]

# What the published templates write; only text, pictures and clips, as reward models use no tools.
_QWEN_CONTENT = (
    "{% if message.content is string %}{{ message.content }}{% else %}"
    "{% for part in message.content %}"
    "{% if part.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif part.type == 'video' %}<|vision_start|><|video_pad|><|vision_end|>"
    "{% else %}{{ part.text }}{% endif %}{% endfor %}{% endif %}"
)
_INTERNVL_CONTENT = (
    "{% if message.content is string %}{{ message.content }}{% else %}"
    "{% for part in message.content %}"
    "{% if part.type == 'image' %}<IMG_CONTEXT>\n"
    "{% elif part.type == 'video' %}<video>\n"
    "{% else %}{{ part.text }}{% endif %}{% endfor %}{% endif %}"
)
_SYSTEM = (
    "{% if loop.first and message.role != 'system' %}<|im_start|>system\n"
    "You are a helpful assistant.<|im_end|>\n{% endif %}"
)


def _template(content: str, opening: str = "") -> str:
    return (
        "{% for message in messages %}"
        + opening
        + "{{ '<|im_start|>' + message.role + '\n' }}"
        + content
        + "{{ '<|im_end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    )


@functools.cache
def _root() -> Path:
    root = Path(tempfile.mkdtemp(prefix="tiny-models-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    return root


def fresh_directory(name: str) -> Path:
    return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=_root()))


def randomise(model: torch.nn.Module, seed: int) -> None:
    """Draw all weights anew, each matrix so that it keeps the size of what passes through it."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "logit_" in name:  # CLIP's temperature keeps its published start
                continue
            if parameter.ndim < 2:  # norms, biases
                noise = 0.1
            elif "embed" in name and "patch" not in name:
                noise = math.sqrt(32 / max(32, parameter.shape[-1]))  # logits spread by some 6
            else:
                noise = 1.5 / math.sqrt(parameter[0].numel())
            centre = float(parameter.ndim == 1 and "bias" not in name)
            drawn = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(centre + noise * drawn)


def _write(
    directory: Path,
    model: transformers.PreTrainedModel,
    processor: transformers.ProcessorMixin,
    seed: int,
) -> Path:
    randomise(model, seed)
    model.save_pretrained(directory)
    processor.save_pretrained(directory)
    return directory


def _settings(model: transformers.PreTrainedModel, tokenizer) -> None:
    """Give the settings of the published weights: sampling by default, two ends of an answer."""
    ends = [tokenizer.convert_tokens_to_ids(t) for t in ("<|im_end|>", "<|endoftext|>")]
    model.generation_config = transformers.GenerationConfig(
        do_sample=True,
        temperature=0.7,
        top_p=0.8,
        top_k=20,
        eos_token_id=ends,
        pad_token_id=ends[1],
        bos_token_id=ends[1],
    )


def write_qwen3_vl(
    directory: Path,
    *,
    text: dict[str, object] | None = None,
    vision: dict[str, object] | None = None,
    extra_tokens: tuple[str, ...] = (),
    lines: Sequence[str] = (),
    seed: int = 0,
) -> Path:
    """Write a Qwen3-VL; ``text`` and ``vision`` override the configuration's sizes."""
    tokenizer = qwen_tokenizer(extra_tokens, lines=lines)
    ids = tokenizer.convert_tokens_to_ids
    wide = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 16,
        "max_position_embeddings": 32768,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 5_000_000.0,
            "mrope_interleaved": True,
            "mrope_section": [4, 2, 2],
        },
    } | (text or {})
    seeing = {
        "depth": 3,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_heads": 2,
        "patch_size": 16,
        "num_position_embeddings": 64,
        "deepstack_visual_indexes": [0, 1],
        "out_hidden_size": wide["hidden_size"],
    } | (vision or {})
    config = transformers.Qwen3VLConfig(
        text_config=wide,
        vision_config=seeing,
        image_token_id=ids("<|image_pad|>"),
        video_token_id=ids("<|video_pad|>"),
        vision_start_token_id=ids("<|vision_start|>"),
        vision_end_token_id=ids("<|vision_end|>"),
        tie_word_embeddings=True,
    )
    model = transformers.Qwen3VLForConditionalGeneration(config)
    _settings(model, tokenizer)
    means = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "patch_size": 16}
    processor = transformers.Qwen3VLProcessor(
        image_processor=transformers.Qwen2VLImageProcessor(
            size={"shortest_edge": 4096, "longest_edge": 16_777_216}, **means
        ),
        tokenizer=tokenizer,
        video_processor=transformers.Qwen3VLVideoProcessor(
            size={"shortest_edge": 4096, "longest_edge": 25_165_824},
            cap_pixels_per_frame=False,
            **means,
        ),
        chat_template=_template(_QWEN_CONTENT),
    )
    return _write(directory, model, processor, seed)


def write_qwen2_5_vl(
    directory: Path,
    *,
    text: dict[str, object] | None = None,
    vision: dict[str, object] | None = None,
    extra_tokens: tuple[str, ...] = (),
    lines: Sequence[str] = (),
    seed: int = 0,
) -> Path:
    """Write a Qwen2.5-VL; ``text`` and ``vision`` override the configuration's sizes."""
    tokenizer = qwen_tokenizer(extra_tokens, lines=lines)
    ids = tokenizer.convert_tokens_to_ids
    wide = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "max_position_embeddings": 32768,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 1_000_000.0,
            "mrope_section": [2, 3, 3],
        },
        "bos_token_id": ids("<|endoftext|>"),
        "eos_token_id": ids("<|im_end|>"),
    } | (text or {})
    seeing = {
        "depth": 3,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_heads": 2,
        "patch_size": 14,
        "window_size": 56,
        "fullatt_block_indexes": [1, 2],
        "tokens_per_second": 2,
        "out_hidden_size": wide["hidden_size"],
    } | (vision or {})
    config = transformers.Qwen2_5_VLConfig(
        text_config=wide,
        vision_config=seeing,
        image_token_id=ids("<|image_pad|>"),
        video_token_id=ids("<|video_pad|>"),
        vision_start_token_id=ids("<|vision_start|>"),
        vision_end_token_id=ids("<|vision_end|>"),
        tie_word_embeddings=True,
    )
    model = transformers.Qwen2_5_VLForConditionalGeneration(config)
    _settings(model, tokenizer)
    size = {"shortest_edge": 3136, "longest_edge": 12_845_056}
    processor = transformers.Qwen2_5_VLProcessor(
        image_processor=transformers.Qwen2VLImageProcessor(size=size),
        tokenizer=tokenizer,
        video_processor=transformers.Qwen2VLVideoProcessor(size=size),
        chat_template=_template(_QWEN_CONTENT, opening=_SYSTEM),
    )
    return _write(directory, model, processor, seed)


@functools.cache
def qwen3_vl(*, extra_tokens: tuple[str, ...] = (), seed: int = 0) -> Path:
    """Qwen3-VL: interleaved rotary positions, deep features, time stamps between frames."""
    return write_qwen3_vl(fresh_directory("qwen3-vl"), extra_tokens=extra_tokens, seed=seed)


@functools.cache
def qwen2_5_vl(*, extra_tokens: tuple[str, ...] = (), seed: int = 0) -> Path:
    """Qwen2.5-VL: windowed attention over the picture, absolute time in rotary positions."""
    return write_qwen2_5_vl(fresh_directory("qwen2.5-vl"), extra_tokens=extra_tokens, seed=seed)


@functools.cache
def internvl(*, extra_tokens: tuple[str, ...] = (), seed: int = 0) -> Path:
    """InternVL over Qwen2: pictures of one size (56 pixels), four tokens a tile."""
    tokenizer = qwen_tokenizer(extra_tokens, named=IMAGE_WORDS)
    ids = tokenizer.convert_tokens_to_ids
    config = transformers.InternVLConfig(
        text_config={
            "model_type": "qwen2",
            "vocab_size": len(tokenizer),
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "max_position_embeddings": 32768,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1_000_000.0},
            "tie_word_embeddings": True,
        },
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "attention_bias": True,
            "image_size": [56, 56],
            "patch_size": [14, 14],
        },
        image_token_id=ids("<IMG_CONTEXT>"),
        image_seq_length=4,
    )
    model = transformers.InternVLForConditionalGeneration(config)
    _settings(model, tokenizer)
    size = {"height": 56, "width": 56}
    processor = transformers.InternVLProcessor(
        image_processor=transformers.GotOcr2ImageProcessor(
            size=size,
            crop_to_patches=False,
            image_mean=[0.485, 0.456, 0.406],
            image_std=[0.229, 0.224, 0.225],
        ),
        tokenizer=tokenizer,
        video_processor=transformers.InternVLVideoProcessor(
            size=size, image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225]
        ),
        image_seq_length=4,
        chat_template=_template(_INTERNVL_CONTENT),
    )
    return _write(fresh_directory("internvl"), model, processor, seed)


@functools.cache
def clip(*, seed: int = 0) -> Path:
    """CLIP: 32-pixel pictures in patches of 8, 24-dimensional common space."""
    tokenizer = clip_tokenizer()
    sizes = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    }
    config = transformers.CLIPConfig(
        text_config={
            **sizes,
            "vocab_size": len(tokenizer),
            "max_position_embeddings": 77,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
        },
        vision_config={**sizes, "image_size": 32, "patch_size": 8},
        projection_dim=24,
    )
    processor = transformers.CLIPProcessor(
        image_processor=transformers.CLIPImageProcessor(
            size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
        ),
        tokenizer=tokenizer,
    )
    return _write(fresh_directory("clip"), transformers.CLIPModel(config), processor, seed)


@functools.cache
def siglip(*, seed: int = 0) -> Path:
    """SigLIP as the fixed-size SigLIP 2 weights are published, with Gemma's kind of tokenizer."""
    tokenizer = gemma_tokenizer()
    sizes = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    }
    config = transformers.SiglipConfig(
        text_config={
            **sizes,
            "vocab_size": len(tokenizer),
            "max_position_embeddings": 64,
            "pad_token_id": tokenizer.pad_token_id,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
        },
        vision_config={**sizes, "image_size": 32, "patch_size": 8},
    )
    processor = transformers.SiglipProcessor(
        image_processor=transformers.SiglipImageProcessor(size={"height": 32, "width": 32}),
        tokenizer=tokenizer,
    )
    return _write(fresh_directory("siglip"), transformers.SiglipModel(config), processor, seed)
