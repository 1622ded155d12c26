"""Which views there are, and what each of them is read from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kibble.rewards.errors import ConfigError

__all__ = ["DEFAULT_VIEW", "Source", "name_views", "rename_views"]

Source = str | Sequence[str] | Mapping[str, str]
"""A path, several paths, or a mapping of view names to paths."""

DEFAULT_VIEW = "front"
"""Name of the only view where none is given: the one that reward models read first."""

Views = Sequence[str] | Mapping[str, str] | None


def name_views(source: Source, views: Views) -> dict[str, str]:
    """Map each view to its path.

    Args:
        source: What ``input=`` was given.
        views: What ``views=`` was given: one name for each path, in the same order.

    Raises:
        ConfigError: If names and paths do not match, or a name comes twice.

    >>> name_views(["a.mp4", "b.mp4"], ["front", "wrist"])
    {'front': 'a.mp4', 'wrist': 'b.mp4'}
    """
    if isinstance(source, Mapping):
        if views is not None:
            raise ConfigError(
                "`views` must be left out where `input` names its views itself, got "
                f"views={_shown(views)}; write 'input={{front: a.mp4, wrist: b.mp4}}' alone."
            )
        paths = {str(view): str(path) for view, path in source.items()}
        if not paths:
            raise ConfigError("`input` must name at least one path, got an empty mapping.")
        return paths
    sources = [source] if isinstance(source, str) else [str(path) for path in source]
    if not sources:
        raise ConfigError("`input` must name at least one path, got an empty list.")
    if isinstance(views, Mapping):
        raise ConfigError(
            "`views` must be a list of names for files and folders of pictures, got "
            f"{_shown(views)}; write views=[front,wrist]."
        )
    if views is None and len(sources) == 1:
        return {DEFAULT_VIEW: sources[0]}
    names = [] if views is None else [str(view) for view in views]
    if len(names) != len(sources):
        raise ConfigError(
            f"`views` must name each input once, got {len(sources)} inputs "
            f"({', '.join(sources)}) and {len(names)} views ({', '.join(names) or 'none'}); "
            "write for example 'input=[a.mp4,b.mp4]' 'views=[front,wrist]'."
        )
    if len(set(names)) < len(names):
        raise ConfigError(f"`views` must be different names, got {', '.join(names)}.")
    return dict(zip(names, sources, strict=True))


def rename_views(found: Sequence[str], views: Views, *, where: str) -> dict[str, str]:
    """Choose and rename the views of a recording that names its own.

    Args:
        found: Names in the recording.
        views: ``None`` for all as they are, a list of those to use, or a mapping from the reward
            model's name to the recording's, such as ``{front: cam_high}``.
        where: The recording, for the error.

    Returns:
        New name to name in the recording.

    Raises:
        ConfigError: If a view is not there.

    >>> rename_views(["cam_high"], {"front": "cam_high"}, where="data")
    {'front': 'cam_high'}
    """
    if views is None:
        return {name: name for name in found}
    if isinstance(views, Mapping):
        wanted = {str(view): str(name) for view, name in views.items()}
    else:
        wanted = {str(view): str(view) for view in views}
    missing = [name for name in wanted.values() if name not in found]
    if missing or not wanted:
        raise ConfigError(
            f"`views` must be among the views of '{where}', which are {', '.join(found)}, got "
            f"{', '.join(missing) or 'none'}; choose or rename them, for example "
            f"'views={{{DEFAULT_VIEW}: {found[0]}}}'."
        )
    return wanted


def _shown(views: Sequence[str] | Mapping[str, str]) -> str:
    if isinstance(views, Mapping):
        return "{" + ", ".join(f"{view}: {name}" for view, name in views.items()) + "}"
    return f"[{','.join(map(str, views))}]"
