"""What a layout keeps of an episode, as the plain data that goes into checkpoints."""

from __future__ import annotations

from collections.abc import Mapping

from kibble.rewards.errors import FrameError
from kibble.rewards.types import Episode
from kibble.rewards.vlm.prompt import Picture

__all__ = ["recalled", "recalled_number", "remember"]


def remember(episode: Episode, name: str, pictures: Mapping[str, Picture]) -> None:
    """Put copies of pictures, by camera, into an episode's memory under a name."""
    episode.memory[name] = {
        camera: [picture.pixels.copy(), picture.key]  # a caller may write to its frames again
        for camera, picture in pictures.items()
    }


def recalled(episode: Episode, name: str) -> dict[str, Picture]:
    """Take pictures out of an episode's memory again, by camera.

    Raises:
        FrameError: If there are none: another model opened the episode.
    """
    kept = episode.memory.get(name)
    if not isinstance(kept, dict):
        raise _foreign(episode, name)
    return {camera: Picture.known(pixels, key) for camera, (pixels, key) in kept.items()}


def recalled_number(episode: Episode, name: str) -> float:
    """Take a number out of an episode's memory.

    Raises:
        FrameError: If there is none: another model opened the episode.
    """
    number = episode.memory.get(name)
    if not isinstance(number, float):
        raise _foreign(episode, name)
    return number


def _foreign(episode: Episode, name: str) -> FrameError:
    return FrameError(
        f"Every episode must hold {name!r} in its memory, got {sorted(episode.memory)}; open "
        "episodes with this model's `begin`, one model for the whole episode."
    )
