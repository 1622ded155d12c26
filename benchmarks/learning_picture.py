"""Draw what ``learning.py`` measured: success while training, rollout by rollout, and after it.

python benchmarks/learning_picture.py benchmarks/results/learning.json docs/images/rollouts.png
python benchmarks/learning_picture.py benchmarks/results/keypoint_learning.json \\
    docs/images/keypoint_rollouts.png
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from kibble.agents.benchmark.pictures.style import GREY, INK, new_figure, save, tidy

METHODS = {
    "keypoints": ("keypoints", "#d1495b"),
    "keypoints_and_grm": ("keypoints and grm_tiny", "#3a7d44"),
    "full": ("grm_tiny, adapted to the demonstration", "#1b6ca8"),
    "sparse": ("sparse", "#9aa5b1"),
    "oracle": ("the simulator's own progress", "#c2a878"),
}
TITLES = {
    "push": "Push",
    "pick_place": "PickPlace",
    "drawer_open": "DrawerOpen",
    "stack": "Stack",
    "peg_insert": "PegInsert",
}


def main() -> None:
    """Read the JSON and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("picture", type=Path)
    options = parser.parse_args()
    runs = json.loads(options.results.read_text())["runs"]
    tasks = [task for task in TITLES if any(run["task"] == task for run in runs)]
    figure = new_figure(3.1 * len(tasks) + 0.4, 3.4)
    panels = figure.subplots(1, len(tasks), sharey=True, squeeze=False)[0]
    for task, axes in zip(tasks, panels, strict=True):
        tidy(axes)
        axes.set_title(TITLES[task], fontsize=10, color=INK)
        for place, (method, (label, colour)) in enumerate(METHODS.items()):
            chosen = [r for r in runs if r["task"] == task and r["method"] == method]
            if not chosen:
                continue
            curves = 100.0 * np.array([run["curve"] for run in chosen])  # (S, B) %
            middles = 25.0 * np.arange(curves.shape[1]) + 12.5
            axes.plot(middles, curves.mean(axis=0), color=colour, label=label, linewidth=2)
            axes.fill_between(
                middles, curves.min(axis=0), curves.max(axis=0), color=colour, alpha=0.15
            )
            after = 100.0 * np.array([run["success_rate"] for run in chosen])
            at = 25.0 * curves.shape[1] + 8.0 + 7.0 * place
            axes.vlines(at, after.min(), after.max(), color=colour, linewidth=2)
            axes.plot([at], [after.mean()], "o", color=colour, markersize=6)
        axes.axvline(25.0 * curves.shape[1], color=GREY, linewidth=0.6)
        axes.set_xticks(np.arange(0, 25 * curves.shape[1] + 1, 25))
        axes.set_xlabel("rollouts", fontsize=9)
        axes.set_ylim(0, 102)
    panels[0].set_ylabel("success, %", fontsize=9)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=9
    )
    figure.suptitle(
        "One demonstration: success while training (lines), and in 100 episodes after it (dots); "
        "bands and bars from the worst to the best seed",
        fontsize=9,
        color=INK,
    )
    save(figure, options.picture)


if __name__ == "__main__":
    main()
