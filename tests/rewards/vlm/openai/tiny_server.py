"""A server of OpenAI's protocol for tests: tiny models, asked token by token, nothing cached.

Run as ``python -m tests.rewards.vlm.openai.tiny_server NAME=OWNER=DIRECTORY …``; it prints the
port that it listens on. With the owner ``vllm`` a model knows what vLLM adds to the protocol and
Kibble uses, by the same names and meanings; with any other what the protocol has not is refused.
"""

from __future__ import annotations

import base64
import io
import socket
import sys

import numpy as np
import PIL.Image
import tests.conftest  # noqa: F401  # makes torchvision importable
import torch
import transformers
import uvicorn
from fastapi import FastAPI, HTTPException

PROTOCOL = {"model", "messages", "max_tokens", "temperature", "top_p", "seed", "logprobs"}
PROTOCOL |= {"top_logprobs"}
VLLM = {"repetition_penalty", "top_k", "min_p", "continue_final_message", "add_generation_prompt"}
VLLM |= {"structured_outputs", "prompt_logprobs", "return_token_ids", "media_io_kwargs"}
VLLM |= {"mm_processor_kwargs"}


class TinyModel:
    def __init__(self, directory: str) -> None:
        self.processor = transformers.AutoProcessor.from_pretrained(directory)
        self.model = transformers.AutoModelForImageTextToText.from_pretrained(directory).eval()
        self.tokenizer = self.processor.tokenizer
        self.end = self.tokenizer.convert_tokens_to_ids("<|im_end|>")

    def inputs(self, body: dict) -> dict[str, torch.Tensor]:
        messages, clips = [], []
        rate = body.get("media_io_kwargs", {}).get("video", {})
        for message in body["messages"]:
            content = message["content"]
            if isinstance(content, str):
                content = [{"type": "text", "text": content}]
            parts = []
            for part in content:
                if part["type"] == "image_url":
                    header, _, data = part["image_url"]["url"].partition(",")
                    assert header == "data:image/png;base64"
                    parts.append({"type": "image", "image": _image(data)})
                elif part["type"] == "video_url":
                    header, _, data = part["video_url"]["url"].partition(",")
                    assert header == "data:video/jpeg;base64"
                    assert rate["num_frames"] == -1
                    frames = np.stack([np.asarray(_image(one)) for one in data.split(",")])
                    parts.append({"type": "video", "video": frames})
                    clips.append(
                        {
                            "fps": rate["fps"],
                            "total_num_frames": len(frames),
                            "frames_indices": list(range(len(frames))),
                        }
                    )
                else:
                    parts.append(part)
            messages.append({"role": message["role"], "content": parts})
        text = self.processor.apply_chat_template(
            messages,
            tokenize=False,
            add_generation_prompt=body.get("add_generation_prompt", True),
            continue_final_message=body.get("continue_final_message", False),
        )
        parts = [part for message in messages for part in message["content"]]
        media: dict[str, object] = {}
        if images := [part["image"] for part in parts if part["type"] == "image"]:
            media |= {"images": images, **body.get("mm_processor_kwargs", {})}
        if videos := [part["video"] for part in parts if part["type"] == "video"]:
            media |= {"videos": videos, "video_metadata": clips, "do_sample_frames": False}
        return dict(self.processor(text=[text], return_tensors="pt", **media))

    @torch.no_grad()
    def logprobs(self, inputs: dict[str, torch.Tensor], said: list[int]) -> torch.Tensor:
        """Log-probabilities at all places of the prompt and of what was said, (T, V)."""
        shape = inputs["input_ids"].shape
        longer = dict(inputs)
        tail = torch.tensor([said], dtype=torch.long)
        for name, value in inputs.items():
            if value.shape == shape:
                fill = {"input_ids": tail, "attention_mask": torch.ones_like(tail)}
                longer[name] = torch.cat([value, fill.get(name, torch.zeros_like(tail))], 1)
        return torch.log_softmax(self.model(**longer).logits[0].double(), -1)

    def answer(self, body: dict) -> dict:
        inputs = self.inputs(body)
        prompt = inputs["input_ids"][0].tolist()
        choices = body.get("structured_outputs", {}).get("choice")
        ways = [[*self.tokenizer.encode(one), self.end] for one in choices or ()]
        generator = torch.Generator().manual_seed(body.get("seed", 0))
        said: list[int] = []
        content = []
        while len(said) < body["max_tokens"]:
            logprobs = self.logprobs(inputs, said)[-1]
            allowed = torch.zeros_like(logprobs)
            if ways:
                allowed -= torch.inf
                allowed[[way[len(said)] for way in ways if way[: len(said)] == said]] = 0.0
            if body["temperature"] == 0:
                token = int((logprobs + allowed).argmax())
            else:
                weights = torch.softmax((logprobs + allowed) / body["temperature"], -1)
                token = int(torch.multinomial(weights, 1, generator=generator))
            said.append(token)
            likeliest = logprobs.topk(body.get("top_logprobs", 0)).indices.tolist()
            content.append(
                self._told(token, logprobs)
                | {"top_logprobs": [self._told(other, logprobs) for other in likeliest]}
            )
            if token == self.end:
                break
        ended = said[-1] == self.end
        choice = {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": self.tokenizer.decode(said, skip_special_tokens=True),
            },
            "finish_reason": "stop" if ended else "length",
            "logprobs": {"content": content} if body.get("logprobs") else None,
        }
        whole: dict[str, object] = {"id": "1", "object": "chat.completion", "choices": [choice]}
        if body.get("return_token_ids"):
            whole["prompt_token_ids"] = prompt
        if body.get("prompt_logprobs") is not None:
            logprobs = self.logprobs(inputs, [])
            whole["prompt_logprobs"] = [None] + [
                {
                    str(token): {
                        "logprob": float(logprobs[place, token]),
                        "decoded_token": self.tokenizer.decode([token]),
                    }
                }
                for place, token in enumerate(prompt[1:])
            ]
        return whole

    def _told(self, token: int, logprobs: torch.Tensor) -> dict:
        return {"token": self.tokenizer.decode([token]), "logprob": float(logprobs[token])}


def _image(data: str) -> PIL.Image.Image:
    return PIL.Image.open(io.BytesIO(base64.b64decode(data, validate=True))).convert("RGB")


def application(served: dict[str, tuple[str, str]]) -> FastAPI:
    torch.set_num_threads(1)
    models = {directory: TinyModel(directory) for _, directory in served.values()}
    app = FastAPI()

    @app.get("/v1/models")
    async def listed() -> dict:
        entries = [
            {"id": name, "object": "model", "owned_by": owner, "root": directory}
            for name, (owner, directory) in served.items()
        ]
        return {"object": "list", "data": entries}

    @app.post("/v1/chat/completions")
    async def complete(body: dict) -> dict:
        if body["model"] not in served:
            raise HTTPException(404, f"The model {body['model']!r} does not exist.")
        owner, directory = served[body["model"]]
        if unknown := set(body) - PROTOCOL - (VLLM if owner == "vllm" else set()):
            raise HTTPException(422, f"Unexpected fields: {unknown}")
        return models[directory].answer(body)

    return app


if __name__ == "__main__":
    named = [argument.split("=", 2) for argument in sys.argv[1:]]
    app = application({name: (owner, directory) for name, owner, directory in named})
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
