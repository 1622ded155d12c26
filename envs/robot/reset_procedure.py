"""What is done before an episode: ask on a topic, go home, let a human or a policy do it."""

from __future__ import annotations

import importlib
import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import final

import gymnasium
import numpy as np
from numpy.typing import NDArray

from kibble.envs.robot.command_gate import CommandGate
from kibble.envs.robot.description import HomeStep, HumanStep, PolicyStep, ResetStep, TopicStep
from kibble.envs.robot.human_voice import HumanVoice
from kibble.envs.robot.robot_time import RobotTime
from kibble.envs.robot.waiting import StoppedError, wait_until
from kibble.rewards.errors import ConfigError
from kibble.rewards.ros.qos import STATE
from kibble.rewards.ros.transport import Handle, Publisher, Transport

__all__ = ["ResetProcedure"]

_LOG = logging.getLogger(__name__)
_AGAIN = 2.0  # s after which an unanswered request is made again
_GAIN = 2.0  # 1/s, speed per distance on the way home
_HOME_DT = 0.05  # s between two commands on the way home

Policy = Callable[[NDArray[np.float32]], NDArray[np.float32]]


@final
class ResetProcedure:
    """Does the steps of a reset, one after another.

    Args:
        transport: The node.
        steps: The steps.
        gate: The way to the robot.
        human: Who may have to say that the scene is ready.
        time: What is waited by.
        place: Returns where the axes are, (A,), NaN where it is not known.
        env: The environment, for the policies that reset it.
        act: Does one step with an action of a policy; returns the observation.
    """

    def __init__(
        self,
        transport: Transport,
        steps: Sequence[ResetStep],
        *,
        gate: CommandGate,
        human: HumanVoice,
        time: RobotTime,
        place: Callable[[], NDArray[np.float64]],
        env: gymnasium.Env[NDArray[np.float32], NDArray[np.float32]],
        act: Callable[[NDArray[np.float32] | None], NDArray[np.float32]],
    ) -> None:
        self._gate, self._human, self._time = gate, human, time
        self._place, self._env, self._act = place, env, act
        self._steps: list[Callable[[], None]] = []
        self._handles: list[Handle] = []
        for step in steps:
            self._steps.append(self._prepared(transport, step))

    def run(self) -> None:
        """Do all the steps.

        Raises:
            RobotError: If one takes longer than it may.
            StoppedError: If the emergency stop is pressed meanwhile.
        """
        for step in self._steps:
            step()
            if self._gate.pressed:
                raise StoppedError

    def close(self) -> None:
        """Close what was opened."""
        for handle in self._handles:
            handle.close()

    def _prepared(self, transport: Transport, step: ResetStep) -> Callable[[], None]:
        if isinstance(step, TopicStep):
            asking = _Asking(transport, step, self._time, stopped=lambda: self._gate.stopped)
            self._handles.append(asking)
            return asking.run
        if isinstance(step, HomeStep):
            return lambda: self._go_home(step)
        if isinstance(step, HumanStep):
            return lambda: self._ask_human(step)
        return partial(self._follow, _Policy(step, self._env), step.steps)

    def _go_home(self, step: HomeStep) -> None:
        limits = self._gate.limits
        bounded = limits.bounded
        home = np.zeros(limits.axes)
        home[bounded] = step.place
        self._let_go(blind=True)

        def missing() -> str:
            way = np.where(bounded, home - self._place(), 0.0)
            far = float(np.abs(way).max()) if np.isfinite(way).all() else float("inf")
            if far <= step.tolerance:
                return ""
            if np.isfinite(far):
                fastest = step.speed * limits.speed
                self._gate.ask(np.clip(_GAIN * way, -fastest, fastest))
            return self._gate.why or f"it is {far:.3f} away on one axis"

        try:
            wait_until(
                missing,
                time=self._time,
                seconds=step.seconds,
                what=f"The robot must be at its home place {list(step.place)}",
                stopped=lambda: self._gate.stopped,
                look=_HOME_DT,
            )
        finally:
            self._gate.hold()

    def _ask_human(self, step: HumanStep) -> None:
        since = self._time.now()
        _LOG.warning("Please %s, then say so: kibble ros say ready", step.say)
        wait_until(
            lambda: "" if self._human.ready(since) else "say `kibble ros say ready`",
            time=self._time,
            seconds=step.seconds,
            what=f"A human must {step.say} and say that it is done",
            stopped=lambda: self._gate.stopped,
        )

    def _follow(self, policy: _Policy, steps: int) -> None:
        policy.load()
        self._let_go(blind=False)
        try:
            observation = self._act(None)
            for _ in range(steps):
                observation = self._act(policy.act(observation))
                if self._gate.stopped:
                    raise StoppedError
        finally:
            self._gate.hold()

    def _let_go(self, *, blind: bool) -> None:
        if not self._gate.allow(blind=blind):
            raise StoppedError


@final
class _Asking:
    """Asks on a topic for a reset, and waits until another topic says that it is done."""

    def __init__(
        self,
        transport: Transport,
        step: TopicStep,
        time: RobotTime,
        *,
        stopped: Callable[[], str],
    ) -> None:
        self._step, self._time, self._stopped = step, time, stopped
        self._lock = threading.Lock()
        self._answered = 0
        self._busy = False
        self._request: Publisher = transport.advertise(step.topic, "std_msgs/msg/Empty", qos=STATE)
        # Only what is said from now on counts, so nothing that was kept for late-comers is heard.
        self._answer = transport.subscribe(
            step.ready, "std_msgs/msg/Bool", self._receive, qos=STATE
        )

    def run(self) -> None:
        """Ask and wait."""
        wait_until(
            self._nobody,
            time=self._time,
            seconds=self._step.seconds,
            what=f"Who answers {self._step.topic} must be there",
            stopped=self._stopped,
        )
        with self._lock:
            self._answered, self._busy = 0, False
        asked = float("-inf")

        def missing() -> str:
            nonlocal asked
            with self._lock:
                answered, busy = self._answered, self._busy
            if answered:
                return ""
            now = self._time.now()
            if not busy and now - asked >= _AGAIN:
                asked = now
                self._request.publish({})
            return f"{self._step.ready} did not say true"

        wait_until(
            missing,
            time=self._time,
            seconds=self._step.seconds,
            what=f"The reset asked for on {self._step.topic} must be done",
            stopped=self._stopped,
        )

    def close(self) -> None:
        """Close the topics."""
        self._request.close()
        self._answer.close()

    def _nobody(self) -> str:
        if not self._answer.publishers:
            return self._answer.mismatch or f"nobody publishes {self._step.ready}"
        return "" if self._request.subscribers else f"nobody hears {self._step.topic}"

    def _receive(self, message: object) -> None:
        with self._lock:
            if bool(message.data):  # type: ignore[attr-defined]  # std_msgs/msg/Bool
                self._answered += 1
            else:
                self._busy = True


@final
class _Policy:
    """A policy, made when it first acts: one that resets what another one does may need that."""

    def __init__(
        self, step: PolicyStep, env: gymnasium.Env[NDArray[np.float32], NDArray[np.float32]]
    ) -> None:
        module, _, name = step.load.partition(":")
        try:
            self._make = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise ConfigError(
                f"`load` of a reset policy must be module:function that can be imported, got "
                f"{step.load!r}: {error}."
            ) from error
        self._file, self._env = step.file, env
        self._policy: Policy | None = None

    def load(self) -> None:
        """Make it, if that was not done yet."""
        if self._policy is None:
            self._policy = self._make(self._file, self._env)

    def act(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what it does, once it is loaded."""
        assert self._policy is not None
        return self._policy(observation)
