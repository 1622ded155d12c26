"""A real, small robot: a point that moves as it is told, behind ROS topics in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tests.envs.robot.fake_time import FakeTime
from tests.memory_transport import MemoryGraph

from kibble.envs.robot import RobotEnv, RobotTime
from kibble.rewards.ros.clock import stamp_fields
from kibble.rewards.ros.images import encode
from kibble.rewards.ros.qos import COMMAND, LATCHED, SENSOR, STATE
from kibble.rewards.ros.transport import Transport

DT = 0.01  # s between two of the robot's states
HUMAN = "kibble_msgs/msg/EpisodeCommand"

ROBOT = """
control_dt: 0.1
steps: 20
instruction: {topic: /task/instruction}
cameras:
  front: {topic: /camera/front/image_raw}
observations:
  - topic: /joint_states
    type: sensor_msgs/msg/JointState
    entries:
      hand_x: {path: "position[hand_x]", low: -1.0, high: 1.0}
      hand_y: {path: "position[hand_y]", low: -1.0, high: 1.0}
  - topic: /objects/target
    type: geometry_msgs/msg/PointStamped
    entries:
      goal_x: {path: point.x, minus: hand_x, low: -0.5, high: 0.5, relative: true, fine: 0.02}
proprioception: 2
action:
  type: twist
  axes:
    linear.x: {speed: 0.5, low: -0.2, high: 0.2}
    linear.y: {speed: 0.5, low: -0.2, high: 0.2}
  gripper: {topic: /command/gripper, opened: 0.08, closed: 0.0}
  lag: 0.02
success: {from: topic, dwell: 0.2}
teleop: {}
announce: /reward_node/command
reset:
  - {do: topic, seconds: 5.0}
patience: 3.0
"""


class SmallRobot:
    """The robot's side of the graph; what is off is said by attributes."""

    def __init__(self, node: Transport, time: RobotTime) -> None:
        self.time = time
        self.place = np.zeros(2)
        self.velocity = np.zeros(2)
        self.goal = np.array([0.1, 0.0])
        self.gripper: float | None = None
        self.twists: list[tuple[float, float]] = []
        self.announced: list[tuple[int, int]] = []
        self.silent: set[str] = set()
        self.resets = 0
        self.furthest = 0.0
        self.encoding = "rgb8"
        node.subscribe("/command/twist", "geometry_msgs/msg/TwistStamped", self._move, qos=COMMAND)
        node.subscribe("/command/gripper", "std_msgs/msg/Float64", self._grip, qos=COMMAND)
        node.subscribe("/robot/reset", "std_msgs/msg/Empty", self._reset, qos=STATE)
        node.subscribe("/reward_node/command", HUMAN, self._hear, qos=STATE)
        self.joints = node.advertise("/joint_states", "sensor_msgs/msg/JointState", qos=STATE)
        self.pose = node.advertise("/hand_pose", "geometry_msgs/msg/PoseStamped", qos=STATE)
        self.target = node.advertise(
            "/objects/target", "geometry_msgs/msg/PointStamped", qos=STATE
        )
        self.front = node.advertise("/camera/front/image_raw", "sensor_msgs/msg/Image", qos=SENSOR)
        self.success = node.advertise("/task/success", "std_msgs/msg/Bool", qos=STATE)
        self.ready = node.advertise("/robot/ready", "std_msgs/msg/Bool", qos=LATCHED)
        self.instruction = node.advertise("/task/instruction", "std_msgs/msg/String", qos=LATCHED)
        self.button = node.advertise("/emergency_stop", "std_msgs/msg/Bool", qos=STATE)
        self.human = node.advertise("/kibble/human", HUMAN, qos=STATE)
        self.stick = node.advertise("/teleop/twist", "geometry_msgs/msg/TwistStamped", qos=COMMAND)
        self.trigger = node.advertise("/teleop/gripper", "std_msgs/msg/Float64", qos=COMMAND)
        self.instruction.publish({"data": "bring the hand to the ball"})
        self.ready.publish({"data": True})
        self._life = time.every(DT, self._live)

    def press(self, pressed: bool) -> None:
        self.button.publish({"data": pressed})

    def say(self, command: int, outcome: int = 0) -> None:
        stamp = stamp_fields(round(self.time.now() * 1e9))
        self.human.publish({"stamp": stamp, "command": command, "outcome": outcome})

    def drive(self, x: float, seconds: float) -> None:
        """Let a human drive for a while."""
        until = self.time.now() + seconds

        def again() -> None:
            if self.time.now() > until:
                handle.close()
            else:
                self.stick.publish({"twist": {"linear": {"x": x}}})

        handle = self.time.every(0.02, again)

    def close(self) -> None:
        self._life.close()

    def _live(self) -> None:
        self.place = self.place + self.velocity * DT
        self.furthest = max(self.furthest, float(np.abs(self.place).max()))
        header = {"stamp": stamp_fields(round(self.time.now() * 1e9))}
        x, y = (float(value) for value in self.place)
        if "joints" not in self.silent:
            self.joints.publish(
                {"header": header, "name": ["hand_x", "hand_y"], "position": self.place}
            )
        if "pose" not in self.silent:
            self.pose.publish({"header": header, "pose": {"position": {"x": x, "y": y}}})
        if "target" not in self.silent:
            gx, gy = (float(value) for value in self.goal)
            self.target.publish({"header": header, "point": {"x": gx, "y": gy}})
        if "front" not in self.silent and round(self.time.now() / DT) % 3 == 0:
            picture = np.full((12, 16, 3), round(110 + 500 * x), np.uint8)
            picture[:, round(7.5 + 35.0 * x)] = 255  # where the hand is
            fields = dict(encode(picture, stamp=round(self.time.now() * 1e9)))
            self.front.publish(fields | {"encoding": self.encoding})
        near = float(np.linalg.norm(self.place - self.goal)) < 0.02
        self.success.publish({"data": near})

    def _move(self, message) -> None:
        linear = message.twist.linear
        self.velocity = np.array([linear.x, linear.y])
        self.twists.append((float(linear.x), float(linear.y)))

    def _grip(self, message) -> None:
        self.gripper = float(message.data)

    def _hear(self, message) -> None:
        self.announced.append((int(message.command), int(message.outcome)))

    def _reset(self, message) -> None:
        self.resets += 1
        if "ready" in self.silent:
            return
        self.ready.publish({"data": False})
        self.place = np.zeros(2)

        def done() -> None:
            handle.close()
            self.ready.publish({"data": True})

        handle = self.time.every(0.05, done)


class Workshop:
    """Robot, time, graph and environment together."""

    def __init__(self, folder: Path, *changes: tuple[str, str], **options: object) -> None:
        text = ROBOT
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        file = folder / "robot.yaml"
        file.write_text(text)
        self.time = FakeTime()
        self.graph = MemoryGraph()
        self.robot = SmallRobot(self.graph.open("robot"), self.time)
        self.transport = self.graph.open("kibble")
        self.env = RobotEnv(file, transport=self.transport, time=self.time, **options)

    def step(self, x: float = 0.0, y: float = 0.0, closing: float = -1.0):
        return self.env.step(np.array([x, y, closing], np.float32))
