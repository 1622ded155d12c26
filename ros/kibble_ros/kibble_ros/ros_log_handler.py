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

"""What Kibble logs, said by a node."""

from __future__ import annotations

import logging
from typing import final

from rclpy.node import Node

__all__ = ["RosLogHandler"]


@final
class RosLogHandler(logging.Handler):
    """Hands log records to a node's logger, and so to the screen, ROS's log and ``/rosout``.

    Args:
        node: The node that says them.
    """

    def __init__(self, node: Node) -> None:
        super().__init__()
        self._logger = node.get_logger()
        self.setFormatter(logging.Formatter("%(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Say a record at its level."""
        text = self.format(record)
        # One call per level: rclpy refuses a place in the code that logs at another than before.
        if record.levelno >= logging.ERROR:
            self._logger.error(text)
        elif record.levelno >= logging.WARNING:
            self._logger.warning(text)
        elif record.levelno >= logging.INFO:
            self._logger.info(text)
        else:
            self._logger.debug(text)
