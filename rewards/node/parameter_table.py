"""The table of the reward node's parameters, from which every shell declares them."""

from __future__ import annotations

from kibble.rewards.node.parameter import Parameter
from kibble.rewards.shaping import ShapingMode

__all__ = ["PARAMETERS", "TRANSPORTS", "camera_parameters"]

TRANSPORTS = ("raw", "compressed")
"""How images travel: ``sensor_msgs/msg/Image``, or ``sensor_msgs/msg/CompressedImage``."""

_LONGEST = 3600.0  # s
_FASTEST = 1000.0  # Hz

PARAMETERS: tuple[Parameter, ...] = (
    Parameter(
        name="views",
        kind="string_array",
        default=("front",),
        meaning="Names of the cameras' views, as the reward model knows them.",
    ),
    Parameter(
        name="reward",
        kind="string",
        default="remote@http://127.0.0.1:8300/grm_tiny",
        meaning="The reward model, as `kibble models` names it; remote@URL/MODEL needs no torch.",
    ),
    Parameter(
        name="instruction",
        kind="string",
        default="",
        meaning="The task in one sentence; a change counts from the next episode on.",
        changeable=True,
    ),
    Parameter(
        name="goal",
        kind="string",
        default="",
        meaning="Picture file of the finished scene, as the first view sees it; empty for none.",
    ),
    Parameter(
        name="rate",
        kind="double",
        default=10.0,
        unit="Hz",
        low=0.1,
        high=_FASTEST,
        meaning="How often a reward is published; at most the rate of the slowest camera.",
        changeable=True,
    ),
    Parameter(
        name="tolerance",
        kind="double",
        default=0.05,
        unit="s",
        low=0.0001,
        high=10.0,
        meaning="How far the stamps of images that are read together may lie apart.",
        changeable=True,
    ),
    Parameter(
        name="deadline",
        kind="double",
        default=0.5,
        unit="s",
        low=0.001,
        high=_LONGEST,
        meaning="How old the newest frame of a reward may be when it is published; "
        "an older one is STALE.",
        changeable=True,
    ),
    Parameter(
        name="staleness",
        kind="double",
        default=1.0,
        unit="s",
        low=0.01,
        high=_LONGEST,
        meaning="Silence after which a camera counts as lost.",
        changeable=True,
    ),
    Parameter(
        name="gamma",
        kind="double",
        default=0.99,
        low=0.0,
        high=1.0,
        meaning="Discount factor of the agent that learns from the rewards.",
    ),
    Parameter(
        name="shaping",
        kind="string",
        default=ShapingMode.POTENTIAL.value,
        choices=tuple(mode.value for mode in ShapingMode),
        meaning="How potentials become a reward; only `potential` leaves what is optimal as it "
        "is.",
    ),
    Parameter(
        name="scale",
        kind="double",
        default=1.0,
        low=-1e6,
        high=1e6,
        meaning="Multiplies the potential: scale * (progress + shift).",
    ),
    Parameter(
        name="shift",
        kind="double",
        default=0.0,
        low=-1e6,
        high=1e6,
        meaning="Added to progress before scaling.",
    ),
    Parameter(
        name="auto_start",
        kind="bool",
        default=False,
        meaning="Whether the first episode starts by itself, as soon as there are images.",
    ),
    Parameter(
        name="episode_limit",
        kind="double",
        default=0.0,
        unit="s",
        low=0.0,
        high=86_400.0,
        meaning="Time after which an episode ends as truncated; 0 for no limit.",
        changeable=True,
    ),
)
"""All parameters but those of the cameras."""


def camera_parameters(view: str) -> tuple[Parameter, ...]:
    """Return the parameters of one view's camera.

    >>> [parameter.name for parameter in camera_parameters("front")]
    ['cameras.front.topic', 'cameras.front.transport', 'cameras.front.rate']
    """
    prefix = f"cameras.{view}."
    return (
        Parameter(
            name=prefix + "topic",
            kind="string",
            default=f"/camera/{view}/image_raw",
            meaning="Topic of the images.",
        ),
        Parameter(
            name=prefix + "transport",
            kind="string",
            default="raw",
            choices=TRANSPORTS,
            meaning="How images travel: raw (sensor_msgs/msg/Image) or compressed "
            "(sensor_msgs/msg/CompressedImage).",
        ),
        Parameter(
            name=prefix + "rate",
            kind="double",
            default=30.0,
            unit="Hz",
            low=0.01,
            high=_FASTEST,
            meaning="How many images the camera delivers; `rate` may not be above it.",
        ),
    )
