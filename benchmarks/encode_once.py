"""Steps per second of generative rewards that encode every frame once, against encoding all anew.

    python benchmarks/encode_once.py                        # both parts, a few minutes on one core
    python benchmarks/encode_once.py --part topreward --frames 64
    python benchmarks/encode_once.py --device cuda --narrower 1 --shallower 1 --dtype bfloat16

Parts: ``grm`` (eight pictures a question; the incremental reading, and the mean of three) and
``topreward`` (likelihood of a claim about a growing video: one more frame at 64 and 256 frames,
and the 15 prefixes of a whole video that its authors score). Weights are random; the widths,
depths and vocabulary are those of Qwen2.5-VL-3B (grm) and Qwen3-VL-4B (topreward), divided by
``--narrower`` and ``--shallower``.

Three kinds answer the same questions: ``stock`` is transformers' processor and ``generate``, one
question at a time, nothing kept; ``no_cache`` is our back end with ``cache_mb=0``; ``encode_once``
our back end. Kinds take turns at every step, so that they share what else the machine does; on a
CPU the time is the processor's. Answers are greedy and compared. The parts that run replace theirs
in ``benchmarks/results/encode_once.json``.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import final

import numpy as np
import torch
from environment import RESULTS, write_results
from numpy.typing import NDArray
from stock_vlm import StockBackend

sys.path.insert(0, str(Path(__file__).parents[1]))
import tests.conftest  # noqa: F401  makes torchvision importable beside a CPU torch
from tests.rewards.vlm.tiny_models import write_qwen2_5_vl, write_qwen3_vl

from kibble.rewards.adapters.generative import GenerativeReward
from kibble.rewards.adapters.grm import GrmLayout
from kibble.rewards.adapters.grm import Options as GrmOptions
from kibble.rewards.adapters.published_prompt import prompt_text
from kibble.rewards.adapters.topreward import CLAIM, TOPReward
from kibble.rewards.adapters.topreward import Options as TopOptions
from kibble.rewards.types import Episode, Status, Task
from kibble.rewards.vlm.backend import Backend, BackendSpec
from kibble.rewards.vlm.local.backend import LocalBackend, open_local
from kibble.rewards.vlm.opening import BackendOptions
from kibble.rewards.vlm.prompt import Picture
from kibble.rewards.vlm.questions import Answer, Question, Ratings, Reply

PARTS = ("grm", "topreward")
CAMERAS = ("front", "left_wrist", "right_wrist")
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
KINDS = ("stock", "no_cache", "encode_once")


def moving_frames(count: int, height: int, width: int, seed: int) -> NDArray[np.uint8]:
    """Coloured waves that drift: (count, height, width, 3) uint8, no two frames equal."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / max(height, width)
    waves = rng.normal(0.0, 8.0, (3, 2)), rng.uniform(0.0, 2.0 * np.pi, 3)
    t = np.arange(count)[:, None, None, None] * 0.3
    phase = y[..., None] * waves[0][:, 0] + x[..., None] * waves[0][:, 1] + waves[1]
    return (127.5 + 127.5 * np.sin(phase[None] * 2.0 * np.pi + t)).astype(np.uint8)


def write_grm(directory: Path, narrower: int, shallower: int) -> Path:
    """Qwen2.5-VL-3B; every width and the vocabulary divided, and the depths."""
    depth = 32 // shallower
    return write_qwen2_5_vl(
        directory,
        lines=[prompt_text("grm")],
        text={
            "vocab_size": 151_936 // narrower,
            "hidden_size": 2048 // narrower,
            "intermediate_size": 11_008 // narrower,
            "num_hidden_layers": 36 // shallower,
            "num_attention_heads": 16 // narrower,
            "num_key_value_heads": max(1, 2 // narrower),
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 1_000_000.0,
                "mrope_section": [16, 24, 24],
            },
        },
        vision={
            "hidden_size": 1280 // narrower,
            "intermediate_size": 3420 // narrower,
            "depth": depth,
            "num_heads": 16 // narrower,
            "window_size": 112,
            "fullatt_block_indexes": list(range(7, depth, 8)) or [depth - 1],
        },
    )


def write_topreward(directory: Path, narrower: int, shallower: int) -> Path:
    """Qwen3-VL-4B; every width and the vocabulary divided, and the depths."""
    depth = 24 // shallower
    return write_qwen3_vl(
        directory,
        lines=[CLAIM],
        text={
            "vocab_size": 151_936 // narrower,
            "hidden_size": 2560 // narrower,
            "intermediate_size": 9728 // narrower,
            "num_hidden_layers": 36 // shallower,
            "num_attention_heads": 32 // narrower,
            "num_key_value_heads": 8 // narrower,
            "head_dim": 128,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 5_000_000.0,
                "mrope_interleaved": True,
                "mrope_section": [24, 20, 20],
            },
        },
        vision={
            "hidden_size": 1024 // narrower,
            "intermediate_size": 4096 // narrower,
            "depth": depth,
            "num_heads": 16 // narrower,
            "num_position_embeddings": 2304,
            "deepstack_visual_indexes": [depth // 4, depth // 2, depth - 1],
        },
    )


