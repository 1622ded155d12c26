"""Prompts as the messages of OpenAI's protocol."""

from __future__ import annotations

from typing import TypeAlias

from kibble.rewards.errors import ModelError
from kibble.rewards.vlm.openai.dialect import Dialect
from kibble.rewards.vlm.openai.pictures import EncodedPictures
from kibble.rewards.vlm.prompt import Clip, Picture, Prompt, Turn

__all__ = ["Body", "continued", "conversation"]

Body: TypeAlias = "dict[str, object]"
"""Fields of a request."""


def conversation(prompt: Prompt, dialect: Dialect, encoded: EncodedPictures) -> Body:
    """Return the fields of a request that say what the model reads.

    Pictures go as data URLs. Clips go to vLLM as ``video_url`` with the media type
    ``video/jpeg``: all frames, none left out, with their rate; to other servers as pictures in
    order, which a model that was trained on video reads otherwise. A clip of one frame goes as two
    equal ones, since processors refuse a single one; a time stamp that the model reads is then
    half a frame later than in this process. A turn of text alone goes as one string.

    Args:
        prompt: What the model reads.
        dialect: What the server understands.
        encoded: Pictures that were encoded before.

    Raises:
        ModelError: If the server cannot go on with the last turn, or clips of one prompt have
            different rates, of which vLLM takes one for all.
    """
    rates = {part.fps for turn in prompt.turns for part in turn.parts if isinstance(part, Clip)}
    fields: Body = {}
    bounds = prompt.pixels
    if bounds is not None and dialect.bounds_pixels and not rates:
        size = {"shortest_edge": bounds[0], "longest_edge": bounds[1]}
        fields["mm_processor_kwargs"] = {"size": size}
        bounds = None  # bounds of frames of a clip mean something else to the processor
    fields["messages"] = [_message(turn, bounds, dialect, encoded) for turn in prompt.turns]
    if prompt.open_ended or prompt.turns[-1].role == "assistant":
        fields |= continued(prompt.turns[-1], dialect)
    if rates and dialect.takes_clips:
        if len(rates) > 1:
            raise ModelError(
                f"Clips of one prompt must have one rate on {dialect.name}, got "
                f"{sorted(rates)} frames per second; use backend=local."
            )
        rate = {"num_frames": -1, "fps": rates.pop(), "do_sample_frames": False}
        fields["media_io_kwargs"] = {"video": rate}
    return fields


def continued(last: Turn, dialect: Dialect) -> Body:
    """Return the fields that make the server go on with the last turn.

    Raises:
        ModelError: If it cannot.
    """
    if dialect.continues == "none" or (
        dialect.continues == "assistant" and last.role != "assistant"
    ):
        raise ModelError(
            f"This reward model needs a server that goes on with the {last.role}'s turn, got "
            f"{dialect.name}, which does not; serve the weights by vLLM, or use backend=local."
        )
    if dialect.continues == "assistant":
        return {"continue_final_message": True}
    return {"continue_final_message": True, "add_generation_prompt": False}


def _message(
    turn: Turn, pixels: tuple[int, int] | None, dialect: Dialect, encoded: EncodedPictures
) -> Body:
    parts: list[Body] = []
    for part in turn.parts:
        if isinstance(part, Picture):
            parts.append(_image(part, pixels, encoded))
        elif isinstance(part, Clip):
            parts.extend(_clip(part, pixels, dialect, encoded))
        elif parts and parts[-1]["type"] == "text":
            parts[-1] = {"type": "text", "text": f"{parts[-1]['text']}{part}"}
        else:
            parts.append({"type": "text", "text": part})
    if [part["type"] for part in parts] == ["text"]:
        return {"role": turn.role, "content": parts[0]["text"]}
    return {"role": turn.role, "content": parts}


def _image(picture: Picture, pixels: tuple[int, int] | None, encoded: EncodedPictures) -> Body:
    data = encoded.base64(picture, encoded.form, pixels)
    return {"type": "image_url", "image_url": {"url": f"data:image/{encoded.form};base64,{data}"}}


def _clip(
    clip: Clip, pixels: tuple[int, int] | None, dialect: Dialect, encoded: EncodedPictures
) -> list[Body]:
    if dialect.takes_clips:
        shown = clip.frames if len(clip.frames) > 1 else clip.frames * 2
        frames = ",".join(encoded.base64(frame, "jpeg", pixels) for frame in shown)
        return [{"type": "video_url", "video_url": {"url": f"data:video/jpeg;base64,{frames}"}}]
    return [_image(frame, pixels, encoded) for frame in clip.frames]
