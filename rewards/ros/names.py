"""Names of nodes, topics and services as ROS writes them."""

from __future__ import annotations

import re

from kibble.rewards.errors import ConfigError

__all__ = ["full_name", "namespace_of", "node_name_of"]

_TOKEN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _check_tokens(name: str, value: str) -> None:
    for token in value.strip("/").split("/"):
        if not _TOKEN.fullmatch(token):
            raise ConfigError(
                f"`{name}` must be made of letters, digits and `_` between slashes, and no part "
                f"may begin with a digit, got {value!r}."
            )


def node_name_of(name: str) -> str:
    """Return a node's name if it is one.

    Raises:
        ConfigError: If it is not.

    >>> node_name_of("kibble_node")
    'kibble_node'
    """
    if not _TOKEN.fullmatch(name):
        raise ConfigError(
            "`node_name` must be letters, digits and `_`, and not begin with a digit, got "
            f"{name!r}."
        )
    return name


def namespace_of(namespace: str) -> str:
    """Return a namespace with one slash in front and none behind.

    Raises:
        ConfigError: If it is not a ROS name.

    >>> namespace_of(""), namespace_of("lab/left/")
    ('/', '/lab/left')
    """
    bare = namespace.strip("/")
    if not bare:
        return "/"
    _check_tokens("namespace", bare)
    return f"/{bare}"


def full_name(name: str, *, node_name: str, namespace: str) -> str:
    """Return the absolute name of a topic or service.

    Args:
        name: Absolute (``/image``), private (``~/reward``) or relative to the namespace.
        node_name: The node's name, without its namespace.
        namespace: The node's namespace, as :func:`namespace_of` returns it.

    Raises:
        ConfigError: If it is not a ROS name.

    >>> full_name("~/reward", node_name="kibble", namespace="/lab")
    '/lab/kibble/reward'
    """
    if not name.strip("/"):
        raise ConfigError(f"A topic or service must have a name, got {name!r}.")
    parent = namespace.rstrip("/")
    bare = name
    if name.startswith("~/"):
        parent, bare = f"{parent}/{node_name}", name[2:]
    elif name.startswith("/"):
        parent, bare = "", name[1:]
    if bare != bare.strip("/"):
        raise ConfigError(f"A topic or service must not end with a slash, got {name!r}.")
    _check_tokens("topic", bare)
    return f"{parent}/{bare}"
