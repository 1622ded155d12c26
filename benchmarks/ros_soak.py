"""Two cameras on the wire into `kibble ros node` beside `kibble serve`, for minutes.

    python benchmarks/ros_soak.py --seconds 600              # the published figure
    python benchmarks/ros_soak.py --seconds 20 --short 20 --output /tmp/soak.json

Four processes over DDS on this machine alone: two cameras (640x480 rgb8 at 30 Hz, pictures that
were serialised beforehand), the node, the service; this one listens. Every reward is checked (see
``ros_reward_watch.py``); resident memory of the processes is noted once a second. Four runs:
``steady`` (rewards at 10 Hz, the default), ``camera_rate`` (at the cameras' 30 Hz), ``prompt``
(at 100 Hz, so that hardly any of the time from image to reward is spent waiting for a period; two
of three messages then have nothing new), ``in_process`` (the same with the model in the node).
``python benchmarks/ros_soak_picture.py`` draws them.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path

import gymnasium
import numpy as np
from environment import RESULTS, describe
from ros_soak_run import DEADLINE, VIEWS, Run, soak

from kibble.envs.tabletop import make_expert

SIZE = (480, 640)


def pictures(folder: Path, count: int = 30) -> dict[str, Path]:
    """Film an expert's Reach, and return a file of each view."""
    env = gymnasium.make("kibble/Reach-v0", image_size=SIZE)
    env.reset(seed=0)
    expert = make_expert(env)
    seen: dict[str, list[np.ndarray]] = {view: [] for view in VIEWS}
    for _ in range(count):
        for view, frame in env.unwrapped.frames(VIEWS).items():  # type: ignore[attr-defined]  # a tabletop
            seen[view].append(frame[0])
        env.step(expert())
    env.close()
    files = {view: folder / f"{view}.npy" for view in VIEWS}
    for view, file in files.items():
        np.save(file, np.stack(seen[view]))
    return files


def main() -> None:
    """Do the runs and write what came of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=600.0, help="of the run `steady`")
    parser.add_argument("--short", type=float, default=60.0, help="seconds of the others")
    parser.add_argument("--runs", nargs="+", help="only these")
    parser.add_argument("--domain", type=int, default=80)
    parser.add_argument("--output", type=Path, default=RESULTS / "ros_soak.json")
    options = parser.parse_args()
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    runs = (
        Run(name="steady", seconds=options.seconds, rate=10.0, served=True),
        Run(name="camera_rate", seconds=options.short, rate=30.0, served=True),
        Run(name="prompt", seconds=options.short, rate=100.0, served=True),
        Run(name="in_process", seconds=options.short, rate=100.0, served=False),
    )
    report: dict[str, object] = {
        "environment": describe(),
        "views": VIEWS,
        "size": SIZE,
        "deadline_s": DEADLINE,
    }
    with tempfile.TemporaryDirectory() as folder:
        files = pictures(Path(folder))
        for place, run in enumerate(runs):
            if options.runs and run.name not in options.runs:
                continue
            report[run.name] = soak(run, files, options.domain + place)
            options.output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    for run in runs:
        if run.name in report:
            shown = dict(report[run.name])  # type: ignore[call-overload]  # a mapping
            del shown["series"]
            print(run.name, json.dumps(shown, indent=1))


if __name__ == "__main__":
    main()
