"""Parameters of the reward node, checked when it is configured."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, final

from kibble.rewards.errors import ConfigError
from kibble.rewards.node.parameter import Parameter, Value
from kibble.rewards.node.parameter_table import PARAMETERS, camera_parameters
from kibble.rewards.types import ModelSpec

__all__ = ["CameraParameters", "NodeParameters", "declared_parameters"]

_VIEW = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CameraParameters:
    """Where the images of one view come from.

    Args:
        topic: Topic of the images.
        transport: ``raw`` or ``compressed``.
        rate: Hz that the camera delivers.
    """

    topic: str
    transport: str
    rate: float


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class NodeParameters:
    """All parameters of a node; :data:`PARAMETERS` says what each means.

    Make it with :meth:`from_values`, which checks types and ranges; what must hold among several
    parameters is checked here.

    Args:
        views: Names of the views.
        cameras: View to its camera.
        reward: Reference of the reward model.
        instruction: The task; "" where a service is to say it.
        goal: Picture file of the finished scene; "" for none.
        rate: Hz of publication.
        tolerance: s between the stamps of images that are read together.
        deadline: s that a reward's newest frame may be old.
        staleness: s of silence after which a camera is lost.
        gamma: Discount factor.
        shaping: Mode of shaping.
        scale: Multiplies the potential.
        shift: Added to progress.
        auto_start: Whether the first episode starts by itself.
        episode_limit: s; 0 for none.
        use_sim_time: Whether time is that of ``/clock``; ROS's own parameter.

    Raises:
        ConfigError: If parameters contradict one another.
    """

    views: tuple[str, ...]
    cameras: Mapping[str, CameraParameters]
    reward: str
    instruction: str
    goal: str
    rate: float
    tolerance: float
    deadline: float
    staleness: float
    gamma: float
    shaping: str
    scale: float
    shift: float
    auto_start: bool
    episode_limit: float
    use_sim_time: bool = False

    def __post_init__(self) -> None:
        _check_views(self.views)
        for view, camera in self.cameras.items():
            if not camera.topic.startswith("/"):
                raise ConfigError(
                    f"Parameter `cameras.{view}.topic` must be an absolute topic, got "
                    f"{camera.topic!r}; write /{camera.topic or f'camera/{view}/image_raw'}."
                )
            if self.rate > camera.rate:
                raise ConfigError(
                    f"Parameter `rate` must lie in [0.1, {camera.rate:g}] Hz, the rate of camera "
                    f"{view!r}, got {self.rate:g}; lower it, or mend `cameras.{view}.rate` if the "
                    "camera is faster."
                )
        if self.auto_start and not self.instruction.strip():
            raise ConfigError(
                "Parameter `instruction` must say the task where `auto_start` is true, got "
                f"{self.instruction!r}; write one sentence such as 'open the drawer'."
            )

    @staticmethod
    def from_values(values: Mapping[str, object]) -> NodeParameters:
        """Make parameters of values by dotted name; what is left out has its default.

        Args:
            values: ``rate``, ``cameras.front.topic`` and so on.

        Raises:
            ConfigError: If a name is unknown, or a value is not allowed.
        """
        views = _views(values)
        declared = declared_parameters(views)
        _check_names(values, views, declared)
        checked = {
            name: parameter.checked(values[name]) if name in values else parameter.default
            for name, parameter in declared.items()
        }
        return _from_checked(checked, views, bool(values.get("use_sim_time", False)))

    def values(self) -> dict[str, Value]:
        """Return all values by dotted name, ``use_sim_time`` left out."""
        plain: dict[str, Value] = {
            parameter.name: getattr(self, parameter.name) for parameter in PARAMETERS
        }
        for view, camera in self.cameras.items():
            for field in fields(CameraParameters):
                plain[f"cameras.{view}.{field.name}"] = getattr(camera, field.name)
        return plain

    def changed(self, values: Mapping[str, object]) -> NodeParameters:
        """Return these parameters with some that may change while a node runs.

        Raises:
            ConfigError: If one may not, is unknown, or is outside what is allowed.
        """
        declared = declared_parameters(self.views)
        _check_names(values, self.views, declared)
        own = self.values()
        for name, value in values.items():
            if name not in declared or declared[name].changeable:
                continue
            if declared[name].checked(value) != own[name]:
                raise ConfigError(
                    f"Parameter `{name}` cannot be changed while the node is configured, got "
                    f"{value!r}; clean the node up, change it, and configure it again."
                )
        return NodeParameters.from_values(
            {**own, "use_sim_time": self.use_sim_time, **dict(values)}
        )

    def check_model(self, spec: ModelSpec) -> None:
        """Check that a reward model can read these views.

        Raises:
            ConfigError: If it does not know one, lacks one, or needs a goal picture.
        """
        known = ", ".join(spec.views)
        for view in self.views:
            if view not in spec.views:
                raise ConfigError(
                    f"Parameter `views` must name views that reward model {spec.name!r} reads, "
                    f"{known}, got {view!r}; {_near(view, spec.views) or 'choose among these.'}"
                )
        for view in spec.required_views:
            if view not in self.views:
                raise ConfigError(
                    f"Parameter `views` must hold {view!r}, which reward model {spec.name!r} "
                    f"needs, got {', '.join(self.views)}; add the view and its camera."
                )
        if spec.needs_goal and not self.goal:
            raise ConfigError(
                f"Parameter `goal` must be a picture of the finished scene, which reward model "
                f"{spec.name!r} needs, got none; give its file."
            )


def declared_parameters(views: tuple[str, ...]) -> dict[str, Parameter]:
    """Return all parameters of a node with these views, by name, ``use_sim_time`` left out."""
    cameras = [parameter for view in views for parameter in camera_parameters(view)]
    return {parameter.name: parameter for parameter in (*PARAMETERS, *cameras)}


def _views(values: Mapping[str, object]) -> tuple[str, ...]:
    parameter = next(parameter for parameter in PARAMETERS if parameter.name == "views")
    views = parameter.checked(values.get("views", parameter.default))
    assert isinstance(views, tuple)
    _check_views(views)
    return views


def _check_views(views: tuple[str, ...]) -> None:
    if not views or len(set(views)) < len(views):
        raise ConfigError(
            f"Parameter `views` must name at least one view, each once, got {list(views)}; write "
            "for example [front]."
        )
    for view in views:
        if not _VIEW.fullmatch(view):
            raise ConfigError(
                f"Parameter `views` must hold names of letters, digits and _, got {view!r}."
            )


def _check_names(
    values: Mapping[str, object], views: tuple[str, ...], declared: Mapping[str, Parameter]
) -> None:
    for name in values:
        if name in declared:
            continue
        if name == "use_sim_time":
            if not isinstance(values[name], bool):
                raise ConfigError(
                    f"Parameter `use_sim_time` must be true or false, got {values[name]!r}."
                )
            continue
        parts = name.split(".")
        if len(parts) == 3 and parts[0] == "cameras" and parts[1] not in views:
            raise ConfigError(
                f"Parameter `{name}` must belong to one of `views`, {', '.join(views)}, got view "
                f"{parts[1]!r}; {_near(parts[1], views) or 'add it to `views`, or remove it.'}"
            )
        hint = _near(name, tuple(declared)) or f"known: {', '.join(declared)}."
        raise ConfigError(f"Parameters must be known, got `{name}`; {hint}")


def _near(word: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {near[0]!r}?" if near else ""


def _from_checked(
    checked: Mapping[str, Value], views: tuple[str, ...], use_sim_time: bool
) -> NodeParameters:
    plain: dict[str, Any] = {p.name: checked[p.name] for p in PARAMETERS}
    cameras: dict[str, Any] = {
        view: {
            field.name: checked[f"cameras.{view}.{field.name}"]
            for field in fields(CameraParameters)
        }
        for view in views
    }
    return NodeParameters(
        **plain,
        cameras={view: CameraParameters(**camera) for view, camera in cameras.items()},
        use_sim_time=use_sim_time,
    )
