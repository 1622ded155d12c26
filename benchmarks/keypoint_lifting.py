"""How far from a keypoint its pixels are lifted to: by depth, by two views, by a known plane.

python benchmarks/keypoint_lifting.py [scenes=8]

The simulator's keypoints of every task are projected into front and side (96 x 96), moved by
noise, and lifted: in the plain look with the cameras' true matrices, so that only the lifting and
the noise count; in training and held-out looks, whose cameras stand elsewhere in every episode,
with the shipped calibration, which is then a little off. Points count where they can be seen in
front, and for two views in side as well. Depth places grippers by their fingers, and other points
by what is seen there, be they surfaces or not. Distances in mm: medians over the scenes of three
groups of seeds, 95 % bootstrap intervals, and 90th percentiles. The plane is at the true height.
"""

from __future__ import annotations

import sys

import gymnasium
import numpy as np
from environment import write_results

from kibble.envs.registration import ENVIRONMENTS
from kibble.envs.tabletop import Appearance
from kibble.envs.tabletop.affordances import in_sight
from kibble.rewards.cameras.calibrated_views import read_cameras
from kibble.rewards.cameras.depth_frames import depth_view, unpack_depth
from kibble.rewards.cameras.depth_lifting import lift_by_depth
from kibble.rewards.cameras.plane_lifting import lift_by_plane
from kibble.rewards.cameras.triangulation import triangulate
from kibble.rewards.keypoints.gripper_lifting import lift_gripper
from kibble.rewards.keypoints.roles import ROLES

VIEWS = ("front", "side")
NOISES = (0.0, 1.0, 2.0)  # pixels, standard deviation along each axis
SEEDS = (0, 1000, 2000)
LOOKS = {"plain": None, "training": Appearance.training(), "heldout": Appearance.heldout()}


def scene(env, cameras, rng, noise):
    """Lift one scene with cameras that are believed: method to (R,) mm, NaN where none counts."""
    truth = env.affordances()
    shown = env.frames([depth_view(view) for view in VIEWS])
    depth = {view: unpack_depth(shown[depth_view(view)])[0] for view in VIEWS}
    eyes = {view: env.camera(view) for view in VIEWS}
    front, side = (in_sight(eyes[view], depth[view], truth) for view in VIEWS)
    pixels = [
        eyes[view].project(truth.positions) + rng.normal(0, noise, (len(ROLES), 2))
        for view in VIEWS
    ]
    believed = [(cameras or eyes)[view] for view in VIEWS]
    heights = truth.positions[:, 2]
    lifted = {
        "depth": (lift_by_depth(believed[0], pixels[0], depth["front"]), front),
        "views": (triangulate(believed, np.stack(pixels)), front & side),
        "plane": (lift_by_plane(believed[0], pixels[0], offset=heights), front),
    }
    lifted["depth"][0].positions[0] = lift_gripper(
        believed[0], pixels[0][:1], depth["front"][None]
    )[0]
    away = {
        method: np.where(
            counts, np.linalg.norm(found.positions - truth.positions, axis=-1), np.nan
        )
        for method, (found, counts) in lifted.items()
    }
    return {method: 1000 * distance for method, distance in away.items()}


def summary(values, rng):
    """Median, its interval and the 90th percentile of mm, and how many points were lifted."""
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    draws = np.median(rng.choice(values, (1000, len(values))), axis=1)
    low, high = np.percentile(draws, [2.5, 97.5])
    return {
        "median": round(float(np.median(values)), 2),
        "interval": [round(float(low), 2), round(float(high), 2)],
        "90 %": round(float(np.percentile(values, 90)), 2),
        "points": len(values),
    }


def main() -> None:
    scenes = int(dict(word.split("=") for word in sys.argv[1:]).get("scenes", 8))
    shipped = read_cameras("tabletop", dict.fromkeys(VIEWS, (96, 96)))
    rng = np.random.default_rng(0)
    figures = {}
    for look, appearance in LOOKS.items():
        cameras = shipped if appearance else None  # which are exact in the plain look
        collected = {noise: [] for noise in NOISES}
        for env_id in sorted(ENVIRONMENTS):
            env = gymnasium.make(env_id, appearance=appearance).unwrapped
            for first in SEEDS:
                for seed in range(first, first + scenes):
                    env.reset(seed=seed)
                    env.action_space.seed(seed)
                    for _ in range(seed % 12):  # the hand somewhere else
                        env.step(env.action_space.sample())
                    for noise in NOISES:
                        collected[noise].append(scene(env, cameras, rng, noise))
            env.close()
        figures[look] = {
            f"{noise:g} px": {
                method: {
                    role.value: summary(np.array([each[method][row] for each in rows]), rng)
                    for row, role in enumerate(ROLES)
                }
                for method in rows[0]
            }
            for noise, rows in collected.items()
        }
    print(write_results("keypoint_lifting", {"scenes_per_task": 3 * scenes, "mm": figures}))


if __name__ == "__main__":
    main()
