"""What a CLIP reward costs: one frame at a time, batched naively, and by this package.

    python benchmarks/clip.py --frames 48 --repeats 5

Random weights of the real architecture (open_clip's ViT-B-32 by default), which cost what trained
ones do, and frames of a camera's size; one thread, frames per second of processor time, so that
what else runs on the machine counts little. All ways compute VLM-RM's reward of the same frames
for the same sentences, in turn within each repeat:

``one``       the model's own preparation and one forward pass for each frame, float32
``batched``   the same, but all frames in one forward pass
``published`` the preparation of VLM-RM's own code, whole batches as float tensors, one pass
``ours``      this package's model, float32, every frame new to it
``ours_bf16`` the same with weights in bfloat16

and, as ``kibble benchmark`` asks, the same frames under four instructions: ``batched_x4`` encodes
them for each, ``ours_x4`` and ``ours_bf16_x4`` know them again. Writes
``benchmarks/results/clip.json`` with medians, all repeats, ratios, and how far rewards in bfloat16
are from those in float32 (random weights: its size, not what it does to a task's order).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from environment import write_results
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save_file

from kibble.rewards import RewardModel, Task
from kibble.rewards.catalogue import open_model

sys.path.insert(0, str(Path(__file__).parents[1]))
import tests.conftest  # noqa: F401  makes torchvision importable beside a CPU torch

INSTRUCTIONS = ("an open drawer", "a closed drawer", "a red cube on a pad", "an empty table")
BASELINE = "a robot and a table"
ALPHA = 0.5


def write_weights(architecture: str, directory: Path) -> None:
    """Write random weights as open_clip's hub directories are."""
    import open_clip

    torch.manual_seed(0)
    model = open_clip.create_model(architecture)
    save_file(
        {key: value.contiguous() for key, value in model.state_dict().items()},
        directory / "open_clip_model.safetensors",
    )
    document = {"model_cfg": open_clip.get_model_config(architecture), "preprocess_cfg": {}}
    (directory / "open_clip_config.json").write_text(json.dumps(document))


def camera_frames(count: int, height: int, width: int) -> NDArray[np.uint8]:
    """Return (N, H, W, 3) uint8 frames with coarse shapes, all different."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    return np.stack(
        [np.asarray(Image.fromarray(frame).resize((width, height))) for frame in coarse]
    )


class Plain:
    """open_clip as its documentation uses it, with VLM-RM's formula."""

    def __init__(self, directory: Path) -> None:
        import open_clip

        name = f"local-dir:{directory}"
        self.model, self.prepare = open_clip.create_model_from_pretrained(name)
        self.model.eval()
        self.tokenize = open_clip.get_tokenizer(name)

    @torch.inference_mode()
    def one(self, frames: NDArray[np.uint8], instruction: str) -> NDArray[np.float32]:
        """Encode each frame by itself."""
        pixels = (self.prepare(Image.fromarray(frame))[None] for frame in frames)
        seen = torch.cat([self.model.encode_image(frame) for frame in pixels])
        return self._reward(seen, instruction)

    @torch.inference_mode()
    def batched(self, frames: NDArray[np.uint8], instruction: str) -> NDArray[np.float32]:
        """Encode all frames at once."""
        pixels = torch.stack([self.prepare(Image.fromarray(frame)) for frame in frames])
        return self._reward(self.model.encode_image(pixels), instruction)

    @torch.inference_mode()
    def published(self, frames: NDArray[np.uint8], instruction: str) -> NDArray[np.float32]:
        """Prepare as VLM-RM does: floats, antialiased resizing to a square, no cutting."""
        import open_clip

        pixels = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255.0
        side = self.model.visual.image_size
        pixels = torch.nn.functional.interpolate(pixels, side, mode="bicubic", antialias=True)
        mean = torch.tensor(open_clip.OPENAI_DATASET_MEAN).view(3, 1, 1)
        std = torch.tensor(open_clip.OPENAI_DATASET_STD).view(3, 1, 1)
        return self._reward(self.model.encode_image((pixels - mean) / std), instruction)

    def _reward(self, seen: torch.Tensor, instruction: str) -> NDArray[np.float32]:
        words = self.model.encode_text(self.tokenize([instruction, BASELINE]))
        (goal, baseline), x = (torch.nn.functional.normalize(v, dim=-1) for v in (words, seen))
        line = (goal - baseline)[:, None]
        projection = ALPHA * line @ line.T / line.square().sum()
        projection += (1 - ALPHA) * torch.eye(len(line))
        return (1 - ((x - goal) @ projection).square().sum(-1) / 2).numpy()


