"""Read the reward node's parameters from a ROS parameter file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kibble.rewards.errors import ConfigError, MissingDependencyError

__all__ = ["read_parameter_file"]


def read_parameter_file(path: str | Path, *, node: str = "/reward_node") -> dict[str, object]:
    """Return what a parameter file says for a node, by dotted name.

    The file's sections are ``/**``, the node's full name, its name alone, or its namespace with
    ``/*`` or ``/**``; later ones win::

        /**:
          ros__parameters:
            rate: 10.0
            cameras: {front: {topic: /camera/image_raw}}

    Args:
        path: The file.
        node: The node's full name.

    Returns:
        Name to value, as they stand there.

    Raises:
        ConfigError: If it cannot be read, is not of that form, or has no section for the node.
        MissingDependencyError: If PyYAML is missing.
    """
    try:
        import yaml
    except ImportError as error:
        raise MissingDependencyError(
            "A parameter file is read with PyYAML, which is missing; pip install 'kibble[ros]'."
        ) from error
    try:
        document = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"`params` must be a file that can be read, got {path}: {error}.") from (
            error
        )
    except yaml.YAMLError as error:
        raise ConfigError(f"`params` must be a YAML file, got {path}: {error}") from error
    if not isinstance(document, Mapping):
        raise _mistake(path, "no sections")
    values: dict[str, object] = {}
    found = False
    for section, content in document.items():
        if not isinstance(content, Mapping) or not isinstance(
            content.get("ros__parameters"), Mapping
        ):
            raise _mistake(path, f"section {section!r} without `ros__parameters:`")
        if _is_for(str(section), node):
            found = True
            values |= _flat(content["ros__parameters"], path)
    if not found:
        raise ConfigError(
            f"`params` must have a section for {node}, got {', '.join(map(str, document))} in "
            f"{path}; write /** for any node."
        )
    return values


def _is_for(section: str, node: str) -> bool:
    node = "/" + node.strip("/")
    namespace = node.rpartition("/")[0]
    full = "/" + section.strip("/")
    return (
        full in (node, "/**", f"{namespace}/*", f"{namespace}/**")
        or section == (node.rpartition("/")[2])
    )


def _flat(tree: Mapping[object, object], path: str | Path, prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in tree.items():
        if not isinstance(key, str):
            raise _mistake(path, f"the name {prefix}{key!r}, which is no text")
        if isinstance(value, Mapping):
            flat |= _flat(value, path, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def _mistake(path: str | Path, got: str) -> ConfigError:
    return ConfigError(
        f"`params` must be a ROS parameter file, got {got} in {path}; write\n"
        "/**:\n  ros__parameters:\n    rate: 10.0"
    )
