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

"""The reward node as a managed (lifecycle) node of rclpy; what it does is in kibble.rewards.node.

=============  ==================================================================================
transition     what happens
=============  ==================================================================================
configure      parameters are read and checked, the model is opened, topics and services appear
activate       images are read, rewards are published
deactivate     nothing is published any more; the episode stays, and its potential is held
cleanup        topics, services and the model are gone; parameters may all be changed again
=============  ==================================================================================

A transition that fails says why in the log and leaves the node where it was.
"""

from __future__ import annotations

import functools
import logging
import signal
import traceback
from collections.abc import Callable
from typing import final

import rclpy
from rcl_interfaces.msg import SetParametersResult
from rclpy.executors import MultiThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter

from kibble.rewards.errors import ConfigError, KibbleError
from kibble.rewards.node.model_opening import open_node_model
from kibble.rewards.node.reward_node import RewardNode
from kibble.rewards.node.wiring import Wiring, connect
from kibble_ros.declared_parameters import DeclaredParameters
from kibble_ros.rclpy_transport import THREADS, RclpyTransport, spin
from kibble_ros.ros_clock import RosClock
from kibble_ros.ros_log_handler import RosLogHandler

__all__ = ["RewardLifecycleNode", "main"]

_PATIENCE = 3.0  # s that configuring waits for a service
_LOOK = 0.5  # s between two looks at whether a thread of the node has ended

_TransitionT = Callable[["RewardLifecycleNode", LifecycleState], TransitionCallbackReturn]


def _logged(transition: _TransitionT) -> _TransitionT:
    """Log what a transition raises before rclpy, which says nothing, makes an error of it."""

    @functools.wraps(transition)
    def logged(node: RewardLifecycleNode, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            return transition(node, state)
        except Exception:
            node.get_logger().error(f"{transition.__name__} failed.\n{traceback.format_exc()}")
            raise

    return logged


@final
class RewardLifecycleNode(LifecycleNode):  # type: ignore[misc]  # rclpy is not typed here
    """Turns camera topics into rewards.

    Args:
        name: Its name, where no remapping gives another.
    """

    def __init__(self, name: str = "reward_node") -> None:
        super().__init__(name, automatically_declare_parameters_from_overrides=True)
        self._log = RosLogHandler(self)
        logging.getLogger("kibble").addHandler(self._log)
        logging.getLogger("kibble_ros").addHandler(self._log)
        self._declared = DeclaredParameters(self)
        self._node: RewardNode | None = None
        self._wiring: Wiring | None = None
        self.add_on_set_parameters_callback(self._on_parameters)
        self.create_timer(_LOOK, self._look)

    @_logged
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Read and check the parameters, open the model, and make topics and services."""
        try:
            parameters = self._declared.read()
            model = open_node_model(parameters, patience=_PATIENCE)
            self._node = RewardNode(parameters, model, RosClock(self))
            name = self.get_fully_qualified_name()
            self._wiring = connect(self._node, RclpyTransport(self), name=name)
        except (KibbleError, TimeoutError) as error:
            return self._failed(str(error))
        except ImportError as error:
            return self._failed(
                f"The Python package {error.name!r} is missing for reward {parameters.reward!r}; "
                "install it into ROS's Python, or run the model elsewhere by `kibble serve` and "
                "take remote@URL/MODEL, which needs httpx alone."
            )
        views = ", ".join(
            f"{view} = {camera.topic}" for view, camera in parameters.cameras.items()
        )
        self.get_logger().info(f"Configured: {views}; reward model {parameters.reward}.")
        return TransitionCallbackReturn.SUCCESS

    @_logged
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Begin to read images and to publish rewards."""
        assert self._wiring is not None
        self._wiring.start()
        return super().on_activate(state)

    @_logged
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop publishing; the potential is held."""
        assert self._wiring is not None
        self._wiring.stop()
        return super().on_deactivate(state)

    @_logged
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Let go of topics, services and model."""
        self.free()
        return TransitionCallbackReturn.SUCCESS

    @_logged
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Let go of everything."""
        self.free()
        return TransitionCallbackReturn.SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Let go of everything and be unconfigured again."""
        self.free()
        return TransitionCallbackReturn.SUCCESS

    def free(self) -> None:
        """Let go of topics, services and model; doing so twice does nothing."""
        wiring, self._wiring = self._wiring, None
        node, self._node = self._node, None
        if wiring is not None:
            wiring.close()
        if node is not None:
            node.close()

    def _failed(self, reason: str) -> TransitionCallbackReturn:
        self.get_logger().error(f"The node could not be configured. {reason}")
        self.free()
        return TransitionCallbackReturn.FAILURE

    def _on_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        values = {parameter.name: parameter.value for parameter in parameters}
        try:
            if self._node is None:
                for name, value in values.items():
                    self._declared.check(name, value)
            else:
                self._node.change(self._declared.own(values))
        except ConfigError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _look(self) -> None:
        """Stop where a thread of the node ended by an error, which is logged by then."""
        if self._wiring is not None and self._wiring.fault is not None:
            self.get_logger().fatal(f"The node cannot go on: {self._wiring.fault}")
            self.trigger_shutdown()


def main(args: list[str] | None = None) -> None:
    """Run the node until it is interrupted."""
    rclpy.init(args=args)
    node = RewardLifecycleNode()
    executor = MultiThreadedExecutor(THREADS)
    executor.add_node(node)
    try:
        spin(executor)
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # launch sends another to who is ending
        node.free()
        executor.shutdown()
        node.destroy_node()
        rclpy.try_shutdown()


if __name__ == "__main__":
    main()