def ours(
    model: RewardModel, frames: NDArray[np.uint8], instructions: Sequence[str]
) -> NDArray[np.float64]:
    """Read all frames, each the newest of an episode of its own, under each instruction."""
    rewards = []
    for instruction in instructions:
        start = {"front": frames[:1]}
        task = Task(instruction=instruction)
        episodes = [model.begin(task, start) for _ in frames]
        rewards.append(2.0 * model.estimate(episodes, {"front": frames}).progress - 1.0)
    return np.array(rewards, np.float64)


def timed(call: Callable[[], object]) -> float:
    """Return the seconds of processor time that a call takes; others may share the machine."""
    start = time.process_time()
    call()
    return time.process_time() - start


def main() -> None:
    """Measure and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--architecture", default="ViT-B-32", help="a name of open_clip")
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--size", type=int, nargs=2, default=(240, 320), help="height and width")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    frames = camera_frames(arguments.frames, *arguments.size)
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        write_weights(arguments.architecture, directory)
        plain = Plain(directory)
        query = f"baseline={BASELINE}&alpha={ALPHA}"
        models = {
            dtype: f"clip@{directory}?dtype={dtype}&{query}" for dtype in ("float32", "bfloat16")
        }
        opened = {dtype: open_model(reference) for dtype, reference in models.items()}
        exact = plain.one(frames, INSTRUCTIONS[0])
        difference = np.abs(ours(opened["float32"], frames, INSTRUCTIONS[:1])[0] - exact).max()
        rounded = ours(opened["bfloat16"], frames, INSTRUCTIONS[:1])[0]
        found: dict[str, list[float]] = {}

        def note(name: str, call: Callable[[], object], count: int) -> None:
            rate = count / timed(call)
            found.setdefault(name, []).append(rate)
            print(f"{name:14} {rate:8.1f} frames/s", flush=True)

        one, n = INSTRUCTIONS[0], len(frames)
        for repeat in range(arguments.repeats):
            # no frame is known from the repeat before
            new = np.roll(frames, repeat + 1, axis=2) ^ np.uint8(repeat + 1)
            note("one", lambda new=new: plain.one(new, one), n)
            note("batched", lambda new=new: plain.batched(new, one), n)
            note("published", lambda new=new: plain.published(new, one), n)
            for dtype, name in (("float32", "ours"), ("bfloat16", "ours_bf16")):
                note(name, lambda new=new, d=dtype: ours(opened[d], new, [one]), n)
            note(
                "batched_x4", lambda new=new: [plain.batched(new, i) for i in INSTRUCTIONS], 4 * n
            )
            new = new ^ np.uint8(128)
            for dtype, name in (("float32", "ours_x4"), ("bfloat16", "ours_bf16_x4")):
                note(name, lambda new=new, d=dtype: ours(opened[d], new, INSTRUCTIONS), 4 * n)
    medians = {name: round(statistics.median(rates), 2) for name, rates in found.items()}
    ratios = {name: round(rate / medians["one"], 2) for name, rate in medians.items()}
    path = write_results(
        "clip",
        {
            "architecture": arguments.architecture,
            "frames": n,
            "size": list(arguments.size),
            "frames_per_second": medians,
            "times_one_at_a_time": ratios,
            "repeats": {name: [round(r, 2) for r in rates] for name, rates in found.items()},
            "largest_difference_from_open_clip": float(difference),
            "bfloat16": {
                "largest_error": float(np.abs(rounded - exact).max()),
                "spread_of_rewards": float(np.std(exact)),
                "correlation": float(np.corrcoef(rounded, exact)[0, 1]),
            },
        },
    )
    print(f"written to {path}")


if __name__ == "__main__":
    main()
