"""The YAML file of marked keypoints."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

from kibble.rewards.errors import ConfigError, MissingDependencyError
from kibble.rewards.keypoints.fixed.document import as_document, read_document
from kibble.rewards.keypoints.fixed.scene import MarkedScene

__all__ = ["as_text", "read_file", "write_file"]

_LARGEST = 1_000_000  # bytes
_NO_STRINGS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})  # in YAML


def read_file(path: str | Path) -> MarkedScene:
    """Read a file of keypoints; see :func:`~.document.read_document` for the form.

    Raises:
        ConfigError: If there is no such file, it is no YAML, gives a key twice, or has not the
            form; the text names file and key.
        MissingDependencyError: If PyYAML is not installed.
    """
    path = Path(path)
    if not path.is_file():
        found = "a folder" if path.is_dir() else "nothing there"
        raise ConfigError(
            f"A file of keypoints must exist, got {found} at '{path}'; `kibble keypoints` makes "
            "one."
        )
    if path.stat().st_size > _LARGEST:
        raise ConfigError(
            f"A file of keypoints must be small, got {path.stat().st_size} bytes in '{path}'; "
            "give the YAML that `kibble keypoints` saved."
        )
    yaml = _yaml()
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_strict_loader(yaml))
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"A file of keypoints must be text in UTF-8, got '{path}': {error.reason}."
        ) from error
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"A file of keypoints must be YAML, got '{path}': {reason}") from error
    return read_document(document, name=path.name)


def write_file(path: str | Path, scene: MarkedScene) -> None:
    """Write a file of keypoints in one step, readable and with a line of explanation."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.unfinished")
    aside.write_text(as_text(scene), encoding="utf-8")
    aside.replace(path)


def as_text(scene: MarkedScene) -> str:
    """Write a scene as YAML, one keypoint view and one waypoint a line; needs no PyYAML."""
    document = as_document(scene)
    lines = [
        "# Keypoints of one scene. Pixels are [to the right, downwards] from the upper left",
        "# corner; heights are metres above the place. See docs/keypoints.md.",
        f"kibble_keypoints: {document['kibble_keypoints']}",
    ]
    if scene.instruction is not None:
        lines.append(f"instruction: {_flow(scene.instruction)}")
    for key in ("views", "keypoints"):
        lines.append(f"{key}:")
        entries: Any = document[key]
        lines += [f"  {_flow(name)}: {_flow(entry)}" for name, entry in entries.items()]
    lines.append("waypoints:")
    steps: Any = document["waypoints"]
    lines += [f"  - {_flow(step)}" for step in steps]
    return "\n".join(lines) + "\n"


def _flow(value: object) -> str:
    """Write plain data in YAML's flow form, of which JSON is a part; plain words stay bare."""
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, str) and value.isascii() and value.replace("_", "a").isalpha():
        return json.dumps(value) if value.lower() in _NO_STRINGS else value
    return json.dumps(value, ensure_ascii=False)


def _yaml() -> Any:
    try:
        return importlib.import_module("yaml")
    except ImportError as error:
        raise MissingDependencyError(
            "Reading a file of keypoints needs PyYAML, which is not installed; run "
            "`pip install 'kibble[keypoints]'`."
        ) from error


def _strict_loader(yaml: Any) -> Any:
    """Make a safe loader that refuses a key given twice, of which YAML would keep the last."""

    class StrictLoader(yaml.SafeLoader):  # type: ignore[misc]  # yaml is imported when needed
        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            keys = [key.value for key, _ in node.value]
            for number, key in enumerate(keys):
                if key in keys[:number]:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"key {key!r} is given twice", node.start_mark
                    )
            return super().construct_mapping(node, deep=deep)

    return StrictLoader
