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

"""Install the package; colcon reads this."""

from pathlib import Path

from setuptools import setup

NAME = "kibble_ros"


def data_files() -> list[tuple[str, list[str]]]:
    """Return what goes into ``share``, by folder."""
    share = f"share/{NAME}"
    return [
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (share, ["package.xml"]),
        *(
            (f"{share}/{folder}", sorted(str(path) for path in Path(folder).glob(pattern)))
            for folder, pattern in (("launch", "*.launch.py"), ("params", "*.yaml"))
        ),
    ]


setup(
    name=NAME,
    version="0.1.0",
    packages=[NAME],
    data_files=data_files(),
    install_requires=["setuptools"],
    extras_require={"test": ["pytest"]},
    zip_safe=True,
    maintainer="Kibble contributors",
    maintainer_email="kibble@example.org",
    description="A managed node that turns camera topics into rewards.",
    license="Apache-2.0",
    entry_points={"console_scripts": [f"reward_node = {NAME}.reward_node:main"]},
)
