"""Domain numbers, reach, and Cyclone DDS's configuration."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from tests.ros_domain import free_domain

from kibble.rewards.errors import ConfigError
from kibble.rewards.ros.dds.dds_transport import DdsTransport
from kibble.rewards.ros.dds.domain import configuration, domain_number, local_only


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


def test_the_configuration_stays_on_this_machine_and_asks_for_buffers() -> None:
    local = ElementTree.fromstring(configuration({"ROS_LOCALHOST_ONLY": "1"}))
    assert [i.get("address") for i in local.iter("NetworkInterface")] == ["127.0.0.1"]
    assert [p.get("address") for p in local.iter("Peer")] == ["127.0.0.1"]
    assert local.findtext(".//AllowMulticast") == "false"
    anywhere = ElementTree.fromstring(configuration({}))
    assert not list(anywhere.iter("NetworkInterface"))
    assert anywhere.find(".//SocketReceiveBufferSize").get("max") == "32MB"


def test_what_the_user_configures_comes_last() -> None:
    assert configuration({"CYCLONEDDS_URI": "file:///etc/c.xml"}).endswith(",file:///etc/c.xml")


def test_a_configuration_that_cyclone_refuses_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYCLONEDDS_URI", "<CycloneDDS><Domain><Nonsense/></Domain></CycloneDDS>")
    with pytest.raises(ConfigError, match="CYCLONEDDS_URI"):
        DdsTransport("node", domain=free_domain())


def test_a_domain_can_be_left_and_entered_again() -> None:
    domain = free_domain()
    for _ in range(3):
        first, second = DdsTransport("first", domain=domain), DdsTransport("second", domain=domain)
        first.close()
        assert f"domain {domain} " in second.surroundings
        second.close()
