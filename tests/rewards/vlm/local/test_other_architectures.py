"""Relatives of the tested architectures that are said to run: Qwen2-VL, Qwen3-VL with experts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tests.rewards.vlm import tiny_models
from tests.rewards.vlm.local.library import Library, picture, pictures, says

from kibble.rewards.vlm.local.backend import open_local
from kibble.rewards.vlm.opening import BackendOptions
from kibble.rewards.vlm.prompt import Clip
from kibble.rewards.vlm.questions import Reply, Say

PROMPTS = (
    says("A: ", picture(1), "B: ", picture(2, 100, 70), "Which is further?"),
    says(Clip(pictures(5), 0.5), "Is it done?"),
)
TEXT: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
}


def _relative(of: Path, folder: Path, model_type: str, changes: dict[str, Any]) -> Path:
    """Write a relative's random weights beside the tokenizer and processor of a known model."""
    processor: Any = transformers.AutoProcessor.from_pretrained(of)
    known: Any = transformers.AutoConfig.from_pretrained(of)
    text = {**TEXT, "vocab_size": known.text_config.vocab_size}
    text["rope_parameters"] = known.text_config.rope_parameters
    config = transformers.AutoConfig.for_model(
        model_type,
        text_config=text | changes.pop("text", {}),
        vision_config=changes,
        **{
            name: getattr(known, name)
            for name in (
                "image_token_id",
                "video_token_id",
                "vision_start_token_id",
                "vision_end_token_id",
            )
        },
    )
    model = transformers.AutoModelForImageTextToText.from_config(config)
    model.generation_config.eos_token_id = processor.tokenizer.eos_token_id
    tiny_models.randomise(model, 0)
    model.save_pretrained(folder)
    if model_type == "qwen2_vl":  # its processor does not tell the time between frames
        processor = transformers.Qwen2VLProcessor(
            image_processor=processor.image_processor,
            tokenizer=processor.tokenizer,
            video_processor=processor.video_processor,
            chat_template=processor.chat_template,
        )
    processor.save_pretrained(folder)
    return folder


def _qwen2_vl(folder: Path) -> Path:
    seeing = {"depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 2, "mlp_ratio": 2}
    return _relative(tiny_models.qwen2_5_vl(), folder, "qwen2_vl", {**seeing, "patch_size": 14})


def _qwen3_vl_moe(folder: Path) -> Path:
    experts = {"moe_intermediate_size": 32, "num_experts": 4, "num_experts_per_tok": 2}
    seeing = {
        "depth": 2,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_heads": 2,
        "patch_size": 16,
        "num_position_embeddings": 64,
        "deepstack_visual_indexes": [0],
        "out_hidden_size": 32,
    }
    changes = {**seeing, "text": {**experts, "head_dim": 16}}
    return _relative(tiny_models.qwen3_vl(), folder, "qwen3_vl_moe", changes)


@pytest.mark.parametrize(
    ("family", "write"), [("qwen2_5_vl", _qwen2_vl), ("qwen3_vl", _qwen3_vl_moe)]
)
def test_greedy_answers_are_those_of_generate(family: str, write: Any, tmp_path: Path) -> None:
    folder = write(tmp_path)
    own = Library(family, folder)
    asked = open_local(str(folder), BackendOptions(dtype="float32"))
    for _ in range(2):
        for prompt, answer in zip(
            PROMPTS,
            asked.answer([Say(prompt=prompt, max_tokens=5) for prompt in PROMPTS]),
            strict=True,
        ):
            assert isinstance(answer, Reply)
            said, logprobs = own.greedy(prompt, 5)
            assert answer.text == own.processor.tokenizer.decode(said, skip_special_tokens=True)
            expected = torch.tensor(
                [float(row[token]) for row, token in zip(logprobs, said, strict=True)]
            )
            found = torch.tensor([token.logprob for token in answer.tokens])
            assert torch.allclose(found, expected[: len(found)], atol=2e-5)
