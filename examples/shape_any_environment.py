"""Shape the reward of environments that this project did not write.

Run it with ``python examples/shape_any_environment.py``. The first task renders one view; the
second is seen by two cameras. `grm_tiny` was trained on tabletop scenes, so what it says of these
pictures means little: adapt it, or load a model that knows them, and the code stays the same.
"""

from __future__ import annotations

import gymnasium

import kibble.rewards
from kibble.envs import MujocoFrames, ShapedReward

GAMMA = 0.99  # the discount factor of the agent that will learn from these rewards


def pole() -> gymnasium.Env:
    """Classic control: whatever `render()` shows is the view `front`."""
    return gymnasium.make("CartPole-v1", render_mode="rgb_array", max_episode_steps=30)


def walker() -> gymnasium.Env:
    """A Gymnasium MuJoCo task: cameras of its model become views."""
    env = gymnasium.make("Walker2d-v5", max_episode_steps=30)
    return MujocoFrames(env, cameras={"front": "track", "wrist": None})


def main() -> None:
    model = kibble.rewards.load("grm_tiny")
    for env, instruction in [
        (pole(), "balance the pole upright"),
        (walker(), "walk to the right"),
    ]:
        env = ShapedReward(env, model, gamma=GAMMA, query_every=2, instruction=instruction)
        env.action_space.seed(0)
        _, info = env.reset(seed=0)
        print(f"{instruction!r}: progress {info['model_progress']:.2f} at the start")
        total = task = shaping = 0.0
        terminated = truncated = False
        while not (terminated or truncated):
            _, reward, terminated, truncated, info = env.step(env.action_space.sample())
            total += float(reward)
            task += info["reward_terms"]["task"]
            shaping += info["reward_terms"]["shaping"]
        print(f"  return {total:+.2f} = task {task:+.2f} + shaping {shaping:+.2f}")
        env.close()


if __name__ == "__main__":
    main()
