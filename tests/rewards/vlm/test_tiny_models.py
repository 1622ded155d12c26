"""The tiny models are the real ones: loaded by Auto classes, token by token as published."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from tests.rewards.vlm import tiny_models
from tests.rewards.vlm.tiny_adapters import lora

GENERATIVE = (tiny_models.qwen3_vl, tiny_models.qwen2_5_vl, tiny_models.internvl)
MEGABYTE = 2**20


def _picture(seed: int, side: int = 96) -> Image.Image:
    """Coarse blocks of colour, which survive resizing."""
    blocks = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(np.kron(blocks, np.ones((side // 4, side // 4, 1), np.uint8)))


def _logits(model, processor, picture: Image.Image, text: str) -> torch.Tensor:
    content = [{"type": "image", "image": picture}, {"type": "text", "text": text}]
    inputs = processor.apply_chat_template(
        [{"role": "user", "content": content}],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )
    with torch.inference_mode():
        return model(**inputs).logits[0, -1]


@pytest.mark.parametrize("build", GENERATIVE)
def test_answers_depend_on_picture_and_text(build):
    processor = transformers.AutoProcessor.from_pretrained(build())
    model = transformers.AutoModelForImageTextToText.from_pretrained(build())
    answers = [
        _logits(model, processor, _picture(0), "is the task completed?"),
        _logits(model, processor, _picture(1), "is the task completed?"),
        _logits(model, processor, _picture(0), "is the drawer closed?"),
    ]
    for first, second in ((0, 1), (0, 2)):
        assert (answers[first] - answers[second]).abs().max() > 0.1
    spread = answers[0].log_softmax(0)
    assert spread.max() > spread.min() + 2.0


@pytest.mark.parametrize("build", GENERATIVE)
def test_words_of_read_outs_are_single_tokens(build):
    tokenizer = transformers.AutoTokenizer.from_pretrained(build())
    for word in ("True", " True", "yes", " yes", "no", " no", "A", "B", *"0123456789%+-"):
        assert len(tokenizer(word)["input_ids"]) == 1, word
    assert len(tokenizer("42")["input_ids"]) == 2
    text = '<score>-7%</score> {"task_completed": "yes"} é 桌'
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


@pytest.mark.parametrize("build", GENERATIVE)
def test_special_tokens_take_their_places_in_the_configuration(build):
    tokenizer = transformers.AutoTokenizer.from_pretrained(build(extra_tokens=("<|prog_token|>",)))
    config = transformers.AutoConfig.from_pretrained(build(extra_tokens=("<|prog_token|>",)))
    assert config.text_config.vocab_size == len(tokenizer)
    assert len(tokenizer("<|prog_token|><|im_end|>")["input_ids"]) == 2
    assert tokenizer.eos_token == "<|im_end|>"
    assert config.image_token_id in tokenizer.all_special_ids


def test_builders_are_cached_and_small():
    for build in (*GENERATIVE, tiny_models.clip, tiny_models.siglip):
        assert build() == build()
        assert sum(file.stat().st_size for file in build().iterdir()) < MEGABYTE


@pytest.mark.parametrize("build", [tiny_models.clip, tiny_models.siglip])
def test_contrastive_models_tell_pictures_and_texts_apart(build):
    processor = transformers.AutoProcessor.from_pretrained(build())
    model = transformers.AutoModel.from_pretrained(build())
    inputs = processor(
        images=[_picture(0), _picture(1)],
        text=["push the cube", "open the drawer"],
        padding="max_length",
        return_tensors="pt",
    )
    with torch.inference_mode():
        outputs = model(**inputs)
    for embeds in (outputs.image_embeds, outputs.text_embeds):
        assert torch.allclose(embeds.norm(dim=-1), torch.ones(2), atol=1e-5)
        assert embeds[0] @ embeds[1] < 0.99


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
def test_adapters_change_the_output_unless_their_second_matrices_are_zero():
    import peft

    base = tiny_models.qwen3_vl()
    processor = transformers.AutoProcessor.from_pretrained(base)
    logits = []
    for effect in (True, False):
        model = transformers.AutoModelForImageTextToText.from_pretrained(base)
        plain = _logits(model, processor, _picture(0), "yes or no?")
        adapted = peft.PeftModel.from_pretrained(model, lora(base, effect=effect))
        logits.append((_logits(adapted, processor, _picture(0), "yes or no?") - plain).abs().max())
    assert logits[0] > 0.1
    assert logits[1] == 0.0
