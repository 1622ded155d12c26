"""What servers of OpenAI's protocol understand beyond it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["PLAIN", "SGLANG", "VLLM", "Dialect", "dialect_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One kind of server.

    Args:
        name: For people.
        continues: Which last turn it goes on with: any, the assistant's alone, or none: it then
            begins a new answer whatever the last turn is.
        constrains: Field by which it keeps an answer to fixed strings; "" if it has none.
        rates_prompts: Whether it gives the log-probabilities of a prompt's own tokens
            (``prompt_logprobs``), which rates answers of several tokens exactly.
        takes_clips: Whether it takes a clip as a sequence of frames with their rate
            (``video/jpeg``); otherwise clips are shown as pictures in order.
        gives_logprobs: Whether it gives the log-probabilities of what it says; found by asking.
        bounds_pixels: Whether it lets the model's own processor resize pictures to bounds of
            pixels (``mm_processor_kwargs``); otherwise they are resized before they are sent, and
            the processor's rounding to whole patches may add or take a row.
        fields: What is added to every request: no penalty and no cut of the distribution that the
            weights' own settings might ask for.
    """

    name: str
    continues: Literal["any", "assistant", "none"] = "none"
    constrains: Literal["structured_outputs", "regex", ""] = ""
    rates_prompts: bool = False
    takes_clips: bool = False
    gives_logprobs: bool = True
    bounds_pixels: bool = False
    fields: Mapping[str, object] = field(default_factory=dict)


VLLM = Dialect(
    name="vLLM",
    continues="any",
    constrains="structured_outputs",
    rates_prompts=True,
    takes_clips=True,
    bounds_pixels=True,
    fields={"repetition_penalty": 1.0, "top_k": -1, "min_p": 0.0},
)
"""vLLM that knows ``structured_outputs``; see its ChatCompletionRequest and VideoMediaIO."""

SGLANG = Dialect(
    name="SGLang",
    continues="assistant",
    constrains="regex",
    fields={"repetition_penalty": 1.0, "top_k": -1, "min_p": 0.0},
)
"""SGLang; see its ChatCompletionRequest."""

PLAIN = Dialect(name="OpenAI")
"""Any other: the protocol's own fields, for some servers refuse all others."""


def dialect_of(owner: object) -> Dialect:
    """Return the dialect of a server by what ``/v1/models`` says in ``owned_by``.

    >>> dialect_of("vllm").name, dialect_of("somebody").name
    ('vLLM', 'OpenAI')
    """
    return {"vllm": VLLM, "sglang": SGLANG}.get(str(owner).lower(), PLAIN)
