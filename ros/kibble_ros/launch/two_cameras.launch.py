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

"""Start the reward node with two cameras, configured and activated by itself."""

from kibble_ros.launching import reward_node_launch
from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    """Describe what is started; ``ros2 launch -s`` lists the arguments."""
    return reward_node_launch("two_cameras.yaml", views=("front", "wrist"))
