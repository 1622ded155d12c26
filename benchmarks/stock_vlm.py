"""A vision-language model asked as its model card says: every picture of every question anew.

The processor prepares the whole question, ``generate`` or one forward pass answers it, and nothing
is kept. The yardstick of ``encode_once.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import final

import numpy as np
import torch
import transformers

from kibble.rewards.vlm.backend import BackendSpec
from kibble.rewards.vlm.local.token_trie import TokenTrie
from kibble.rewards.vlm.prompt import Clip, Picture, Prompt
from kibble.rewards.vlm.questions import Answer, Question, Rate, Ratings, Reply, Say, Token

__all__ = ["StockBackend"]


@final
class StockBackend:
    """Qwen-VL by its own processor and ``generate``, one question at a time.

    Args:
        directory: Directory of the weights.
        dtype: What it computes in.
        device: Where.
    """

    def __init__(
        self,
        directory: Path,
        dtype: torch.dtype = torch.float32,
        device: torch.device = torch.device("cpu"),  # noqa: B008 (a constant)
    ) -> None:
        self._processor = transformers.AutoProcessor.from_pretrained(directory)
        model = transformers.AutoModelForImageTextToText.from_pretrained(directory, dtype=dtype)
        self._model = model.to(device).eval()
        self._tokenizer = self._processor.tokenizer
        self.spec = BackendSpec(name="stock", version="stock", device=str(device))

    def answer(self, questions: Sequence[Question]) -> list[Answer]:
        """Answer one after the other; greedy, :class:`Say` and :class:`Rate` alone."""
        with torch.inference_mode():
            return [self._answer(question) for question in questions]

    def _answer(self, question: Question) -> Answer:
        if isinstance(question, Say):
            return self._say(question)
        assert isinstance(question, Rate)
        return self._rate(question)

    def _say(self, question: Say) -> Reply:
        inputs = self._inputs(question.prompt)
        begin = inputs["input_ids"].shape[1]
        end = self._tokenizer.convert_tokens_to_ids("<|im_end|>")
        trie = TokenTrie(
            tuple(self._tokenizer(choice)["input_ids"]) for choice in question.choices or ()
        )

        def allowed(_: int, ids: torch.Tensor) -> list[int]:
            node = trie
            for token in ids[begin:].tolist():
                node = node.after(token)
            return [*node.allowed(), *([end] if node.ends else [])]

        said = self._model.generate(
            **inputs,
            max_new_tokens=question.max_tokens,
            do_sample=False,
            temperature=None,
            top_p=None,
            top_k=None,
            prefix_allowed_tokens_fn=allowed if question.choices else None,
            output_logits=True,
            return_dict_in_generate=True,
        )
        new = said.sequences[0, begin:].tolist()
        tokens = [
            Token(
                text=self._tokenizer.decode([token]),
                logprob=float(logits[0].float().log_softmax(0)[token]),
            )
            for token, logits in zip(new, said.logits, strict=True)
        ]
        text = self._tokenizer.decode(new, skip_special_tokens=True)
        return Reply(text=text, tokens=tuple(tokens), finished=new[-1] == end)

    def _rate(self, question: Rate) -> Ratings:
        found = []
        for answer in question.answers:
            inputs = self._inputs(question.prompt, answer)
            own = len(self._tokenizer(answer)["input_ids"])
            logits = self._model(**inputs).logits[0, -own - 1 : -1].float().log_softmax(-1)
            ids = inputs["input_ids"][0, -own:]
            found.append(float(logits.gather(1, ids[:, None]).sum()))
        return Ratings(logprobs=np.array(found))

    def _inputs(self, prompt: Prompt, answer: str = "") -> transformers.BatchFeature:
        text = self._text(prompt) + answer
        parts = [part for turn in prompt.turns for part in turn.parts]
        pictures = [part.pixels for part in parts if isinstance(part, Picture)]
        clips = [part for part in parts if isinstance(part, Clip)]
        options: dict[str, object] = {}
        if pictures:
            options["images"] = pictures
        if prompt.pixels:
            least, most = prompt.pixels
            size = {"shortest_edge": least, "longest_edge": most}
            options["images_kwargs"] = {"size": size}
        if clips:
            options["videos"] = [np.stack([f.pixels for f in clip.frames]) for clip in clips]
            options["videos_kwargs"] = {
                "do_sample_frames": False,
                "video_metadata": [
                    {
                        "total_num_frames": len(clip.frames),
                        "fps": clip.fps,
                        "frames_indices": list(range(len(clip.frames))),
                    }
                    for clip in clips
                ],
            }
        return self._processor(text=[text], return_tensors="pt", **options).to(
            self._model.device, dtype=self._model.dtype
        )

    def _text(self, prompt: Prompt) -> str:
        kinds = {Picture: "image", Clip: "video"}
        messages = [
            {
                "role": turn.role,
                "content": [
                    {"type": "text", "text": part}
                    if isinstance(part, str)
                    else {"type": kinds[type(part)]}
                    for part in turn.parts
                ],
            }
            for turn in prompt.turns
        ]
        text: str = self._processor.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=not prompt.open_ended
        )
        if prompt.open_ended:
            text = text.removesuffix("<|im_end|>\n")
        # See kibble.rewards.vlm.local.qwen: one pair of marks too many around a whole clip.
        if self._model.config.model_type == "qwen3_vl":
            text = text.replace("<|vision_start|><|video_pad|><|vision_end|>", "<|video_pad|>")
        return text
