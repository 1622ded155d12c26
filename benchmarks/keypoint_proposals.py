"""How well the embedded network proposes keypoints, in scenes that training never drew.

    python benchmarks/keypoint_proposals.py --seeds 0,1,2 --episodes 10

In start frames of every task it proposes gripper, grasp, function and target point, and is
compared with the simulator: in pixels at 96 x 96 (views front and side), in mm by depth (front;
points of a surface alone, for depth measures surfaces) and by both views; whether what it marks is
nearest to the named thing, in both views, among all that could be named; and whether it has
confidence in sentences that name what is there, and none in those that do not. Looks: plain,
training (other draws of it), held out (camera poses, colours, light, textures and distractors
beyond those of training). Cameras are taken as calibrated. Intervals are 95 %: of medians by a
bootstrap over episodes, of shares Wilson's. Writes ``benchmarks/results/keypoint_proposals.json``
and, where one is asked for, a picture of the worst proposals.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from environment import write_results
from keypoint_proposals_picture import draw_failures
from numpy.typing import NDArray

from kibble.agents.intervals import wilson
from kibble.agents.keypoint_training.asking import vain_question
from kibble.agents.pretrain.recording import make_env
from kibble.agents.progress_bar import bar
from kibble.envs.tabletop import Appearance, TabletopEnv
from kibble.envs.tabletop.affordances import in_sight
from kibble.envs.tabletop.tasks import TASKS
from kibble.rewards.cameras.depth_frames import depth_view, unpack_depth
from kibble.rewards.cameras.depth_lifting import lift_by_depth
from kibble.rewards.cameras.triangulation import triangulate
from kibble.rewards.keypoints.embedded.proposer import EmbeddedProposer
from kibble.rewards.keypoints.proposal import Proposal
from kibble.rewards.keypoints.proposer import Proposer
from kibble.rewards.keypoints.roles import ROLES, Role

VIEWS = ("front", "side")
LOOKS: dict[str, Callable[[], Appearance] | None] = {
    "plain": None,
    "training": Appearance.training,
    "heldout": Appearance.heldout,
}
_UNSEEN = 2**30  # training draws its scenes from the seeds below
_SURFACE = 0.012  # m from a rendered surface that makes a point one of it
_SAME = 0.01  # m, points nearer to each other than this are one thing's
_FUNCTION, _TARGET = ROLES.index(Role.FUNCTION), ROLES.index(Role.TARGET)


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """One proposal and what is true.

    Args:
        look: plain, training or heldout.
        task: The task.
        seed: Of the benchmark.
        sentence: What was asked for.
        frames: View to (96, 96, 3) uint8.
        truth: (V, R, 2) pixels, NaN where absent or outside of the picture.
        proposed: (V, R, 2) pixels, NaN where nothing was marked.
        visible: (V, R) whether nothing hides the point.
        depth: (R,) m, error by depth, NaN for points that are not of a surface.
        views: (R,) m, error by two views.
        right: Whether the named things are marked, and not others.
        confidence: Of the proposal.
        vain: Confidence in a sentence about what is not in view.
        vain_sentence: That sentence.
        vain_proposed: (V, R, 2) pixels that it got nevertheless.
        of_other_task: Whether that sentence is about another task's things, not another colour.
    """

    look: str
    task: str
    seed: int
    sentence: str
    frames: dict[str, NDArray[np.uint8]]
    truth: NDArray[np.float64]
    proposed: NDArray[np.float64]
    visible: NDArray[np.bool_]
    depth: NDArray[np.float64]
    views: NDArray[np.float64]
    right: bool
    confidence: float
    vain: float
    vain_sentence: str
    vain_proposed: NDArray[np.float64]
    of_other_task: bool

    @property
    def pixels(self) -> NDArray[np.float64]:
        """(V, R) error in pixels, NaN where there is none."""
        error: NDArray[np.float64] = np.linalg.norm(self.proposed - self.truth, axis=-1)
        return error


def judge(
    env: TabletopEnv, proposer: Proposer, rng: np.random.Generator, *, look: str, seed: int
) -> Judged:
    """Propose on the present scene and compare."""
    frames = env.frames(VIEWS)
    proposal = proposer.propose(env.instruction, frames)
    proposed = marked(proposal)
    told = env.affordances()
    cameras = [env.camera(view) for view in VIEWS]
    truth = np.stack([camera.project(told.positions) for camera in cameras])
    truth[
        ~np.stack([camera.inside(pixels) for camera, pixels in zip(cameras, truth, strict=True)])
    ] = np.nan
    depths = [unpack_depth(env.frames([depth_view(view)])[depth_view(view)])[0] for view in VIEWS]
    visible = np.stack([in_sight(*pair, told) for pair in zip(cameras, depths, strict=True)])
    lifted = lift_by_depth(cameras[0], proposed[0], depths[0]).positions  # (R, 3) m
    by_depth = np.linalg.norm(lifted - told.positions, axis=-1)
    on_surface = lift_by_depth(cameras[0], truth[0], depths[0]).positions - told.positions
    by_depth[~(np.linalg.norm(on_surface, axis=-1) < _SURFACE) | ~visible[0]] = np.nan
    by_views = triangulate(cameras, proposed).positions
    vain = vain_question(env, rng)
    wording = vain.phrasings[int(rng.integers(len(vain.phrasings)))]
    mistaken = proposer.propose(wording, frames)
    return Judged(
        look=look,
        task=env.task.name,
        seed=seed,
        sentence=env.instruction,
        frames={view: frames[view][0] for view in VIEWS},
        truth=truth,
        proposed=proposed,
        visible=visible,
        depth=by_depth,
        views=np.linalg.norm(by_views - told.positions, axis=-1),
        right=proposal.confidence > 0 and is_right(env, proposed),
        confidence=proposal.confidence,
        vain=mistaken.confidence,
        vain_sentence=wording,
        vain_proposed=marked(mistaken),
        of_other_task=vain.plan != env.task.name,
    )


def marked(proposal: Proposal) -> NDArray[np.float64]:
    """Return (V, R, 2) pixels of a proposal, NaN where it marks nothing."""
    pixels = np.full((len(VIEWS), len(ROLES), 2), np.nan)
    for role, keypoint in proposal.keypoints.items():
        for view, pixel in keypoint.pixels.items():
            pixels[VIEWS.index(view), ROLES.index(role)] = pixel
    return pixels


def is_right(env: TabletopEnv, proposed: NDArray[np.float64]) -> bool:
    """Tell whether all things are marked, in every view nearer to themselves than to others.

    The things are the moved one and the one that it is brought to; where a drawer's bar is to
    arrive there is none.
    """
    named = env.affordances().positions
    moved = [] if np.isnan(named[_FUNCTION, 0]) else [_FUNCTION]
    things = [*moved, _TARGET] if env.goal.target or not moved else moved
    others = np.stack([env.affordances(goal).positions for goal in env.goals])  # (G, R, 3) m
    for role in things:
        apart = np.linalg.norm(others[:, role] - named[role], axis=-1) > _SAME
        for camera, pixels in zip(map(env.camera, VIEWS), proposed, strict=True):
            if np.isnan(pixels[role, 0]):
                continue  # this view tells nothing; the other must
            own = np.linalg.norm(camera.project(named[[role]])[0] - pixels[role])
            near = np.linalg.norm(camera.project(others[apart, role]) - pixels[role], axis=-1)
            if (near <= own).any():
                return False
        if np.isnan(proposed[:, role]).all():
            return False
    return True


def run(proposer: Proposer, seeds: Sequence[int], episodes: int) -> Iterator[Judged]:
    """Judge proposals in every look, task and seed."""
    for look, appearance in LOOKS.items():
        for task in TASKS:
            env = make_env(task, None if appearance is None else appearance())
            for seed in seeds:
                rng = np.random.default_rng(seed)
                for episode in range(episodes):
                    env.reset(seed=_UNSEEN + 10_000 * seed + episode)
                    yield judge(env, proposer, rng, look=look, seed=seed)
            env.close()


def median(parts: Sequence[NDArray[np.float64]], *, scale: float = 1.0) -> dict[str, object]:
    """Median of the finite values of all parts, with a bootstrap interval over the parts."""
    known = [scale * part[np.isfinite(part)] for part in parts]
    values = np.concatenate(known)
    if not len(values):
        return {"count": 0}
    rng = np.random.default_rng(0)
    drawn = [
        np.median(np.concatenate([known[i] for i in rng.integers(len(known), size=len(known))]))
        for _ in range(300)
    ]
    low, high = np.percentile(drawn, (2.5, 97.5))
    return {
        "median": round(float(np.median(values)), 3),
        "interval": [round(float(low), 3), round(float(high), 3)],
        "p95": round(float(np.percentile(values, 95)), 3),
        "count": len(values),
    }


def share(hits: Sequence[bool]) -> dict[str, object]:
    """Share of hits with its interval."""
    if not hits:
        return {"count": 0}
    told = wilson(sum(hits), len(hits))
    interval = [round(told.low, 4), round(told.high, 4)]
    return {"share": round(told.rate, 4), "interval": interval, "count": len(hits)}


def summary(rows: Sequence[Judged]) -> dict[str, object]:
    """Figures of a group of proposals."""
    pixels = [row.pixels for row in rows]
    figures: dict[str, object] = {
        "episodes": len(rows),
        "pixels": median(pixels),
        "pixels_of_visible": median([np.where(row.visible, row.pixels, np.nan) for row in rows]),
        "pixels_by_role": {
            role.value: median([each[:, r] for each in pixels]) for r, role in enumerate(ROLES)
        },
        "visible_points_marked": share(
            [
                bool(there)
                for row in rows
                for there in np.isfinite(row.pixels)[row.visible & np.isfinite(row.truth[..., 0])]
            ]
        ),
        "mm_by_depth": median([row.depth for row in rows], scale=1000.0),
        "mm_by_two_views": median([row.views for row in rows], scale=1000.0),
        "right_object": share([row.right for row in rows]),
        "confident_in_what_is_there": share([row.confidence > 0 for row in rows]),
        "refuses_other_colours": share([r.vain == 0 for r in rows if not r.of_other_task]),
        "refuses_other_things": share([r.vain == 0 for r in rows if r.of_other_task]),
    }
    seeds = sorted({row.seed for row in rows})
    figures["by_seed"] = {
        seed: {
            "pixels": round(float(np.nanmedian([r.pixels for r in rows if r.seed == seed])), 3),
            "right_object": round(float(np.mean([r.right for r in rows if r.seed == seed])), 4),
        }
        for seed in seeds
    }
    return figures


def main() -> None:
    """Judge, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", default="keypoint_tiny", help="name or folder")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--episodes", type=int, default=10, help="of each task, look and seed")
    parser.add_argument("--name", default="keypoint_proposals", help="of the JSON")
    parser.add_argument("--picture", type=Path, default=None, help="of the worst proposals")
    options = parser.parse_args()
    seeds = [int(seed) for seed in options.seeds.split(",")]
    proposer = EmbeddedProposer.load(options.weights)
    rows: list[Judged] = []
    total = len(LOOKS) * len(TASKS) * len(seeds) * options.episodes
    with bar(quiet=False, what="proposing") as show:
        for row in run(proposer, seeds, options.episodes):
            rows.append(row)
            show(len(rows), total)
    looks = {look: [row for row in rows if row.look == look] for look in LOOKS}
    told = {look: summary(found) for look, found in looks.items()}
    figures: dict[str, object] = {
        "proposer": {"name": proposer.name, "version": proposer.version},
        "settings": {"seeds": seeds, "episodes": options.episodes, "views": list(VIEWS)},
        "looks": told,
        "tasks": {
            look: {task: summary([r for r in found if r.task == task]) for task in TASKS}
            for look, found in looks.items()
        },
    }
    print(write_results(options.name, figures))
    for look, each in told.items():
        print(look, *(f"{key} {value}" for key, value in each.items()), sep="\n  ")
    if options.picture is not None:
        draw_failures(looks["heldout"], options.picture)


if __name__ == "__main__":
    main()
