# Copyright 2026 Kibble contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""The reward node's parameters in ROS: declared with descriptors and ranges, read, and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

from rcl_interfaces.msg import FloatingPointRange, ParameterDescriptor
from rclpy.exceptions import InvalidParameterValueException
from rclpy.node import Node

from kibble.rewards.errors import ConfigError
from kibble.rewards.node.parameter import Parameter
from kibble.rewards.node.parameters import NodeParameters, declared_parameters

__all__ = ["DeclaredParameters"]

_OF_ROS = ("qos_overrides.", "start_type_description_service")


@final
class DeclaredParameters:
    """Declares the table's parameters on a node and reads them.

    What a parameter file says too much, such as a camera of a view that is not there, stays
    declared and is named as an error by :meth:`read`; ROS would ignore it.

    Args:
        node: Made with ``automatically_declare_parameters_from_overrides``.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._declared: dict[str, Parameter] = {}
        self.follow_views()

    def follow_views(self) -> None:
        """Declare the parameters of the cameras of ``views``; forget those of other views."""
        wanted = declared_parameters(self._views())
        for name in self._declared.keys() - wanted.keys():
            self._node.undeclare_parameter(name)
        for name in wanted.keys() - self._declared.keys():
            self._declare(wanted[name])
        self._declared = wanted

    def read(self) -> NodeParameters:
        """Return all parameters, checked.

        Raises:
            ConfigError: If one is unknown or not allowed; the text gives its name and range.
        """
        self.follow_views()
        return NodeParameters.from_values(
            self.own(
                {
                    name: parameter.value
                    for name, parameter in self._node.get_parameters_by_prefix("").items()
                }
            )
        )

    def check(self, name: str, value: object) -> None:
        """Check one new value by itself, before the node is configured.

        Raises:
            ConfigError: If it is not allowed; the text gives name and range.
        """
        if name in self._declared:
            self._declared[name].checked(value)

    def own(self, values: Mapping[str, object]) -> dict[str, object]:
        """Return those values that are not ROS's own parameters."""
        return {name: value for name, value in values.items() if not _is_of_ros(name)}

    def _views(self) -> tuple[str, ...]:
        views: object = None
        if self._node.has_parameter("views"):
            views = self._node.get_parameter("views").value
        try:
            return NodeParameters.from_values({} if views is None else {"views": views}).views
        except ConfigError:  # is said when the node is configured
            return ()

    def _declare(self, parameter: Parameter) -> None:
        value: object = parameter.default
        if self._node.has_parameter(parameter.name):
            value = self._node.get_parameter(parameter.name).value
            self._node.undeclare_parameter(parameter.name)
        try:
            self._declare_as(parameter, value, ranged=True)
        except InvalidParameterValueException:  # is said when the node is configured
            self._declare_as(parameter, value, ranged=False)

    def _declare_as(self, parameter: Parameter, value: object, *, ranged: bool) -> None:
        self._node.declare_parameter(
            parameter.name,
            list(value) if isinstance(value, tuple) else value,
            _descriptor(parameter, ranged=ranged),
            ignore_override=True,
        )


def _is_of_ros(name: str) -> bool:
    return name.startswith(_OF_ROS)


def _descriptor(parameter: Parameter, *, ranged: bool) -> ParameterDescriptor:
    when = "any time" if parameter.changeable else "while the node is not configured"
    return ParameterDescriptor(
        name=parameter.name,
        description=parameter.meaning,
        additional_constraints=f"{parameter.allowed}; may be changed {when}",
        dynamic_typing=True,  # whole numbers pass where numbers are asked for
        floating_point_range=_range(parameter) if ranged else [],
    )


def _range(parameter: Parameter) -> Sequence[FloatingPointRange]:
    if parameter.kind != "double":
        return []
    return [FloatingPointRange(from_value=parameter.low, to_value=parameter.high, step=0.0)]
