"""The tabletop suite behind the ROS 2 topics of a real arm."""

from kibble.envs.robot_simulator.faulty_transport import FAULT_TOPIC, FaultyTransport
from kibble.envs.robot_simulator.simulated_robot import RobotState, SimulatedRobot
from kibble.envs.robot_simulator.simulator import Simulator, SimulatorReport, SimulatorSettings

__all__ = [
    "FAULT_TOPIC",
    "FaultyTransport",
    "RobotState",
    "SimulatedRobot",
    "Simulator",
    "SimulatorReport",
    "SimulatorSettings",
]
