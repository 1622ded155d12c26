"""The tabletop suite behind the ROS 2 topics of a real arm."""

from kibble.envs.robot_simulator.faulty_transport import FAULT_TOPIC, FaultyTransport
from kibble.envs.robot_simulator.simulated_robot import RobotState, SimulatedRobot
from kibble.envs.robot_simulator.simulator import Simulator
from kibble.envs.robot_simulator.simulator_report import SimulatorReport
from kibble.envs.robot_simulator.simulator_settings import SimulatorSettings

__all__ = [
    "FAULT_TOPIC",
    "FaultyTransport",
    "RobotState",
    "SimulatedRobot",
    "Simulator",
    "SimulatorReport",
    "SimulatorSettings",
]
