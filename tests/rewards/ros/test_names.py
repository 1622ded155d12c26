"""Names as ROS writes them."""

from __future__ import annotations

import pytest

from kibble.rewards.errors import ConfigError
from kibble.rewards.ros.names import full_name, namespace_of, node_name_of


@pytest.mark.parametrize(
    ("name", "namespace", "expected"),
    [
        ("/camera/image_raw", "/lab", "/camera/image_raw"),
        ("~/reward", "/", "/node/reward"),
        ("~/a/b", "/lab/left", "/lab/left/node/a/b"),
        ("image", "/", "/image"),
        ("image", "/lab", "/lab/image"),
    ],
)
def test_names_are_made_absolute(name: str, namespace: str, expected: str) -> None:
    assert full_name(name, node_name="node", namespace=namespace) == expected


@pytest.mark.parametrize("name", ["", "/", "~/", "~", "a b", "/a//b", "/a/", "/1a", "/a-b", "~x"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="got"):
        full_name(name, node_name="node", namespace="/")


@pytest.mark.parametrize("name", ["", "a b", "/node", "1node", "a/b"])
def test_what_is_no_node_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="`node_name`"):
        node_name_of(name)


def test_namespaces_have_a_slash_in_front_and_none_behind() -> None:
    assert [namespace_of(n) for n in ("", "/", "lab", "/lab/", "lab/left")] == [
        "/",
        "/",
        "/lab",
        "/lab",
        "/lab/left",
    ]
    with pytest.raises(ConfigError, match="`namespace`"):
        namespace_of("my lab")
