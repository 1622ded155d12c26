"""Draw what ``ros_soak.py`` measured: memory and latency over time.

python benchmarks/ros_soak_picture.py benchmarks/results/ros_soak.json docs/images/ros_soak.png
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from kibble.agents.benchmark.pictures.style import GREY, INK, new_figure, save, tidy

PROCESSES = {"service": ("kibble serve", "#d1495b"), "node": ("kibble ros node", "#1b6ca8")}


def main() -> None:
    """Read the JSON and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("picture", type=Path)
    options = parser.parse_args()
    report = json.loads(options.results.read_text())
    series = report["steady"]["series"]
    minutes = np.array([point["at"] for point in series]) / 60.0
    figure = new_figure(9.0, 3.0)
    memory, latency = figure.subplots(1, 2)
    for axes in (memory, latency):
        tidy(axes)
        axes.set_xlabel("minutes", fontsize=8, color=INK)
        axes.set_xlim(0.0, minutes[-1])
    for name, (label, colour) in PROCESSES.items():
        values = np.array([point[name] for point in series])
        memory.plot(minutes, values, color=colour, linewidth=2)
        memory.text(minutes[-1], values[-1] + 8.0, label, color=colour, fontsize=8, ha="right")
    kept = [
        (point["at"] / 60.0, point["answers kept"]) for point in series if "answers kept" in point
    ]
    memory.plot(*zip(*kept, strict=True), color="#d1495b", linewidth=1, linestyle=":")
    memory.text(*kept[-1], "answers it keeps", color="#d1495b", fontsize=8, ha="right", va="top")
    memory.set_ylim(0.0, 1.25 * max(point["service"] for point in series))
    memory.set_title("resident memory, MB", fontsize=10, color=INK)
    middle = np.array([point.get("p50_ms", np.nan) for point in series])
    most = np.array([point.get("max_ms", np.nan) for point in series])
    deadline = 1e3 * report["deadline_s"]
    latency.axhline(deadline, color=GREY, linewidth=1, linestyle="--")
    latency.text(
        minutes[-1], deadline, "deadline", ha="right", va="bottom", fontsize=8, color=GREY
    )
    latency.plot(minutes, most, color="#9aa5b1", linewidth=1.5, label="maximum of 5 s")
    latency.plot(minutes, middle, color="#1b6ca8", linewidth=2, label="median of 5 s")
    latency.set_ylim(0.0, 1.12 * deadline)
    latency.set_title("image stamp to published reward, ms", fontsize=10, color=INK)
    latency.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(0.0, 0.92))
    save(figure, options.picture)


if __name__ == "__main__":
    main()
