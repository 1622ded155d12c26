"""False alarms of the hacking monitor: scripted experts and random agents read by grm-tiny.

    python benchmarks/monitor.py             # some minutes on one core

Nobody farms a reward here, so every finding in an expert's episode is a false alarm; a random
agent shows how much of an untrained one's behaviour looks like hacking. Episodes of one task
follow one another in one environment, as in training; shaping is potential-based, gamma 0.9.
"""

from __future__ import annotations

import argparse
from collections import Counter

import gymnasium as gym
import numpy as np
from environment import write_results

import kibble.envs
from kibble.agents.pretrain.recording import task_id
from kibble.envs.tabletop import make_expert
from kibble.envs.tabletop.tasks import TASKS
from kibble.rewards import Potential, RewardModel, Shaper, Task
from kibble.rewards.loading import load
from kibble.rewards.monitor import HackingMonitor

GAMMA = 0.9


def play(model: RewardModel, task: str, *, expert: bool, episodes: int) -> dict[str, object]:
    """Play episodes of one task and return what was found, and the measures behind it."""
    env = gym.make(task_id(task), render_mode="rgb_array")
    shaper = Shaper(Potential(model, shift=-1.0), slots=1, gamma=GAMMA)
    monitor = HackingMonitor(1, gamma=GAMMA)
    found: Counter[str] = Counter()
    rows = []
    for episode in range(episodes):
        _, info = env.reset(seed=7000 + episode)
        env.action_space.seed(episode)
        acts = make_expert(env, rng=np.random.default_rng(episode))
        shaper.begin({0: (Task(instruction=info["instruction"]), env.unwrapped.frames())})
        over = False
        while not over:
            action = acts() if expert else env.action_space.sample()
            _, reward, terminated, truncated, info = env.step(action)
            over = terminated or truncated
            step = shaper.step(
                np.array([reward]),
                np.array([terminated]),
                np.array([truncated]),
                {0: env.unwrapped.frames()},
            )
            for finding in monitor.watch(shaper.potential, step):
                found[f"{finding.detector} {finding.severity.value}"] += 1
        rows.append(monitor.episodes[-1])
    env.close()
    return {
        "task": task,
        "agent": "expert" if expert else "random",
        "episodes": episodes,
        "succeeded": sum(bool(row.succeeded) for row in rows),
        "findings": dict(found),
        "most_falls": max(row.falls for row in rows),
        "most_still": max(row.still for row in rows),
        "largest_disagreement": float(np.nanmax([row.disagreement for row in rows] + [0.0])),
        "largest_unearned": float(max(abs(row.unearned) for row in rows)),
    }


def main() -> None:
    """Measure and write one row for each task, agent and reading."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--episodes", type=int, default=10)
    parser.add_argument("--tasks", default=",".join(TASKS))
    given = parser.parse_args()
    kibble.envs.register()
    rows = []
    for reading in ("absolute", "mean"):
        model = load("grm_tiny", reading=reading)
        for task in given.tasks.split(","):
            for expert in (True, False) if reading == "absolute" else (True,):
                row = play(model, task, expert=expert, episodes=given.episodes)
                rows.append({**row, "reading": reading})
                print(rows[-1], flush=True)
    write_results("monitor", {"gamma": GAMMA, "rows": rows})


if __name__ == "__main__":
    main()
