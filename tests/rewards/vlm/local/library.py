"""What transformers itself makes of a prompt: its processor and ``generate``, nothing cached."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import transformers
from tests.rewards.vlm import tiny_models

from kibble.rewards.vlm.local.backend import LocalBackend, open_local
from kibble.rewards.vlm.opening import BackendOptions
from kibble.rewards.vlm.prompt import Clip, Picture, Prompt, Turn
from kibble.rewards.vlm.questions import Reply

__all__ = [
    "ARCHITECTURES",
    "MARK",
    "PROMPTS",
    "TOLERANCE",
    "Library",
    "backend",
    "library",
    "passes_of",
    "picture",
    "pictures",
    "reply_of",
    "says",
]

ARCHITECTURES: dict[str, Callable[[], Path]] = {
    "qwen3_vl": tiny_models.qwen3_vl,
    "qwen2_5_vl": tiny_models.qwen2_5_vl,
    "internvl": tiny_models.internvl,
}


def picture(seed: int, height: int = 64, width: int = 96) -> Picture:
    """A picture of noise."""
    rng = np.random.default_rng(seed)
    return Picture(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def pictures(count: int, seed: int = 0) -> tuple[Picture, ...]:
    """Different pictures of one size."""
    return tuple(picture(1000 * seed + i) for i in range(count))


def says(*parts: str | Picture | Clip, **options: object) -> Prompt:
    """One turn of a user."""
    return Prompt((Turn("user", parts),), **options)  # type: ignore[arg-type]


def backend(architecture: str, **options: object) -> LocalBackend:
    """A fresh back end over the tiny model of an architecture, in float32."""
    settings = {"dtype": "float32"} | options
    found = open_local(str(ARCHITECTURES[architecture]()), BackendOptions(**settings))
    assert isinstance(found, LocalBackend)
    return found


# float32 sums in another order: nine tenths of the differences seen are below 1e-6
TOLERANCE = 2e-5
PROMPTS = (
    says("Is it done? Answer yes or no."),
    says("Image A: ", picture(1), "Image B: ", picture(2), "Which is further?"),
    says("Image A: ", picture(1), "Image B: ", picture(3, 100, 70), "Which?"),
    says(Clip(pictures(4), 2.0), "The robot has to open the drawer. How far is it?"),
    says(picture(4), Clip(pictures(5), 0.5), "score"),
    Prompt((Turn("user", (picture(1), "Rate it.")), Turn("assistant", ("ANSWER: ",)))),
)
MARK = "<|object_ref_start|>"


def passes_of(asked: LocalBackend) -> list[tuple[int, int]]:
    """List to which the shape of each further pass of the language part is added."""
    shapes: list[tuple[int, int]] = []
    core = asked._asking._schedule._reader._core
    core.register_forward_pre_hook(
        lambda _, args, kwargs: shapes.append(tuple(kwargs["input_ids"].shape)), with_kwargs=True
    )
    return shapes


def reply_of(answer: object) -> Reply:
    """The answer, which must be a reply."""
    assert isinstance(answer, Reply), answer
    return answer


class Library:
    """A model of an architecture, the tiny one by default, used as transformers' pages say."""

    def __init__(self, architecture: str, folder: Path | None = None) -> None:
        folder = folder or ARCHITECTURES[architecture]()
        self.processor = transformers.AutoProcessor.from_pretrained(folder)
        self.model = transformers.AutoModelForImageTextToText.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="sdpa"
        ).eval()
        self.architecture = architecture

    def inputs(self, prompt: Prompt, said: str = "", **images: object) -> dict[str, torch.Tensor]:
        """What the processor returns for a prompt that ``said`` is appended to."""
        seen: list[Picture] = []
        clips: list[Clip] = []
        turns = []
        for turn in prompt.turns:
            content = []
            for part in turn.parts:
                if isinstance(part, str):
                    content.append({"type": "text", "text": part})
                elif isinstance(part, Clip):
                    clips.append(part)
                    content.append({"type": "video"})
                else:
                    seen.append(part)
                    content.append({"type": "image"})
            turns.append({"role": turn.role, "content": content})
        going_on = prompt.open_ended or prompt.turns[-1].role == "assistant"
        text = self.processor.apply_chat_template(
            turns, add_generation_prompt=not going_on, continue_final_message=going_on
        )
        options: dict[str, object] = {}
        if clips:
            options["videos"] = [
                np.stack([frame.pixels for frame in clip.frames]) for clip in clips
            ]
            options["do_sample_frames"] = False
            options["video_metadata"] = [
                {
                    "fps": clip.fps,
                    "frames_indices": list(range(len(clip.frames))),
                    "total_num_frames": len(clip.frames),
                }
                for clip in clips
            ]
            if self.architecture != "internvl":
                options["cap_pixels_per_frame"] = False
        if seen:
            options["images"] = [part.pixels for part in seen]
            options["images_kwargs"] = images
        if self.architecture == "qwen3_vl":  # see `Qwen`: the marks around a whole clip
            text = text.replace("<|vision_start|><|video_pad|><|vision_end|>", "<|video_pad|>")
        return dict(self.processor(text=[text + said], return_tensors="pt", **options))

    def greedy(self, prompt: Prompt, tokens: int) -> tuple[list[int], list[torch.Tensor]]:
        """Tokens that ``generate`` says, and the logarithm of each's distribution."""
        inputs = self.inputs(prompt)
        out = self.model.generate(
            **inputs,
            max_new_tokens=tokens,
            do_sample=False,
            temperature=None,
            top_p=None,
            top_k=None,
            return_dict_in_generate=True,
            output_logits=True,
        )
        said = out.sequences[0, inputs["input_ids"].shape[1] :].tolist()
        return said, [row[0].float().log_softmax(-1) for row in out.logits]

    def forward(self, prompt: Prompt, said: str = "", **images: object) -> object:
        """One pass over prompt and answer."""
        with torch.inference_mode():
            return self.model(**self.inputs(prompt, said, **images), output_hidden_states=True)

    def rating(self, prompt: Prompt, answer: str) -> float:
        """Logarithm of the probability of an answer, from one pass over both."""
        alone = self.inputs(prompt)["input_ids"][0].tolist()
        both = self.inputs(prompt, answer)["input_ids"][0].tolist()
        kept = 0
        while kept < len(alone) and alone[kept] == both[kept]:
            kept += 1
        logprobs = self.forward(prompt, answer).logits[0].float().log_softmax(-1)
        return sum(float(logprobs[i - 1, both[i]]) for i in range(kept, len(both)))


@functools.cache
def library(architecture: str) -> Library:
    """The library's own use of a tiny model, one for all tests."""
    return Library(architecture)
