"""Stages found without labels against the oracle's stages, task by task.

    python benchmarks/stages.py

Eight demonstrations of each task by the noisy expert, cut off at the first success that lasts.
Boundaries match within three frames. ``found``: the command's own setting on the policy embedding;
``known_count``: the same features, told how many stages there are; ``hand``: the path of the hand;
``even``: boundaries evenly spread, which short demonstrations are kind to.
"""

from __future__ import annotations

import json

import gymnasium as gym
import numpy as np
from environment import write_results

import kibble.envs
from kibble.agents.pretrain.recording import task_id
from kibble.envs.tabletop import make_expert
from kibble.envs.tabletop.tasks import TASKS
from kibble.rewards.frames import concatenate_frames
from kibble.rewards.loading import load
from kibble.rewards.stages import boundary_score, segment, settled_from

EPISODES = 8


def play(env: gym.Env, seed: int) -> dict[str, object]:
    env.reset(seed=seed)
    table, expert = env.unwrapped, make_expert(env, rng=np.random.default_rng(seed))
    frames, stages, successes, hand, ended = [], [], [], [], False
    while True:
        reading = table.oracle()
        frames.append(table.frames())
        stages.append(reading.stage)
        successes.append(reading.success)
        hand.append(table.world.pinch)
        if ended:
            break
        _, _, terminated, truncated, _ = env.step(expert())
        ended = terminated or truncated
    lost = np.flatnonzero(~np.asarray(successes))
    return {
        "frames": concatenate_frames(frames),
        "stages": np.asarray(stages),
        "hand": np.asarray(hand),
        "settled": int(lost[-1]) + 1 if len(lost) else 0,
    }


def main(weights: str = "grm_tiny") -> None:
    kibble.envs.register()
    model = load(weights)
    table = {}
    for task in TASKS:
        env = gym.make(task_id(task), render_mode="rgb_array")
        rows = []
        for episode in range(EPISODES):
            played = play(env, 5000 + episode)
            embedding = model.embed(played["frames"])
            end = min(played["settled"] + 1, len(embedding))
            seen, hand = embedding[:end], played["hand"][:end]
            true = (np.flatnonzero(np.diff(played["stages"][:end]) > 0) + 1).tolist()
            count = min(len(true) + 1, max(1, len(seen) // 2))
            cuts = {
                "found": segment(seen, most=4, shortest=3, unexplained=0.1)[1:],
                "known_count": segment(seen, stages=count)[1:],
                "hand": segment(hand, stages=count)[1:],
                "even": [round(end * (i + 1) / (len(true) + 1)) for i in range(len(true))],
            }
            row = {"true_stages": len(true) + 1, "found_stages": len(cuts["found"]) + 1}
            for name, found in cuts.items():
                precision, recall, f1 = boundary_score(found, true)
                row |= {f"{name}_f1": f1}
                if name == "found":
                    row |= {"found_precision": precision, "found_recall": recall}
            row["settled_late"] = settled_from(embedding, share=0.25) - played["settled"]
            rows.append(row)
        env.close()
        table[task] = {name: round(float(np.mean([r[name] for r in rows])), 3) for name in rows[0]}
        print(task, json.dumps(table[task]), flush=True)
    print(write_results("stages", {"weights": weights, "episodes": EPISODES, "tasks": table}))


if __name__ == "__main__":
    main()
