"""Types and hashes, against those that a real ROS 2 Jazzy wrote."""

from __future__ import annotations

import pytest

from kibble.rewards.errors import ConfigError
from kibble.rewards.ros.dds.message_types import message_types
from kibble.rewards.ros.dds.raw_types import dds_type_name, raw_type

# From `share/<package>/<msg or srv>/<name>.json` of a build of ROS 2 Jazzy.
_OF_ROS = {
    "sensor_msgs/msg/Image": "d31d41a9a4c4bc8eae9be757b0beed306564f7526c88ea6a4588fb9582527d47",
    "std_msgs/msg/Char": "3ad2d04dd29ba19d04b16659afa3ccaedd691914b02a64e82e252f2fa6a586a9",
    "kibble_msgs/msg/Reward": "79f05dfad1cf05d6824c6d2c8a0904779a3bc5a4580a3af69415c97b3edddedf",
    "kibble_msgs/msg/Keypoints": (
        "5f7fa76e26356aa600c5750c907db44223cb102b0829570cd67d5798bb405695"
    ),
    "std_srvs/srv/Trigger_Request": (
        "d010825374ce8918e72bfd826c82603e60f45419e932ea976f807b74a863a199"
    ),
    "std_srvs/srv/Trigger_Response": (
        "2d946c21e2fc3f1e9ca6986a8191d85fcc70097a8bb7771a053564bc47009cdf"
    ),
}


@pytest.mark.parametrize("type_name", sorted(_OF_ROS))
def test_hashes_equal_those_of_ros(type_name: str) -> None:
    assert message_types().hash_of(type_name) == f"RIHS01_{_OF_ROS[type_name]}"


def test_names_are_mapped_as_ros_maps_them() -> None:
    assert dds_type_name("kibble_msgs/msg/Reward") == "kibble_msgs::msg::dds_::Reward_"
    assert raw_type("kibble_msgs/msg/Reward").__idl_typename__ == "kibble_msgs.msg.dds_.Reward_"


@pytest.mark.parametrize("name", ["SetTask", "StartEpisode", "EndEpisode", "ConfirmOutcome"])
def test_our_own_services_are_known(name: str) -> None:
    for half in ("Request", "Response"):
        type_name = f"kibble_msgs/srv/{name}_{half}"
        assert message_types().check(type_name) == type_name


def test_constants_are_attributes() -> None:
    reward = message_types().store.types["kibble_msgs/msg/Reward"]
    assert (reward.STATUS_OK, reward.STATUS_MISSING_VIEW, reward.OUTCOME_FAILURE) == (0, 5, 2)


def test_an_unknown_type_says_what_is_known() -> None:
    with pytest.raises(ConfigError, match=r"'kibble_msgs/msg/Rewards'.*kibble_msgs/msg/Reward"):
        message_types().check("kibble_msgs/msg/Rewards")
