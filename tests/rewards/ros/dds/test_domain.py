"""Domains and Cyclone DDS's configuration."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from tests.ros_domain import free_domain

from kibble.rewards.errors import ConfigError
from kibble.rewards.ros.dds.dds_transport import DdsTransport
from kibble.rewards.ros.dds.domain import configuration


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
