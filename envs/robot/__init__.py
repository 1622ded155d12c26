"""A robot behind ROS 2 topics as a Gymnasium environment."""

from kibble.envs.robot.env import RobotEnv
from kibble.envs.robot.robot_file import read_robot, shipped_robots
from kibble.envs.robot.robot_time import RobotTime, SystemTime

__all__ = ["RobotEnv", "RobotTime", "SystemTime", "read_robot", "shipped_robots"]
