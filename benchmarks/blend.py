"""A learned blend against plain and potential shaping, with an honest and an adversarial reward.

    python benchmarks/blend.py --seeds 3 --steps 32768
    python benchmarks/blend.py --side 11 --out blend_large_room

PPO walks in a room from the quarter that is far from the goal; reaching the goal pays 1 and ends
the episode. The honest auxiliary reward is Phi = -distance to the goal (scaled to at most 1), the
adversarial one is the same with the opposite sign. Arms: the primary reward alone; Phi(s') paid on
every step in full; the same with its weight learned; potential-based shaping by Phi. After
training the agent's mode is followed from each of the starts. Writes
``benchmarks/results/blend.json``.
"""

from __future__ import annotations

import argparse
import statistics
from typing import Any

import numpy as np
import torch
from environment import write_results
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv

from kibble.agents.blend.config import BlendConfig
from kibble.agents.blend.learner import BlendLearner
from kibble.agents.progress_bar import bar
from kibble.agents.rollout_buffer import PotentialRolloutBuffer
from kibble.agents.scoring.source import Listener, Scored
from kibble.rewards.blended_rule import BlendedRule
from kibble.rewards.rule import RewardRule, ShapingRule, total
from kibble.rewards.shaped_step import ShapedStep
from kibble.rewards.signals import Signals

LIMIT, ENVS, STEPS, GAMMA = 50, 16, 128, 0.95
MOVES = np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
MODES = {"sparse": "none", "absolute": "absolute", "blend": "absolute", "potential": "potential"}
READINGS = ("honest", "adversarial")


