"""How well the simulated robot keeps time, over DDS on this machine, at several picture sizes.

    python benchmarks/robot_simulator.py                 # a minute for each size
    python benchmarks/robot_simulator.py --seconds 10

Two views at 30 Hz and states at 50 Hz are published while a node of the same process drives the
hand at 10 Hz. A tick's lateness is how long after its time on the schedule it begins; a tick that
would be more than a period late is skipped. Physics that could not be made up for is ``lost``.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import threading

os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"  # before a domain is entered

from environment import write_results

from kibble.envs.robot_simulator import SimulatedRobot, Simulator, SimulatorSettings, topics
from kibble.envs.robot_simulator.pace import Pace, Punctuality
from kibble.envs.tabletop.env import TabletopEnv
from kibble.rewards.ros.dds.dds_transport import DdsTransport
from kibble.rewards.ros.qos import COMMAND

SIZES = ((96, 96), (240, 320), (480, 640))
VIEWS = ("front", "wrist")
SETTINGS = SimulatorSettings(rate=30.0, state_rate=50.0)


def measure(size: tuple[int, int], seconds: float, domain: int) -> dict[str, object]:
    """Run the robot for a while and return how it kept time."""
    with contextlib.ExitStack() as stack:
        env = TabletopEnv("reach", views=VIEWS, image_size=size)
        stack.callback(env.close)
        node = stack.enter_context(contextlib.closing(DdsTransport("robot", domain=domain)))
        hand = stack.enter_context(contextlib.closing(DdsTransport("hand", domain=domain)))
        drive = hand.advertise(topics.TWIST, "geometry_msgs/msg/TwistStamped", qos=COMMAND)
        robot = SimulatedRobot(env)
        simulator = stack.enter_context(Simulator(robot, node, settings=SETTINGS, seed=0))
        pace = Pace(10.0, stopped=threading.Event())
        for tick in range(round(10 * seconds)):
            pace.wait()
            speed = 0.1 if tick % 40 < 20 else -0.1  # m/s, to and fro
            drive.publish({"twist": {"linear": {"y": speed}}})
        report = simulator.report
    return {
        "height": size[0],
        "width": size[1],
        "seconds": seconds,
        "pictures": punctuality(report.pictures),
        "states": punctuality(report.state),
        "lost_physics_s": report.lost,
    }


def punctuality(kept: Punctuality) -> dict[str, float]:
    """Return the figures of one rate."""
    return {
        "ticks": kept.ticks,
        "skipped": kept.skipped,
        "late_median_ms": round(1e3 * kept.median, 3),
        "late_p99_ms": round(1e3 * kept.p99, 3),
    }


def main() -> None:
    """Measure every size and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--domain", type=int, default=67)
    options = parser.parse_args()
    rows = [measure(size, options.seconds, options.domain) for size in SIZES]
    for row in rows:
        print(row)
    settings = {"rate": SETTINGS.rate, "state_rate": SETTINGS.state_rate, "views": len(VIEWS)}
    print(write_results("robot_simulator", {"settings": settings, "sizes": rows}))


if __name__ == "__main__":
    main()
