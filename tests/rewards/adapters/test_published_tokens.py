"""Published prompts, token for token: what the model reads is what the authors' code feeds it.

The authors' way of filling in each prompt is spelled out here, and goes through the model's own
processor; the layout's question goes through the back end's renderer.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from tests.rewards.vlm import tiny_models

from kibble.rewards.adapters import grm, lrm, vlac
from kibble.rewards.adapters.generative import Layout
from kibble.rewards.adapters.pictures import frame_pictures
from kibble.rewards.adapters.published_prompt import prompt_text
from kibble.rewards.types import Episode, Frames, Task
from kibble.rewards.vlm.local.loading import Opened, open_weights
from kibble.rewards.vlm.local.rendering import Renderer
from kibble.rewards.vlm.questions import Failure, Question

TASK = "put the red cube on the green pad"
VIEWS = ("front", "left_wrist", "right_wrist")


@functools.cache
def opened(folder: Path) -> Opened:
    return open_weights(
        folder, dtype=torch.float32, device=torch.device("cpu"), trust_remote_code=False
    )


def noise(seed: int, views: tuple[str, ...] = ("front",)) -> Frames:
    rng = np.random.default_rng(seed)
    return {view: rng.integers(0, 256, (1, 120, 160, 3), np.uint8) for view in views}


def asked(layout: Layout, task: Task, start: Frames, newest: Frames) -> list[Question]:
    episode = Episode(task=task)
    layout.begin(episode, frame_pictures(start))
    questions = layout.questions(episode, frame_pictures(newest))
    assert not isinstance(questions, Failure)
    return list(questions)


def rendered(folder: Path, question: Question) -> list[int]:
    model = opened(folder)
    return Renderer(model.processor, model.family).render(question.prompt).ids.tolist()


def image(frames: Frames, view: str = "front") -> Image.Image:
    return Image.fromarray(frames[view][0])


def fed(folder: Path, text: str, images: list[Image.Image], **processing: object) -> list[int]:
    """Token ids of Qwen's processor for a user's text with ``<image>`` in it."""
    processor = opened(folder).processor
    content: list[dict[str, object]] = []
    pieces = text.split("<image>")
    for i, piece in enumerate(pieces):
        if piece.strip():
            content.append({"type": "text", "text": piece})
        if i < len(pieces) - 1:
            content.append({"type": "image"})
    chat = processor.apply_chat_template(
        [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
    )
    return processor(text=[chat], images=images, return_tensors="pt", **processing)["input_ids"][
        0
    ].tolist()


def test_grm_reads_what_its_authors_feed_it() -> None:
    folder = tiny_models.qwen2_5_vl()
    start, end, now = noise(0, VIEWS), noise(1, VIEWS), noise(2, VIEWS)
    layout = grm.GrmLayout(grm.Options(reading="backward"))
    (question,) = asked(layout, Task(instruction=TASK, goal_frames=end), start, now)
    order = [
        image(start),
        image(end),
        *(image(end, view) for view in VIEWS),
        *(image(now, view) for view in VIEWS),
    ]
    text = prompt_text("grm").format(task=TASK)  # as the authors fill it in
    bounds = {"size": {"shortest_edge": 12_544, "longest_edge": 76_800}}
    assert rendered(folder, question) == fed(folder, text, order, images_kwargs=bounds)


@pytest.mark.parametrize(
    ("mode", "goal", "name"),
    [
        ("contrastive", False, "lrm_contrastive"),
        ("progress", False, "lrm_progress_initial"),
        ("progress", True, "lrm_progress_goal_initial"),
        ("completion", False, "lrm_completion"),
    ],
)
def test_lrm_reads_what_its_authors_feed_it(mode: str, goal: bool, name: str) -> None:
    folder = tiny_models.qwen3_vl()
    start, end, now = noise(0), noise(1), noise(2)
    task = Task(instruction=TASK, goal_frames=end if goal else None)
    (question,) = asked(lrm.LrmLayout(lrm.Options(mode=mode)), task, start, now)
    shown = {
        "lrm_contrastive": [start, now],
        "lrm_progress_initial": [start, now],
        "lrm_progress_goal_initial": [end, start, now],
        "lrm_completion": [now],
    }[name]
    text = prompt_text(name).replace("{task}", TASK)
    assert rendered(folder, question) == fed(folder, text, [image(frames) for frames in shown])


def test_vlac_reads_what_ms_swift_makes_of_its_prompt() -> None:
    """The template of ms-swift: ``<img>``, placeholders, ``</img>`` and a line break for each.

    The tiny model cuts 448 pixels into nine tiles of 56 and adds the whole, four tokens each.
    """
    folder = tiny_models.internvl()
    tokenizer = opened(folder).processor.tokenizer
    steps = [noise(seed)["front"] for seed in range(3)]
    task = Task(instruction=TASK, demonstration={"front": np.concatenate(steps)})
    layout = vlac.VlacLayout(vlac.Options(references=3))
    pair, done = asked(layout, task, noise(3), noise(4))
    context = f"<trajectory> <task> {TASK} </task>: 0% <image>\n 50% <image>\n 100% <image>\n"
    prompts = {
        "pair": f"{context}</trajectory>{prompt_text('vlac_pair_in_context')}",
        "done": prompt_text("vlac_done"),
    }
    for name, question in (("pair", pair), ("done", done)):
        user = prompts[name].replace("{task}", TASK)
        user = user.replace("<image>", f"<img>{'<IMG_CONTEXT>' * 40}</img>\n")
        chat = (
            f"<|im_start|>system\n{prompt_text('vlac_system')}<|im_end|>\n"
            f"<|im_start|>user\n{user}<|im_end|>\n<|im_start|>assistant\n"
        )
        assert rendered(folder, question) == tokenizer(chat)["input_ids"]


def test_a_picture_of_vlac_is_one_tile_of_internvl() -> None:
    published = transformers.GotOcr2ImageProcessor(size={"height": 448, "width": 448})
    assert published.get_number_of_image_patches(*vlac.SIZE, {"crop_to_patches": True}) == 1
    assert published.get_number_of_image_patches(480, 640, {"crop_to_patches": True}) > 1