class Room(VecEnv):
    """ENVS square rooms at once, which are their own source of signals."""

    def __init__(self, rule: RewardRule, *, side: int, honest: bool, seed: int) -> None:
        space = spaces.Box(0.0, 1.0, (2 * side,), np.float32)
        super().__init__(ENVS, space, spaces.Discrete(4))
        self.rule, self.side, self.honest = rule, side, honest
        self.scoring = self
        self.listeners: list[Listener] = []
        self.newest, self.paid = -1, np.zeros(ENVS)
        self.followed, self.exact = False, False
        self.ended: list[tuple[int, bool]] = []  # steps, and whether the goal was reached
        self._rng = np.random.default_rng(seed)
        self._cells = self._starts(ENVS)
        self._age = np.zeros(ENVS, np.int64)
        self._first = self._progress()
        self._actions = np.zeros(ENVS, np.int64)

    def settle(self) -> None:
        """Do nothing: every step is scored at once."""

    def forget_before(self, number: int) -> None:
        """Do nothing: there are no frames."""

    def reset(self) -> NDArray[np.float32]:
        """Begin all episodes."""
        self._cells, self._age = self._starts(ENVS), np.zeros(ENVS, np.int64)
        self._first = self._progress()
        return observed(self._cells, self.side)

    def step_async(self, actions: NDArray[np.int64]) -> None:
        """Take note of the actions."""
        self._actions = actions

    def step_wait(self) -> tuple[NDArray[np.float32], NDArray[np.float32], Any, Any]:
        """Move, pay by the rule, begin anew where an episode ended."""
        before = self._progress()
        self._cells = moved(self._cells, self._actions, self.side)
        self._age += 1
        after, terminated = self._progress(), (self._cells == self.side - 1).all(axis=1)
        truncated = ~terminated & (self._age >= LIMIT)
        signals = self._signals(before, after, terminated, truncated)
        terms = self.rule(signals)
        self.newest += 1
        step = ShapedStep(terms=terms, signals=signals, status=np.zeros(ENVS, np.int8))
        for listener in self.listeners:
            listener(Scored(number=self.newest, step=step, versions=("",) * ENVS))
        self.paid = total(terms)
        ended = terminated | truncated
        infos: list[dict[str, Any]] = [{} for _ in range(ENVS)]
        for slot in np.flatnonzero(ended).tolist():
            infos[slot]["terminal_observation"] = observed(
                self._cells[slot : slot + 1], self.side
            )[0]
            infos[slot]["TimeLimit.truncated"] = bool(truncated[slot])
            self.ended.append(((self.newest + 1) * ENVS, bool(terminated[slot])))
        self._cells = np.where(ended[:, None], self._starts(ENVS), self._cells)
        self._age[ended] = 0
        self._first = np.where(ended, self._progress(), self._first)
        return observed(self._cells, self.side), self.paid.astype(np.float32), ended, infos

    def close(self) -> None:
        """Nothing to close."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Return the attribute once for each member."""
        return [getattr(self, attr_name)] * ENVS

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Refuse: members have no attributes of their own."""
        raise NotImplementedError

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kw: Any) -> Any:
        """Refuse: members have no methods of their own."""
        raise NotImplementedError

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """Return that no member is wrapped."""
        return [False] * ENVS

    def _starts(self, count: int) -> NDArray[np.int64]:
        return self._rng.integers(0, self.side // 2 + 1, (count, 2))

    def _progress(self) -> NDArray[np.float64]:
        return np.asarray(self._cells.sum(axis=1) / (2.0 * (self.side - 1)))

    def _potential(self, progress: NDArray[np.float64]) -> NDArray[np.float64]:
        return progress - 1.0 if self.honest else 1.0 - progress

    def _signals(
        self,
        before: NDArray[np.float64],
        after: NDArray[np.float64],
        terminated: NDArray[np.bool_],
        truncated: NDArray[np.bool_],
    ) -> Signals:
        plain = Signals.sparse(terminated.astype(np.float64), terminated, truncated)
        known = {
            "phi": self._potential(before),
            "next_phi": self._potential(after),
            "progress": before,
            "next_progress": after,
            "start_progress": self._first,
            "recent": after[:, None],
            "queried": np.ones(ENVS, np.bool_),
        }
        return Signals(**{**plain.columns(), **known})


class Log(BaseCallback):
    """Weight of the auxiliary term after each rollout."""

    def __init__(self, learner: BlendLearner | None) -> None:
        super().__init__()
        self.learner = learner
        self.weights: list[float] = []

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        if self.learner is not None:
            self.weights.append(round(self.learner.weights.get("shaping", 1.0), 4))


def observed(cells: NDArray[np.int64], side: int) -> NDArray[np.float32]:
    """One-hot row and column, (N, 2) to (N, 2 * side)."""
    return np.eye(side, dtype=np.float32)[cells].reshape(len(cells), -1)


def moved(cells: NDArray[np.int64], actions: NDArray[np.int64], side: int) -> NDArray[np.int64]:
    """Move each cell by its action; walls hold."""
    return np.clip(cells + MOVES[actions], 0, side - 1)


def success_rate(agent: PPO, side: int) -> float:
    """Share of the starts from which the agent's mode reaches the goal in time."""
    rows, columns = np.indices((side // 2 + 1, side // 2 + 1))
    cells = np.stack([rows.ravel(), columns.ravel()], axis=1)
    reached = np.zeros(len(cells), np.bool_)
    for _ in range(LIMIT):
        actions, _ = agent.predict(observed(cells, side), deterministic=True)
        cells = np.where(reached[:, None], cells, moved(cells, actions, side))
        reached |= (cells == side - 1).all(axis=1)
    return float(reached.mean())


def by_tenth(ended: list[tuple[int, bool]], steps: int) -> list[float]:
    """Share of episodes that reached the goal, of those that ended in each tenth of the budget."""
    tenths = np.array([min(9, (at - 1) * 10 // steps) for at, _ in ended])
    reached = np.array([ok for _, ok in ended], np.float64)
    return [
        round(float(reached[tenths == tenth].mean()), 3) if (tenths == tenth).any() else 0.0
        for tenth in range(10)
    ]


def steps_to_success(ended: list[tuple[int, bool]], *, share: float, last: int = 50) -> int | None:
    """Steps until that share of the last episodes reached the goal; None if never."""
    for i in range(last, len(ended) + 1):
        if sum(ok for _, ok in ended[i - last : i]) >= share * last:
            return ended[i - 1][0]
    return None


def train(
    arm: str, *, side: int, honest: bool, seed: int, steps: int, blend: BlendConfig
) -> dict[str, Any]:
    """Train one agent; return its success, its learning curve and its weights."""
    rule: RewardRule = ShapingRule(gamma=GAMMA, mode=MODES[arm])
    learner = BlendLearner(blend) if arm == "blend" else None
    if learner is not None:
        rule = BlendedRule(rule, initial=blend.initial)
    room = Room(rule, side=side, honest=honest, seed=seed)
    agent = PPO(
        "MlpPolicy",
        room,
        learning_rate=3e-4,
        n_steps=STEPS,
        batch_size=128,
        n_epochs=4,
        gamma=GAMMA,
        ent_coef=0.03,
        rollout_buffer_class=PotentialRolloutBuffer,
        policy_kwargs={"net_arch": [64, 64]},
        seed=seed,
        device="cpu",
    )
    agent.rollout_buffer.follow(room)
    log = Log(learner)
    agent.learn(steps, callback=[log] if learner is None else [learner, log])
    return {
        "success": success_rate(agent, side),
        "steps_to_90": steps_to_success(room.ended, share=0.9),
        "training_success_by_tenth": by_tenth(room.ended, steps),
        "weights": log.weights,
    }


def main() -> None:
    """Train every arm with every reading and seed, and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--side", type=int, default=7, help="cells along each wall")
    parser.add_argument("--steps", type=int, default=32_768)
    parser.add_argument("--rate", type=float, default=BlendConfig().rate)
    parser.add_argument("--arms", nargs="*", default=["absolute", "blend", "potential"])
    parser.add_argument("--out", default="blend")
    options = parser.parse_args()
    torch.set_num_threads(1)
    table: dict[str, object] = {}
    jobs = [("none", "sparse")]
    jobs += [(reading, arm) for reading in READINGS for arm in options.arms]
    blend = BlendConfig(learn=True, rate=options.rate)
    with bar(False, "training") as show:
        for place, (reading, arm) in enumerate(jobs):
            runs = []
            for seed in range(options.seeds):
                run = train(
                    arm,
                    side=options.side,
                    honest=reading == "honest",
                    seed=seed,
                    steps=options.steps,
                    blend=blend,
                )
                runs.append(run)
                show(place * options.seeds + seed + 1, len(jobs) * options.seeds)
            rates = [run["success"] for run in runs]
            row = {
                "success": rates,
                "mean_success": round(statistics.mean(rates), 3),
                "steps_to_90": [run["steps_to_90"] for run in runs],
                "training_success_by_tenth": np.mean(
                    [run["training_success_by_tenth"] for run in runs], axis=0
                )
                .round(3)
                .tolist(),
                "final_weights": [run["weights"][-1] for run in runs if run["weights"]],
                "weights_by_rollout": [run["weights"] for run in runs if run["weights"]],
            }
            table[f"{reading}/{arm}"] = row
            print(reading, arm, row["success"], row["steps_to_90"], row["final_weights"])
    write_results(options.out, {"settings": vars(options), "table": table})


if __name__ == "__main__":
    main()
