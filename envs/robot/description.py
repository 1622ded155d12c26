"""What a robot's file says, checked; read by :func:`kibble.envs.robot.robot_file.read_robot`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from kibble.envs.robot.motion_limits import MotionLimits

__all__ = [
    "ActionDescription",
    "Axis",
    "CameraDescription",
    "Entry",
    "Gripper",
    "HomeStep",
    "HumanStep",
    "PolicyStep",
    "ResetStep",
    "RobotDescription",
    "Source",
    "StopDescription",
    "SuccessDescription",
    "TeleopDescription",
    "TopicStep",
]

ActionKind: TypeAlias = Literal["twist", "joint_velocity", "joint_trajectory"]
SuccessKind: TypeAlias = Literal["topic", "human", "reward", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One number of the observation.

    Args:
        name: Its name.
        path: Where it is in the message, for example ``position[elbow]`` or ``pose.position.x``.
        low: Lowest value; what lies below is cut.
        high: Highest value.
        minus: Name of the entry that is subtracted, or "".
        relative: Whether it is about what the instruction names, for ``observation=relative``.
        fine: Up to where values are to be told apart best, or ``None``.
    """

    name: str
    path: str
    low: float
    high: float
    minus: str = ""
    relative: bool = False
    fine: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A topic that observations come from.

    Args:
        topic: Its name.
        type_name: Its type.
        entries: What is read of each message.
        staleness: s after which a value counts as lost; 0 for one that stays good.
    """

    topic: str
    type_name: str
    entries: tuple[Entry, ...]
    staleness: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One entry of the action that is a velocity.

    Args:
        name: ``linear.x`` … ``angular.z`` of a twist, or a joint's name.
        path: Where its place is in the message of the place, or "" for an axis without bounds.
    """

    name: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gripper:
    """The last entry of the action, where there is one.

    Args:
        topic: Where its commands go, ``std_msgs/msg/Float64``.
        opened: The command that opens it, for an action of -1.
        closed: The command that closes it, for an action of 1.
    """

    topic: str
    opened: float
    closed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionDescription:
    """Where commands go and what they are.

    Args:
        kind: ``twist``, ``joint_velocity`` or ``joint_trajectory``.
        topic: Where commands go.
        type_name: Type of the topic.
        frame: ``frame_id`` of the commands.
        axes: The velocities, in the order of the action.
        limits: What holds for them.
        place_topic: Where the axes' places come from, or "" where no axis has bounds.
        place_type: Type of that topic.
        gripper: The gripper, or ``None``.
        ahead: For trajectories, s that the target lies ahead.
    """

    kind: ActionKind
    topic: str
    type_name: str
    frame: str
    axes: tuple[Axis, ...]
    limits: MotionLimits
    place_topic: str
    place_type: str
    gripper: Gripper | None
    ahead: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraDescription:
    """A view.

    Args:
        view: Its name.
        topic: Where its images come from.
        type_name: ``sensor_msgs/msg/Image`` or ``sensor_msgs/msg/CompressedImage``.
    """

    view: str
    topic: str
    type_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SuccessDescription:
    """Who says that the task is done; a human may say so always.

    Args:
        kind: ``topic`` (``std_msgs/msg/Bool``), ``human``, ``reward`` (the reward node's success)
            or ``none``.
        topic: The topic of ``topic`` or ``reward``.
        dwell: s for which it must be said.
        threshold: For ``reward``, the success from which on the task counts as done.
        messages: For ``reward``, how many messages in a row must say so.
    """

    kind: SuccessKind
    topic: str
    dwell: float
    threshold: float
    messages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StopDescription:
    """An emergency stop, ``std_msgs/msg/Bool``: true presses it, false releases it.

    Args:
        topic: Its name.
        heartbeat: s without a message after which the robot is held; 0 for a topic that speaks
            only when something happens.
    """

    topic: str
    heartbeat: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TeleopDescription:
    """Where a human's commands come from.

    Args:
        topic: Velocities, of the action's message type.
        type_name: That type.
        gripper: Commands for the gripper, ``std_msgs/msg/Float64``, or "".
    """

    topic: str
    type_name: str
    gripper: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicStep:
    """A reset that something else does: it is asked on one topic and says on another when it has.

    Args:
        topic: ``std_msgs/msg/Empty``: please reset.
        ready: ``std_msgs/msg/Bool``: true once it is done.
        seconds: Time limit.
    """

    topic: str
    ready: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeStep:
    """A reset by moving to a place.

    Args:
        place: One number per axis with bounds, m or rad, in the order of the axes.
        speed: Share of the largest speed, in (0, 1].
        tolerance: m or rad, on each axis.
        seconds: Time limit.
    """

    place: tuple[float, ...]
    speed: float
    tolerance: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanStep:
    """A reset that a human does and confirms.

    Args:
        say: What is asked of them.
        seconds: Time limit; 0 for none.
    """

    say: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyStep:
    """A reset by a policy.

    Args:
        load: ``module:function`` that makes a policy of ``file`` and the environment; the policy
            maps an observation to an action.
        file: What it is made of, for example a run directory.
        steps: For how many steps it acts.
    """

    load: str
    file: str
    steps: int


ResetStep: TypeAlias = TopicStep | HomeStep | HumanStep | PolicyStep


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotDescription:
    """A robot and its task.

    Args:
        file: Where it was read.
        control_dt: s between two actions.
        late_after: An action that is later than this, s, is late.
        steps: Length of an episode at most; 0 for no limit.
        instruction: The task in one sentence, or "" where ``instruction_topic`` says it.
        instruction_topic: ``std_msgs/msg/String``, or "".
        proprioception: How many of the first entries the robot feels by itself.
        sources: Topics of the observation, whose entries are in the order of the observation.
        action: Commands.
        cameras: Views, most important first; may be empty.
        camera_tolerance: s that the views' stamps may lie apart.
        camera_staleness: s of silence after which a camera is lost.
        success: Who says that the task is done.
        stops: The emergency stops, one at least.
        teleop: A human's commands, or ``None``.
        human: Topic on which a human speaks, ``kibble_msgs/msg/EpisodeCommand``.
        announce: Topic on which episodes are announced, of the same type, or "".
        reset: What is done before an episode, in order.
        patience: s that a reset waits for an emergency stop's release and for data; 0 for ever.
    """

    file: str
    control_dt: float
    late_after: float
    steps: int
    instruction: str
    instruction_topic: str
    proprioception: int
    sources: tuple[Source, ...]
    action: ActionDescription
    cameras: tuple[CameraDescription, ...]
    camera_tolerance: float
    camera_staleness: float
    success: SuccessDescription
    stops: tuple[StopDescription, ...]
    teleop: TeleopDescription | None
    human: str
    announce: str
    reset: tuple[ResetStep, ...]
    patience: float

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The entries of the observation."""
        return tuple(entry for source in self.sources for entry in source.entries)
