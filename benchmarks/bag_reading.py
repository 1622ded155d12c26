"""Bags of two 640x480 cameras: how fast they are read, and that memory does not grow with length.

    python benchmarks/bag_reading.py                     # 5 and 20 seconds at 30 Hz, both storages
    python benchmarks/bag_reading.py --seconds 10 60

Each bag is read by a process of its own as `kibble score` reads it (synchronised, decoded, thinned
to 60 moments at most). Memory is the process's largest resident size above that before the bag
was opened; modules that are imported on the way are in it.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from environment import write_results

from kibble.agents.footage.bag import read_bag
from kibble.rewards.ros.bags.bag_writer import BagWriter
from kibble.rewards.ros.compressed_images import encode_compressed
from kibble.rewards.ros.dds.message_building import build
from kibble.rewards.ros.dds.message_types import message_types
from kibble.rewards.ros.images import COMPRESSED_IMAGE, IMAGE, encode

RATE = 30
SHAPE = (480, 640, 3)
VIEWS = ("front", "side")
KEPT = 60


def write(path: Path, *, seconds: int, jpeg: bool) -> None:
    """Write a bag of smooth pictures with some noise, as cameras make them."""
    rng = np.random.default_rng(0)
    base = np.add.outer(np.arange(SHAPE[0]), np.arange(SHAPE[1]))[..., None] // np.array([5, 6, 8])
    pictures = [
        np.clip(base + rng.integers(-4, 5, SHAPE), 0, 255).astype(np.uint8) for _ in range(8)
    ]
    types = message_types()
    kind = COMPRESSED_IMAGE if jpeg else IMAGE
    ending = "/compressed" if jpeg else ""
    with BagWriter(path) as writer:
        topics = [writer.add(f"/camera/{view}/image_raw{ending}", kind) for view in VIEWS]
        for number in range(seconds * RATE):
            stamp = 10**9 + number * 10**9 // RATE
            for topic in topics:
                picture = pictures[number % len(pictures)]
                made = encode_compressed if jpeg else encode
                raw = types.encode(build(types, kind, made(picture, stamp=stamp)), kind)
                writer.write(topic, stamp, raw)


def read(path: Path) -> dict[str, float]:
    """Read a bag, and return seconds, moments and how far memory grew in MB."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    footage = read_bag(path, 0, max_frames=KEPT)
    seconds = time.perf_counter() - start
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3
    return {"seconds": seconds, "kept": len(footage), "grown_mb": grown}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, nargs="+", default=[5, 20])
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.read is not None:
        print(json.dumps(read(arguments.read)))
        return
    rows = []
    for ending, jpeg in ((".mcap", False), (".db3", False), (".mcap", True)):
        for seconds in arguments.seconds:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / f"run{ending}"
                write(path, seconds=seconds, jpeg=jpeg)
                command = [sys.executable, __file__, "--read", str(path)]
                found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
                images = seconds * RATE * len(VIEWS)
                row = {
                    "storage": ending[1:],
                    "images": "jpeg" if jpeg else "raw",
                    "seconds": seconds,
                    "size_mb": round(path.stat().st_size / 1e6, 1),
                    "images_per_second": round(images / found["seconds"], 1),
                    "grown_mb": round(found["grown_mb"], 1),
                }
            rows.append(row)
            print(row, flush=True)
    write_results("bag_reading", {"rate": RATE, "views": len(VIEWS), "kept": KEPT, "rows": rows})


if __name__ == "__main__":
    main()
