"""Which views a bag holds, by its image topics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kibble.rewards.cameras.depth_frames import DEPTH_SUFFIX
from kibble.rewards.errors import BagError, ConfigError
from kibble.rewards.ros.bags.bag import Bag
from kibble.rewards.ros.images import COMPRESSED_IMAGE, IMAGE

__all__ = ["choose_views", "name_views"]

_ONLY = "front"  # what reward models call the first view

# Parts of topics that say what is on them, not from where it is seen.
_COMMON = frozenset(
    (
        *("camera", "cameras", "color", "colour", "compressed", "compressedDepth", "depth"),
        *("aligned_depth_to_color", "depth_registered", "image", "image_color", "image_mono"),
        *("image_raw", "image_rect", "image_rect_color", "image_rect_raw", "raw", "rgb"),
    )
)


def name_views(topics: Sequence[str]) -> dict[str, str]:
    """Name image topics by the part that says which camera it is.

    Raw images come before compressed ones of the same camera. Depth topics get the ending that
    views for depth have.

    Args:
        topics: Names, in the order in which they are preferred.

    Returns:
        View to topic.

    >>> name_views(["/camera/front/image_raw", "/camera/front/image_raw/compressed",
    ...     "/wrist/color/image_raw", "/wrist/aligned_depth_to_color/image_raw"])
    ... # doctest: +NORMALIZE_WHITESPACE
    {'front': '/camera/front/image_raw', 'wrist': '/wrist/color/image_raw',
     'wrist_depth': '/wrist/aligned_depth_to_color/image_raw'}
    >>> name_views(["/camera/color/image_raw"])
    {'front': '/camera/color/image_raw'}
    """
    named: dict[str, str] = {}
    for topic in topics:
        parts = topic.strip("/").split("/")
        specific = [part for part in parts if part not in _COMMON]
        ending = DEPTH_SUFFIX if any("depth" in part.lower() for part in parts) else ""
        short = (specific[-1] if specific else _ONLY) + ending
        full = "_".join(specific or parts) + ending
        if short not in named:
            named[short] = topic
        elif not _same_images(named[short], topic):
            named.setdefault(full if full != short else "_".join(parts), topic)
    return named


def choose_views(bag: Bag, views: Sequence[str] | Mapping[str, str] | None) -> dict[str, str]:
    """Choose the image topics of a bag that are read.

    Args:
        bag: The bag.
        views: ``None`` for all but depth, named by :func:`name_views`; some of these names; or a
            mapping from the reward model's names to topics or to these names, such as
            ``{front: /camera/front/image_raw}``.

    Returns:
        View to topic.

    Raises:
        BagError: If the bag has no images.
        ConfigError: If a view or a topic is not there.
    """
    topics = (*bag.topics_of(IMAGE), *bag.topics_of(COMPRESSED_IMAGE))
    if not topics:
        shown = ", ".join(f"{topic.name} ({topic.type_name})" for topic in bag.topics[:8])
        raise BagError(
            f"A bag must hold images ({IMAGE} or CompressedImage), got '{bag.path}' with "
            f"{shown}; record the cameras' topics too."
        )
    named = name_views(topics)
    if views is None:
        colours = {view: t for view, t in named.items() if not view.endswith(DEPTH_SUFFIX)}
        return colours or named
    pairs = views.items() if isinstance(views, Mapping) else ((view, view) for view in views)
    wanted = {str(view): str(name) for view, name in pairs}
    missing = [name for name in wanted.values() if name not in named and name not in topics]
    if missing or not wanted:
        shown = ", ".join(f"{view}: {topic}" for view, topic in named.items())
        raise ConfigError(
            f"`views` must be image topics of '{bag.path}', or views, of which it has {{{shown}}},"
            f" got {', '.join(missing) or 'none'}; write for example "
            f"'views={{front: {topics[0]}}}'."
        )
    return {view: named.get(name, name) for view, name in wanted.items()}


def _same_images(topic: str, other: str) -> bool:
    """Whether the other topic carries the first one's images in another form."""
    return other.startswith(f"{topic}/") or other.rpartition("/")[0] == topic.rpartition("/")[0]
