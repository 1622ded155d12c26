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

"""The time of a node of rclpy."""

from __future__ import annotations

from typing import final

from rclpy.node import Node

__all__ = ["RosClock"]


@final
class RosClock:
    """The node's clock: the machine's, or ``/clock`` where ``use_sim_time`` is set.

    Args:
        node: The node.
    """

    def __init__(self, node: Node) -> None:
        self._clock = node.get_clock()

    def now(self) -> int:
        """Return nanoseconds since the epoch; 0 before the first message of ``/clock``."""
        return int(self._clock.now().nanoseconds)
