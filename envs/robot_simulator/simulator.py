"""The simulated robot in real time, behind the topics of a real one."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import final

from kibble.envs.robot_simulator import topics
from kibble.envs.robot_simulator.broadcast import Broadcast
from kibble.envs.robot_simulator.commands import Commands
from kibble.envs.robot_simulator.filming import Film
from kibble.envs.robot_simulator.pace import Pace
from kibble.envs.robot_simulator.scaled_clock import ScaledClock
from kibble.envs.robot_simulator.simulated_robot import SimulatedRobot
from kibble.envs.robot_simulator.simulator_report import SimulatorReport
from kibble.envs.robot_simulator.simulator_settings import SimulatorSettings
from kibble.envs.tabletop.scene import TIMESTEP
from kibble.rewards.errors import ConfigError
from kibble.rewards.ros.qos import COMMAND, STATE
from kibble.rewards.ros.transport import Transport

__all__ = ["Simulator"]

_MOST_PIECES = 40  # physics that is made up for at once, in time steps; the rest is left out


@final
class Simulator:
    """Moves a simulated robot in real time, films it, and follows what the graph tells it.

    One thread moves the robot and publishes its state, another draws; a slow picture holds up no
    state. Stamps are of ``clock``, which ``/clock`` tells too. A reset that is asked for under an
    emergency stop waits until that is released.

    Args:
        robot: The robot, whose scene is set anew at the start.
        transport: Its node; closing that is the caller's.
        settings: Rates and times.
        seed: Seed of the sequence of scenes.

    Raises:
        MissingDependencyError: If no GL back end works.
    """

    def __init__(
        self,
        robot: SimulatedRobot,
        transport: Transport,
        *,
        settings: SimulatorSettings,
        seed: int | None = None,
    ) -> None:
        self._robot, self._settings = robot, settings
        self.clock = ScaledClock(settings.speed)
        self._stopped = threading.Event()
        self._filmed = threading.Event()
        self._resetting = threading.Event()
        self._scene = threading.Lock()  # guards the robot's scene
        self._looks = threading.Lock()  # guards colours, which are the model's
        self._commands = Commands(timeout=settings.command_timeout / settings.speed)
        self._lost = 0.0
        self._episode = 0
        self._successes = 0
        self._succeeded = False
        robot.reset(seed=seed)
        self._state = robot.state()
        self._broadcast = Broadcast(
            transport,
            views=robot.env.views,
            objects=tuple(self._state.objects),
            names=robot.env.observation_names,
        )
        self._state_pace = Pace(settings.state_rate * settings.speed, stopped=self._stopped)
        self._picture_pace = Pace(settings.rate * settings.speed, stopped=self._stopped)
        self._twists = transport.subscribe(
            topics.TWIST, "geometry_msgs/msg/TwistStamped", self._commands.take_twist, qos=COMMAND
        )
        transport.subscribe(
            topics.GRIPPER, "std_msgs/msg/Float64", self._commands.take_gripper, qos=COMMAND
        )
        transport.subscribe(
            topics.EMERGENCY_STOP, "std_msgs/msg/Bool", self._commands.take_stop, qos=STATE
        )
        transport.subscribe(
            topics.RESET, "std_msgs/msg/Empty", lambda _: self._resetting.set(), qos=STATE
        )
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="simulated-robot")
        self._tasks: list[Future[None]] = [self._threads.submit(self._film)]
        self._await_first_picture()  # opening a GL context holds up every thread
        self._tasks.append(self._threads.submit(self._move))

    def __enter__(self) -> Simulator:
        """Return the simulator."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    @property
    def report(self) -> SimulatorReport:
        """How the robot is doing.

        Raises:
            Exception: What ended one of its threads.
        """
        self._check()
        return SimulatorReport(
            state=self._state_pace.punctuality,
            pictures=self._picture_pace.punctuality,
            lost=self._lost,
            episode=self._episode,
            successes=self._successes,
            success=self._succeeded,
            progress=self._state.progress,
            instruction=self._robot.instruction,
            commands=self._commands.received,
            commanders=self._twists.publishers,
            stopped=self._commands.told.stopped,
            refusal=self._commands.refusal,
        )

    def close(self) -> None:
        """Stop moving and filming; the transport stays open."""
        self._stopped.set()
        self._threads.shutdown(wait=True)

    # -- moving ----------------------------------------------------------------------------

    def _move(self) -> None:
        self._broadcast.instruction(self._robot.instruction)
        self._broadcast.state(self._state, stamp=self.clock.now())
        self._broadcast.ready(True)
        until = self.clock.now()
        halted = False
        while self._state_pace.wait():
            told = self._commands.told
            if self._resetting.is_set() and not told.stopped:
                self._resetting.clear()
                self._reset()
                until = self.clock.now()
                continue
            now = self.clock.now()
            pieces = int((now - until) / (TIMESTEP * 1e9))
            until += round(pieces * TIMESTEP * 1e9)
            self._lost += max(pieces - _MOST_PIECES, 0) * TIMESTEP
            with self._scene:
                if told.stopped and not halted:
                    self._robot.halt()
                halted = told.stopped
                self._robot.drive(told.velocity)
                if told.closing is not None and not told.stopped:
                    self._robot.grip(told.closing)
                if pieces:
                    self._robot.advance(min(pieces, _MOST_PIECES) * TIMESTEP)
                self._state = self._robot.state()
            self._count_success()
            self._broadcast.state(self._state, stamp=now)

    def _reset(self) -> None:
        self._broadcast.ready(False)
        with self._looks, self._scene:
            self._robot.reset()
            self._state = self._robot.state()
        self._commands.clear()
        self._episode += 1
        self._succeeded = False
        self._broadcast.instruction(self._robot.instruction)
        self._broadcast.state(self._state, stamp=self.clock.now())
        self._broadcast.ready(True)

    def _count_success(self) -> None:
        if self._state.success and not self._succeeded:
            self._successes += 1
        self._succeeded = self._succeeded or self._state.success

    # -- filming ---------------------------------------------------------------------------

    def _film(self) -> None:
        env = self._robot.env
        film = Film(env.world.model, views=env.views, image_size=env.image_size)
        try:
            self._robot.copy_scene(film.scene)  # nothing moves yet
            film.take()  # the first pictures take far longer than those after them
            while self._picture_pace.wait():
                with self._looks:  # no picture of an earlier scene comes after a reset
                    with self._scene:
                        self._robot.copy_scene(film.scene)
                        stamp = self.clock.now()
                    for view, (frame, camera) in film.take().items():
                        self._broadcast.picture(view, frame, camera, stamp=stamp)
                self._filmed.set()
        finally:
            film.close()

    def _await_first_picture(self) -> None:
        deadline = time.monotonic() + 60.0
        try:
            while not self._filmed.wait(0.02):
                self._check()
                if time.monotonic() > deadline:
                    raise ConfigError("The cameras must draw within 60 s, got no picture.")
        except BaseException:
            self.close()
            raise

    def _check(self) -> None:
        for task in self._tasks:
            if task.done() and not self._stopped.is_set():
                task.result()
