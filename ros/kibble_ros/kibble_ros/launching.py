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

"""What the launch files have in common: the reward node, configured and activated by itself."""

from __future__ import annotations

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    LogInfo,
    OpaqueFunction,
    RegisterEventHandler,
    TimerAction,
)
from launch.event_handlers import OnProcessStart
from launch.events import matches_action
from launch.launch_description_entity import LaunchDescriptionEntity
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode
from launch_ros.event_handlers import OnStateTransition
from launch_ros.events.lifecycle import ChangeState
from lifecycle_msgs.msg import Transition

__all__ = ["reward_node_launch"]

_AGAIN = 5.0  # s after which a node that could not be configured is configured again
_ARGUMENTS = {
    "name": ("reward_node", "name of the node"),
    "namespace": ("", "namespace of the node"),
    "autostart": ("true", "configure and activate the node"),
    "use_sim_time": ("false", "take the time from /clock"),
    "reward": ("", "reward model; empty: that of the parameter file"),
    "instruction": ("", "the task in one sentence; empty: that of the parameter file"),
}


def reward_node_launch(params: str, *, views: tuple[str, ...]) -> LaunchDescription:
    """Describe the start of one reward node.

    Configuring fails while the service is not up, or while a parameter is wrong; the node says
    why, and it is tried again until it works.

    Args:
        params: Parameter file among those that are installed, unless another is given.
        views: Its views; each gets an argument ``<view>_topic``.
    """
    share = Path(get_package_share_directory("kibble_ros"))
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                "params",
                default_value=str(share / "params" / params),
                description="parameter file",
            ),
            *(
                DeclareLaunchArgument(name, default_value=default, description=meaning)
                for name, (default, meaning) in _ARGUMENTS.items()
            ),
            *(
                DeclareLaunchArgument(
                    f"{view}_topic",
                    default_value="",
                    description=f"topic of the view {view}; empty: that of the parameter file",
                )
                for view in views
            ),
            OpaqueFunction(function=_start, kwargs={"views": views}),
        ]
    )


def _start(context: LaunchContext, *, views: tuple[str, ...]) -> list[LaunchDescriptionEntity]:
    def given(name: str) -> str:
        return str(LaunchConfiguration(name).perform(context))

    values: dict[str, object] = {"use_sim_time": given("use_sim_time").lower() == "true"}
    values |= {name: given(name) for name in ("reward", "instruction") if given(name)}
    values |= {
        f"cameras.{view}.topic": given(f"{view}_topic") for view in views if given(f"{view}_topic")
    }
    node = LifecycleNode(
        package="kibble_ros",
        executable="reward_node",
        name=given("name"),
        namespace=given("namespace"),
        parameters=[given("params"), values],
        output="screen",
    )
    if given("autostart").lower() != "true":
        return [node]
    return [*_handlers(node), node]


def _handlers(node: LifecycleNode) -> list[LaunchDescriptionEntity]:
    def change(transition: int) -> EmitEvent:
        return EmitEvent(
            event=ChangeState(
                lifecycle_node_matcher=matches_action(node), transition_id=transition
            )
        )

    return [
        RegisterEventHandler(
            OnProcessStart(target_action=node, on_start=[change(Transition.TRANSITION_CONFIGURE)])
        ),
        RegisterEventHandler(
            OnStateTransition(
                target_lifecycle_node=node,
                start_state="configuring",
                goal_state="inactive",
                entities=[change(Transition.TRANSITION_ACTIVATE)],
            )
        ),
        RegisterEventHandler(
            OnStateTransition(
                target_lifecycle_node=node,
                start_state="configuring",
                goal_state="unconfigured",
                entities=[
                    LogInfo(msg=f"The reward node is configured again in {_AGAIN:g} s."),
                    TimerAction(period=_AGAIN, actions=[change(Transition.TRANSITION_CONFIGURE)]),
                ],
            )
        ),
    ]
