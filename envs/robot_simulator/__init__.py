"""The tabletop suite behind the ROS 2 topics of a real arm."""

from kibble.envs.robot_simulator.simulated_robot import RobotState, SimulatedRobot
from kibble.envs.robot_simulator.simulator import Simulator, SimulatorReport, SimulatorSettings

__all__ = ["RobotState", "SimulatedRobot", "Simulator", "SimulatorReport", "SimulatorSettings"]
