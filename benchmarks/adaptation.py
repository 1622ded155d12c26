"""How well one demonstration teaches a task that was never trained on, and what it costs.

    python benchmarks/adaptation.py                          # grm_tiny, five demonstrations
    python benchmarks/adaptation.py weights=runs/mine demonstrations=2 mirror=true
    python benchmarks/adaptation.py wordings=true scenes=424242 seeds=2000 name=clean

Each demonstration of DrawerClose, by the scripted expert in a scene of its own, adapts the weights
in a process of its own, which gives seconds and peak memory; with ``wordings=true`` it is told in
all six wordings of the task. ``scenes`` seeds the held-out clips, ``seeds`` the demonstrations,
``name`` ends the name of the file of results; other words are settings of ``kibble adapt``. The
adapted weights are then read on held-out clips of DrawerClose and of every task that the weights
were trained on.

Figures: tau-a of final progress against the graded outcome and the oracle's final progress, area
under the ROC curve and calibration error of success by frame, mean absolute error of progress.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from environment import write_results

TASK = "drawer_close"
KINDS = {
    "success": 12,
    "partial": 12,
    "regress": 12,
    "near_miss": 6,
    "wrong_object": 8,
    "random": 8,
}
SMALL_IS_GOOD = ("success_ece", "mae")
OLD_KINDS = {"success": 4, "mixed": 4, "wrong_object": 2}


def wordings(sentence: str) -> list[str]:
    """Return every sentence that asks for the same drawer."""
    from kibble.envs.tabletop.palette import PALETTE
    from kibble.envs.tabletop.tasks import make_task

    (colour,) = set(sentence.split()) & set(PALETTE)
    task = make_task(TASK)
    return list(task.phrasings(task.goals[0], dict.fromkeys(task.slots, colour)))


def adapt_once(
    weights: str, out: str, seed: int, every_wording: bool, options: dict[str, object]
) -> dict[str, object]:
    """Record a demonstration and adapt to it; runs in a fresh process."""
    from kibble.agents.adapt.config import AdaptConfig
    from kibble.agents.adapt.run import adapt
    from kibble.agents.config import TaskConfig
    from kibble.agents.demonstrations.config import DemosConfig
    from kibble.agents.demonstrations.recorder import record_demonstrations

    demo = Path(out) / "demo"
    record_demonstrations(
        DemosConfig(
            task=TaskConfig(name=TASK, id="kibble/DrawerClose-v0"),
            episodes=1,
            seed=seed,
            out=str(demo),
        )
    )
    from kibble.agents.demonstrations.files import Demonstrations

    told = Demonstrations(demo)[0].instruction
    if every_wording:
        options = {**options, "also": [text for text in wordings(told) if text != told]}
    began, worked = time.perf_counter(), time.process_time()
    adapt(
        AdaptConfig(
            reward=weights, demo=[str(demo)], out=str(Path(out) / "model"), quiet=True, **options
        )
    )
    return {
        "seconds": round(time.perf_counter() - began, 1),
        "processor_seconds": round(time.process_time() - worked, 1),
        "peak_gigabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 3),
    }


def heldout(task: str, kinds: dict[str, int], seed: int) -> list[object]:
    from kibble.agents.pretrain.heldout_recording import heldout_clips

    return list(heldout_clips(task, per_kind=kinds, steps=48, stride=2, seed=seed))


def read(model: object, clips: list[object], goals: str, phrasing: int) -> dict[str, float]:
    from kibble.rewards.causal import read_causally
    from kibble.rewards.metrics.progress import rubric_grade
    from kibble.rewards.metrics.ranking import compare_pairs
    from kibble.rewards.metrics.success import expected_calibration_error, roc_auc
    from kibble.rewards.types import Task

    asked = [
        (clip, goal)
        for clip in clips
        for goal in ([clip.goal] if goals == "own" else range(len(clip.phrasings)))
    ]
    videos = [(Task(instruction=c.phrasings[g][phrasing]), c.frames) for c, g in asked]
    estimates = read_causally(model, videos)
    progress = [c.progress[:, g] for c, g in asked]
    success = np.concatenate([c.success[:, g] for c, g in asked])
    told = np.concatenate([e.success for e in estimates])
    final = [float(e.progress[-1]) for e in estimates]
    truth = np.array([p[-1] for p in progress])
    grades = rubric_grade(truth, np.array([c.success[-1, g] for c, g in asked]))
    return {
        "tau_a": compare_pairs(grades, final).kendall_tau_a,
        "tau_a_progress": compare_pairs(np.round(truth, 2), final).kendall_tau_a,
        "success_auc": roc_auc(success, told),
        "success_ece": expected_calibration_error(success, told),
        "mae": float(
            np.mean(
                [np.abs(e.progress - p).mean() for e, p in zip(estimates, progress, strict=True)]
            )
        ),
    }


def phrasing_of(instruction: str, clips: list[object]) -> int:
    """Number of the phrasing that a sentence has, whatever its colours."""
    from kibble.rewards.grm.analogy import Pattern

    patterns = [Pattern.of(text) for text in clips[0].phrasings[0]]
    return patterns.index(Pattern.of(instruction))


def judge(
    weights: str, new: list[object], old: dict[str, list[object]], phrasing: int
) -> dict[str, object]:
    from kibble.rewards.loading import load

    model = load(weights)
    rows = {task: read(model, clips, "all", 0) for task, clips in old.items()}
    return {
        TASK: read(model, new, "own", phrasing),
        f"{TASK}_other_words": read(model, new, "own", (phrasing + 1) % 6),
        "old": {
            name: float(np.mean([row[name] for row in rows.values()]))
            for name in ("success_auc", "mae", "tau_a")
        },
        "old_worst_auc": min(row["success_auc"] for row in rows.values()),
    }


def main(
    weights: str = "grm_tiny",
    *,
    demonstrations: int = 5,
    wordings: bool = False,
    scenes: int = 987_654,
    seeds: int = 1000,
    name: str = "",
    **options: object,
) -> None:
    from kibble.agents.pretrain.config import TASKS

    new = heldout(TASK, KINDS, scenes)
    old = {task: heldout(task, OLD_KINDS, scenes) for task in TASKS}
    before = judge(weights, new, old, 0)
    print(json.dumps({"before": before}, indent=1), flush=True)
    runs = []
    context = multiprocessing.get_context("spawn")
    for number in range(demonstrations):
        with tempfile.TemporaryDirectory() as out, context.Pool(1) as pool:
            cost = pool.apply(adapt_once, (weights, out, seeds + number, wordings, options))
            report = json.loads((Path(out) / "model" / "adaptation.json").read_text())
            instruction = report["demonstrations"][0]["sentences"][0]
            row = {
                "instruction": instruction,
                "cost": cost,
                "report": {k: report[k] for k in ("analogy", "gap", "drift", "scale", "bias")},
                **judge(str(Path(out) / "model"), new, old, phrasing_of(instruction, new)),
            }
        runs.append(row)
        print(json.dumps(row), flush=True)
    after = {name: float(np.mean([run[TASK][name] for run in runs])) for name in runs[0][TASK]}
    worst = {
        name: float((np.max if name in SMALL_IS_GOOD else np.min)([r[TASK][name] for r in runs]))
        for name in runs[0][TASK]
    }
    loss = [before["old"]["success_auc"] - run["old"]["success_auc"] for run in runs]
    figures = {
        "weights": weights,
        "options": {**options, "wordings": wordings, "scenes": scenes, "seeds": seeds},
        "clips": {TASK: KINDS, "old": OLD_KINDS},
        "before": before,
        "runs": runs,
        "after_mean": after,
        "after_worst": worst,
        "old_auc_loss_worst": float(np.max(loss)),
    }
    path = write_results("_".join(filter(None, ["adaptation", Path(weights).name, name])), figures)
    print(json.dumps({"mean": after, "worst": worst, "old_auc_loss": max(loss)}, indent=1))
    print(path)


if __name__ == "__main__":
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    typed = {
        key: json.loads(value) if key not in ("weights", "name") else value
        for key, value in given.items()
    }
    main(**typed)
