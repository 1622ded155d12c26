"""Domain numbers and reach by ROS's variables."""

from __future__ import annotations

import pytest

from kibble.rewards.errors import ConfigError
from kibble.rewards.ros.reach import domain_number, local_only


def test_the_domain_is_the_given_one_or_that_of_ros() -> None:
    assert domain_number(7, {"ROS_DOMAIN_ID": "3"}) == 7
    assert domain_number(None, {"ROS_DOMAIN_ID": "3"}) == 3
    assert domain_number(None, {"ROS_DOMAIN_ID": ""}) == domain_number(None, {}) == 0


@pytest.mark.parametrize(
    ("number", "environment", "text"),
    [
        (233, {}, r"`domain` must lie between 0 and 232, got 233"),
        (-1, {}, r"`domain` must lie between 0 and 232, got -1"),
        (None, {"ROS_DOMAIN_ID": "300"}, r"`ROS_DOMAIN_ID` must lie between 0 and 232, got 300"),
        (None, {"ROS_DOMAIN_ID": "lab"}, r"`ROS_DOMAIN_ID` must be a number, got 'lab'"),
    ],
)
def test_a_domain_that_cannot_be_is_refused(
    number: int | None, environment: dict[str, str], text: str
) -> None:
    with pytest.raises(ConfigError, match=text):
        domain_number(number, environment)


def test_other_machines_are_spoken_to_unless_ros_says_otherwise() -> None:
    assert not local_only({})
    assert not local_only({"ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET", "ROS_LOCALHOST_ONLY": "0"})
    assert local_only({"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"})
    assert local_only({"ROS_LOCALHOST_ONLY": "1"})
    with pytest.raises(ConfigError, match="OFF"):
        local_only({"ROS_AUTOMATIC_DISCOVERY_RANGE": "OFF"})
