"""Record a small bag, read it back, and let a reward model follow what it shows; needs no ROS.

    python examples/rewards_of_a_bag.py            # or: kibble score input=run.mcap

Recorded with `ros2 bag record` or `kibble ros record`, a bag of a real robot is read likewise.
"""

from pathlib import Path

import gymnasium

import kibble.envs  # noqa: F401  (registers the tasks)
from kibble.agents.footage.reading import read_footage
from kibble.envs.frames import frame_source
from kibble.envs.tabletop import make_expert
from kibble.rewards import Task, open_model
from kibble.rewards.ros.bags.bag_writer import BagWriter
from kibble.rewards.ros.dds.message_building import build
from kibble.rewards.ros.dds.message_types import message_types
from kibble.rewards.ros.images import IMAGE, encode
from kibble.rewards.whole_episode import read_videos

PATH = Path("run.mcap")
STEP = 100_000_000  # ns


def record() -> str:
    """Let an expert reach the target, record what two cameras see, and return the task."""
    env = gymnasium.make("kibble/Reach-v0", views=["front", "wrist"], render_mode="rgb_array")
    source, act, types = frame_source(env), make_expert(env), message_types()
    _, info = env.reset(seed=3)
    with BagWriter(PATH) as bag:
        topics = {view: bag.add(f"/camera/{view}/image_raw", IMAGE) for view in source.frames()}
        for number in range(1, 13):
            for view, frames in source.frames().items():
                fields = encode(frames[0], stamp=number * STEP, frame_id=view)
                raw = types.encode(build(types, IMAGE, fields), IMAGE)
                bag.write(topics[view], number * STEP, raw)
            env.step(act())
    env.close()
    return str(info["instruction"])


task = Task(instruction=record())
footage = read_footage(str(PATH))
(estimate,) = read_videos(open_model("grm_tiny"), [(task, footage.frames)])
print(f'"{task.instruction}": {len(footage)} moments of {", ".join(footage.views)}')
for time, progress in zip(footage.times, estimate.progress, strict=True):
    print(f"{time:4.1f} s  {progress:4.2f}  {'#' * round(40 * progress)}")
