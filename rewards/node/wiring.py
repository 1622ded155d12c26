"""The reward node on a transport: the same wires for every shell."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import final

from kibble.rewards.node.diagnostics import diagnostic_array
from kibble.rewards.node.episode_commands import EPISODE_COMMAND, HUMAN_TOPIC, EpisodeCommands
from kibble.rewards.node.episodes import Answer
from kibble.rewards.node.keypoints_message import keypoints_fields
from kibble.rewards.node.reward_message import RewardMessage
from kibble.rewards.node.reward_node import RewardNode
from kibble.rewards.node.schedule import Schedule
from kibble.rewards.ros.images import COMPRESSED_IMAGE, IMAGE
from kibble.rewards.ros.qos import SENSOR, STATE
from kibble.rewards.ros.transport import Fields, Handle, Transport
from kibble.rewards.types import Status

__all__ = ["Wiring", "connect"]

_LOGGER = logging.getLogger(__name__)

_DIAGNOSTICS = 1.0  # s between two, or less where something fails or recovers
_PATIENCE = 0.1  # s between two looks at whether to stop


def connect(node: RewardNode, transport: Transport, *, name: str) -> Wiring:
    """Wire a node to a transport; see :class:`Wiring`.

    Args:
        node: The node, inactive.
        transport: Where it lives.
        name: The node's full name, for diagnostics.

    Raises:
        ConfigError: If a camera's topic is no name of ROS.
    """
    return Wiring(node, transport, name=name)


@final
class Wiring:
    """Subscribes, publishes and answers for a node.

    =====================  ===================================  =================================
    topic or service       type                                 what
    =====================  ===================================  =================================
    ``cameras.*.topic``    ``sensor_msgs/msg/Image`` or          images of one view, sensor QoS
                           ``CompressedImage``
    ``~/command``          ``kibble_msgs/msg/EpisodeCommand``   what the services do, as a message
    ``/kibble/human``      the same                             only CONFIRM is taken
    ``~/reward``           ``kibble_msgs/msg/Reward``           one per period
    ``~/keypoints``        ``kibble_msgs/msg/Keypoints``        of keypoint models in this process
    ``/diagnostics``       ``diagnostic_msgs/msg/               every second, and where something
                           DiagnosticArray``                    fails or recovers
    ``~/set_task``         ``kibble_msgs/srv/SetTask``
    ``~/start_episode``    ``kibble_msgs/srv/StartEpisode``
    ``~/end_episode``      ``kibble_msgs/srv/EndEpisode``
    ``~/confirm_outcome``  ``kibble_msgs/srv/ConfirmOutcome``
    =====================  ===================================  =================================

    All is there once it is made; :meth:`start` activates the node with two threads of its own,
    one for the model and one for the rewards, :meth:`stop` ends them and :meth:`close` takes
    everything away. A shell looks at :attr:`fault` from time to time.

    Attributes:
        fault: What ended a thread though nobody had asked for it; ``None`` while all is well.
        missed: Periods left out because the machine was late.
        on_reward: Called with each message after it was published; to be assigned.
    """

    def __init__(self, node: RewardNode, transport: Transport, *, name: str) -> None:
        self.fault: Exception | None = None
        self.missed = 0
        self.on_reward: Callable[[RewardMessage], None] | None = None
        self._node = node
        self._name = name
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        node.surroundings = lambda: transport.surroundings
        self._handles: list[Handle] = []
        self._reward = transport.advertise("~/reward", "kibble_msgs/msg/Reward", qos=STATE)
        self._keypoints = transport.advertise(
            "~/keypoints", "kibble_msgs/msg/Keypoints", qos=STATE
        )
        self._diagnostics = transport.advertise(
            "/diagnostics", "diagnostic_msgs/msg/DiagnosticArray", qos=STATE
        )
        self._handles += [self._reward, self._keypoints, self._diagnostics]
        try:
            self._subscribe(transport)
            self._serve(transport)
        except BaseException:
            self.close()
            raise

    def start(self) -> None:
        """Activate the node; doing so twice does nothing."""
        if self._threads:
            return
        self._stop.clear()
        self._node.activate()
        for target in (self._read, self._publish):
            thread = threading.Thread(
                target=self._guarded, args=(target,), name=f"kibble{target.__name__}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Deactivate the node; a reading that is under way is waited for."""
        self._stop.set()
        self._node.deactivate()
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def close(self) -> None:
        """Stop, and take topics and services away; the transport and the node stay open."""
        self.stop()
        for handle in self._handles:
            handle.close()
        self._handles.clear()

    def _subscribe(self, transport: Transport) -> None:
        for view, camera in self._node.parameters.cameras.items():
            kind = COMPRESSED_IMAGE if camera.transport == "compressed" else IMAGE
            subscription = transport.subscribe(
                camera.topic, kind, partial(self._node.see, view), qos=SENSOR
            )
            self._handles.append(subscription)
            self._node.listen(view, subscription)
        commands = EpisodeCommands(self._node)
        for topic, receive in (("~/command", commands.obey), (HUMAN_TOPIC, commands.hear)):
            self._handles.append(transport.subscribe(topic, EPISODE_COMMAND, receive, qos=STATE))

    def _serve(self, transport: Transport) -> None:
        for service, kind, answer in (
            ("~/set_task", "SetTask", self._set_task),
            ("~/start_episode", "StartEpisode", self._start_episode),
            ("~/end_episode", "EndEpisode", self._end_episode),
            ("~/confirm_outcome", "ConfirmOutcome", self._confirm_outcome),
        ):
            self._handles.append(transport.serve(service, f"kibble_msgs/srv/{kind}", answer))

    def _set_task(self, request: object) -> Fields:
        return _fields(self._node.set_task(_text(request, "instruction")))

    def _start_episode(self, request: object) -> Fields:
        answer, episode = self._node.start(_text(request, "instruction"))
        return {**_fields(answer), "episode": episode}

    def _end_episode(self, request: object) -> Fields:
        return _fields(self._node.end(_number(request, "outcome")))

    def _confirm_outcome(self, request: object) -> Fields:
        success = bool(_number(request, "success"))
        return _fields(self._node.confirm(success, _text(request, "by")))

    def _read(self) -> None:
        while not self._stop.is_set():
            if self._node.read() is None:
                self._node.wait(_PATIENCE)

    def _publish(self) -> None:
        rate = self._node.parameters.rate
        schedule = Schedule(rate, time.monotonic())
        diagnosed, failing = -math.inf, False
        while not self._stop.wait(schedule.left(time.monotonic())):
            now = time.monotonic()
            schedule.passed(now)
            self.missed = schedule.missed
            message = self._say()
            fails = message.status not in (Status.OK, Status.STALE)
            if fails and not failing:
                _LOGGER.warning("%s: %s", message.status.name, message.status_text)
            if fails != failing or now - diagnosed >= _DIAGNOSTICS:
                diagnosed, failing = now, fails
                self._diagnose()
            if self._node.parameters.rate != rate:
                rate = self._node.parameters.rate
                schedule.change(rate, now)

    def _say(self) -> RewardMessage:
        message = self._node.tick()
        self._reward.publish(message.fields())
        shown = self._node.fresh
        if shown is not None:
            keypoints = keypoints_fields(shown, message.task)
            if keypoints is not None:
                self._keypoints.publish(keypoints)
        if self.on_reward is not None:
            self.on_reward(message)
        return message

    def _diagnose(self) -> None:
        entries = self._node.diagnostics()
        stamp = self._node.now()
        self._diagnostics.publish(diagnostic_array(entries, node=self._name, stamp=stamp))

    def _guarded(self, target: Callable[[], None]) -> None:
        try:
            target()
        except Exception as error:  # a thread has nobody else to tell
            _LOGGER.exception("The reward node's thread %s ended.", target.__name__)
            self.fault = error


def _text(message: object, field: str) -> str:
    return str(getattr(message, field))


def _number(message: object, field: str) -> int:
    return int(getattr(message, field))


def _fields(answer: Answer) -> Fields:
    return {"accepted": answer.accepted, "message": answer.message}