def open_kind(kind: str, weights: Path, arguments: argparse.Namespace) -> Backend:
    """Open one of the kinds with nothing cached."""
    device = torch.device(arguments.device)
    if kind == "stock":
        return StockBackend(weights, DTYPES[arguments.dtype], device)
    cache_mb = 0 if kind == "no_cache" else arguments.cache_mb
    options = BackendOptions(dtype=arguments.dtype, cache_mb=cache_mb)
    return open_local(str(weights), options, device=device)


def seconds(device: str) -> float:
    """Now: by the clock after the last kernel on a GPU, by this process's time on a CPU."""
    if device == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def encoded(backend: Backend) -> int | None:
    """Pictures, or pairs of a clip's frames, encoded so far."""
    return backend._sights.encoded if isinstance(backend, LocalBackend) else None


@final
class Recorded:
    """A back end that keeps what it said."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.said: list[Reply] = []

    @property
    def spec(self) -> BackendSpec:
        return self.backend.spec

    def answer(self, questions: Sequence[Question]) -> list[Answer]:
        answers = self.backend.answer(questions)
        self.said += [answer for answer in answers if isinstance(answer, Reply)]
        return answers


def compared(replies: Sequence[Reply], expected: Sequence[Reply]) -> dict[str, object]:
    """Whether texts are equal, and how far the likelihoods of their tokens are apart."""
    pairs = list(zip(replies, expected, strict=True))
    return {
        "texts_equal": all(reply.text == other.text for reply, other in pairs),
        "largest_difference_of_log_probability": max(
            abs(token.logprob - same.logprob)
            for reply, other in pairs
            for token, same in zip(reply.tokens, other.tokens, strict=False)
        ),
    }


def grm(arguments: argparse.Namespace, folder: Path) -> dict[str, object]:
    """Steps per second of the eight-picture layout, after one step that fills the caches."""
    weights = write_grm(folder / "grm", arguments.narrower, arguments.shallower)
    device, count = arguments.device, arguments.steps + 2
    frames = {view: moving_frames(count, 240, 320, seed) for seed, view in enumerate(CAMERAS)}
    goal = {view: moving_frames(1, 240, 320, 10 + seed) for seed, view in enumerate(CAMERAS)}
    task = Task(instruction="put the red cube onto the green pad", goal_frames=goal)
    found: dict[str, object] = {"steps": arguments.steps}
    for reading in ("incremental", "mean"):
        layout = GrmLayout(GrmOptions(reading=reading, constrain=True))
        backends = {kind: Recorded(open_kind(kind, weights, arguments)) for kind in KINDS}
        models = {kind: GenerativeReward(layout, backends[kind]) for kind in KINDS}
        start = {view: shown[:1] for view, shown in frames.items()}
        episodes = {kind: model.begin(task, start) for kind, model in models.items()}
        times: dict[str, list[float]] = {kind: [] for kind in KINDS}
        before = {}
        for i in range(1, count):
            if i == 2:
                before = {kind: encoded(own.backend) for kind, own in backends.items()}
            newest = {view: shown[i : i + 1] for view, shown in frames.items()}
            for kind, model in models.items():
                begin = seconds(device)
                estimate = model.estimate([episodes[kind]], newest)
                times[kind].append(seconds(device) - begin)
                assert estimate.status[0] == Status.OK, Status(estimate.status[0])
            print(f"grm {reading} {i}:", {kind: round(own[-1], 2) for kind, own in times.items()})
        found[reading] = {
            **_table({kind: own[1:] for kind, own in times.items()}),
            "pictures_encoded_per_step": {
                kind: (encoded(own.backend) - before[kind]) / arguments.steps
                for kind, own in backends.items()
                if isinstance(own.backend, LocalBackend)
            }
            | {"stock": 8 * (1 if reading == "incremental" else 3)},
            "distinct_texts": len({reply.text for reply in backends["stock"].said}),
        } | {
            f"{kind}_against_stock": compared(own.said, backends["stock"].said)
            for kind, own in backends.items()
            if kind != "stock"
        }
    return found


def growing_questions(count: int) -> list[Question]:
    """What TOPReward asks after each of ``count`` frames."""
    layout = TOPReward(TopOptions(max_frames=count))
    episode = Episode(task=Task(instruction="put the red cube onto the green pad"))
    frames = [Picture(frame) for frame in moving_frames(count, 240, 320, 0)]
    layout.begin(episode, {"front": frames[0]})
    questions = []
    for frame in frames:
        questions += layout.questions(episode, {"front": frame})
        episode.steps += 1
    assert len(questions) == count
    return questions


def topreward(arguments: argparse.Namespace, folder: Path) -> dict[str, object]:
    """Seconds of one more frame at the end of a video, and of 15 prefixes of it."""
    weights = write_topreward(folder / "topreward", arguments.narrower, arguments.shallower)
    device = arguments.device
    found: dict[str, object] = {}
    for count in arguments.frames:
        questions = growing_questions(count)
        said: dict[str, list[NDArray[np.float64]]] = {kind: [] for kind in KINDS}

        def ask(kind: str, backend: Backend, question: Question) -> float:
            begin = seconds(device)
            answer = backend.answer([question])[0]
            taken = seconds(device) - begin
            assert isinstance(answer, Ratings), answer
            said[kind].append(answer.logprobs)  # noqa: B023 (called in this round alone)
            return taken

        backends = {kind: open_kind(kind, weights, arguments) for kind in KINDS}
        for question in questions[: -arguments.newest]:
            backends["encode_once"].answer([question])
        online: dict[str, list[float]] = {kind: [] for kind in KINDS}
        for question in questions[-arguments.newest :]:
            for kind, backend in backends.items():
                online[kind].append(ask(kind, backend, question))
            print(f"topreward {count}:", {k: round(own[-1], 2) for k, own in online.items()})
        away = np.abs(np.array(said["encode_once"]) - np.array(said["stock"])).max()
        cached = ("no_cache", "encode_once")
        backends = {kind: open_kind(kind, weights, arguments) for kind in cached}
        offline: dict[str, list[float]] = {kind: [] for kind in cached}
        for end in np.linspace(count / 15, count, 15).round().astype(int):
            for kind, backend in backends.items():
                offline[kind].append(ask(kind, backend, questions[end - 1]))
        totals = {kind: [sum(own)] for kind, own in offline.items()}
        print(f"topreward {count}, 15 prefixes:", totals)
        without = np.array(said["no_cache"]), np.array(said["encode_once"])
        found[f"{count} frames"] = {
            "one_more_frame": _table(online),
            "fifteen_prefixes": _table(totals),
            "largest_difference_to_stock": float(away),
            "largest_difference_to_no_cache": float(np.abs(without[0] - without[1]).max()),
            "range_of_log_probability": [float(without[0].min()), float(without[0].max())],
        }
    return found


def _table(times: dict[str, list[float]]) -> dict[str, object]:
    """Median seconds, and how many times faster than others; ratios within each turn."""
    table: dict[str, object] = {
        "seconds": {kind: round(float(np.median(own)), 3) for kind, own in times.items()}
    }
    for other in set(times) - {"encode_once"}:
        ratios = np.array(times[other]) / np.array(times["encode_once"])
        table[f"faster_than_{other}"] = round(float(np.median(ratios)), 2)
        table[f"each_faster_than_{other}"] = [round(float(ratio), 2) for ratio in ratios]
    return table


def main() -> None:
    """Measure and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=("all", *PARTS), default="all")
    parser.add_argument("--steps", type=int, default=6, help="of an episode of grm")
    parser.add_argument("--frames", type=int, nargs="+", default=[64, 256], help="topreward")
    parser.add_argument("--newest", type=int, default=2, help="frames timed at the end")
    parser.add_argument("--narrower", type=int, default=8, help="widths are divided by it")
    parser.add_argument("--shallower", type=int, default=8, help="depths are divided by it")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--dtype", choices=sorted(DTYPES), default="float32")
    parser.add_argument("--cache-mb", type=int, default=4096)
    parser.add_argument("--note", default="", help="what else the machine did")
    arguments = parser.parse_args()
    path = RESULTS / "encode_once.json"
    figures = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    figures.pop("environment", None)
    with tempfile.TemporaryDirectory() as folder:
        for part in PARTS:
            if arguments.part in ("all", part):
                measured = {"grm": grm, "topreward": topreward}[part](arguments, Path(folder))
                settings = {
                    "narrower": arguments.narrower,
                    "shallower": arguments.shallower,
                    "device": arguments.device,
                    "dtype": arguments.dtype,
                    "threads": torch.get_num_threads(),
                    "note": arguments.note,
                }
                figures[part] = settings | measured
                print(f"written to {write_results('encode_once', figures)}")


if __name__ == "__main__":
    main()
