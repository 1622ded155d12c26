"""A camera, a reward node and someone who listens, in one ROS 2 graph and without any ROS.

Run it with ``python examples/ros_without_ros.py`` (needs ``pip install 'kibble[ros]'``). While it
runs, ``ROS_DOMAIN_ID=77 ros2 topic echo /kibble/reward`` shows the same rewards.
"""

from __future__ import annotations

import os
import time

import gymnasium

from kibble.envs.tabletop.experts import make_expert
from kibble.rewards.node.model_opening import open_node_model
from kibble.rewards.node.parameters import NodeParameters
from kibble.rewards.node.reward_node import RewardNode
from kibble.rewards.node.wiring import connect
from kibble.rewards.ros.clock import SystemClock
from kibble.rewards.ros.images import encode
from kibble.rewards.ros.opening import open_transport
from kibble.rewards.ros.qos import SENSOR, STATE

os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
DOMAIN, SECONDS = 77, 8.0
PARAMETERS = {"views": ["front"], "reward": "grm_tiny", "rate": 2.0}


def main() -> None:
    parameters = NodeParameters.from_values(PARAMETERS)
    camera, listener, robot = (
        open_transport("dds", name, domain=DOMAIN) for name in ("camera", "listener", "kibble")
    )
    node = RewardNode(parameters, open_node_model(parameters), SystemClock())
    wiring = connect(node, robot, name="/kibble")
    rewards: list = []
    listener.subscribe("/kibble/reward", "kibble_msgs/msg/Reward", rewards.append, qos=STATE)
    images = camera.advertise("/camera/front/image_raw", "sensor_msgs/msg/Image", qos=SENSOR)
    wiring.start()
    env = gymnasium.make("kibble/Reach-v0", render_mode="rgb_array")
    _, info = env.reset(seed=0)
    act = make_expert(env)
    node.start(info["instruction"])
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        time.sleep(0.1)
        env.step(0.2 * act())
        images.publish(encode(env.render(), stamp=time.time_ns(), frame_id="front"))
    for said in rewards:
        print(f"progress {said.progress:.2f} reward {said.reward:+.3f} {said.status_text}")
    for handle in (wiring, node, env, camera, listener, robot):
        handle.close()


if __name__ == "__main__":
    main()
