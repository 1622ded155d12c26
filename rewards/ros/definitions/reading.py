"""Reads the definitions of messages and services that ROS's own packages do not have."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

__all__ = ["message_texts"]

_SERVICES_OF_ROS: Mapping[str, str] = {
    "std_srvs/srv/Empty": "---",
    "std_srvs/srv/SetBool": "bool data\n---\nbool success\nstring message",
    "std_srvs/srv/Trigger": "---\nbool success\nstring message",
}


def message_texts() -> dict[str, str]:
    """Return the definitions of this project, and of the services that it calls.

    Returns:
        Name of the message (``kibble_msgs/msg/Reward``, ``std_srvs/srv/Trigger_Request``) to text.
    """
    texts: dict[str, str] = {}
    services = dict(_SERVICES_OF_ROS)
    for entry in files(__package__).iterdir():
        stem, _, suffix = entry.name.partition(".")
        if suffix == "msg":
            texts[f"kibble_msgs/msg/{stem}"] = entry.read_text(encoding="utf-8")
        elif suffix == "srv":
            services[f"kibble_msgs/srv/{stem}"] = entry.read_text(encoding="utf-8")
    for name, text in services.items():
        request, _, response = f"{text}\n".partition("---\n")
        texts[f"{name}_Request"] = request
        texts[f"{name}_Response"] = response
    return texts
