"""Settings of ``kibble score``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kibble.rewards.errors import ConfigError

__all__ = ["ScoreConfig"]


@dataclass(frozen=True, kw_only=True)
class ScoreConfig:
    """Settings of ``kibble score``.

    Args:
        input: A video, a picture, a folder of pictures (or of one such folder per view), a
            LeRobot dataset, a ROS 2 bag (.mcap, .db3 or its folder) or a run directory; several
            videos as a list with views=, or as {front: a.mp4, wrist: b.mp4}.
        collection: Many recordings in place of input, read side by side by Ray into one table: a
            glob in quotes ('videos/*.mp4'), a LeRobot dataset (all episodes), a folder, a .jsonl
            file with {"input": …, "instruction": …} a line, or a list of these. The same line
            again goes on where it stopped.
        workers: Processes that read a collection; 0 takes one for each core.
        gpus: GPUs of each of them; 0.5 lets two share one.
        ray: Address of a Ray cluster for a collection, or auto; null starts one on this machine.
        instruction: What was wanted, in one sentence; null takes what the recording says.
        reward: Reward models, as NAME, NAME@WEIGHTS, NAME@WEIGHTS?key=value or directories of
            weights; kibble models lists the names. Several are drawn together.
        views: A name for each input, such as [front,wrist]; for datasets and runs the views to
            use, or {front: cam_high} to rename them; for bags {front: /camera/front/image_raw}.
            null calls a single video front, and takes all views of the others.
        goal: A picture of the finished scene, or a video that ends with it, given like input;
            null goes without.
        episode: Number of the episode in a dataset, of a run or in a bag, from 0.
        by_view: Whether each view is also read alone, where a model can do that.
        fps: Frames per second to read of a video or bag at most, or at which pictures were taken
            (10).
        tolerance: Seconds that images of several cameras of a bag may lie apart to be read
            together.
        max_frames: Most frames to read; of longer recordings every 2nd, 4th, ... and the last.
        out: Folder for scores and report; null makes scores/<name of the input>.
        bag: A new bag (.mcap, .db3 or a folder) with all that the input bag holds, and a
            kibble_msgs/Reward beside each image that was read; null writes none.
        overwrite: Whether results in that folder may be replaced.
        device: auto, cpu, cuda or cuda:0.
        threads: Threads that torch uses.
        quiet: Whether to leave out the progress bar.

    Raises:
        ConfigError: If a value is missing or out of range.
    """

    input: Any = None
    collection: Any = None
    workers: int = 0
    gpus: float = 0.0
    ray: str | None = None
    instruction: str | None = None
    reward: list[str] = field(default_factory=lambda: ["grm_tiny"])
    views: Any = None
    goal: Any = None
    episode: int = 0
    by_view: bool = False
    fps: float | None = None
    tolerance: float = 0.05
    max_frames: int = 600
    out: str | None = None
    bag: str | None = None
    overwrite: bool = False
    device: str = "auto"
    threads: int = 1
    quiet: bool = False

    def __post_init__(self) -> None:
        if self.collection is not None:
            self._check_collection()
        elif not isinstance(self.input, str | list | dict) or self.input in ("", [], {}):
            raise ConfigError(
                f"`input` must name a video, a folder, or several videos, got {self.input!r}; "
                "write input=push.mp4 or 'input=[front.mp4,wrist.mp4]' 'views=[front,wrist]', "
                "or many of them with collection='videos/*.mp4'."
            )
        if not isinstance(self.views, list | dict | None):
            raise ConfigError(
                f"`views` must be a list of names or a mapping, got {self.views!r}; write "
                "'views=[front]'."
            )
        if self.instruction is not None and not any(map(str.isalnum, self.instruction)):
            raise ConfigError(
                f"`instruction` must say what was wanted in words, got {self.instruction!r}; "
                "write one sentence such as instruction='push the red cube onto the green pad'."
            )
        if not self.reward or not all(name.strip() for name in self.reward):
            raise ConfigError(
                f"`reward` must name at least one reward model, got {list(self.reward)}; "
                "write reward=grm_tiny."
            )
        if len(set(self.reward)) < len(self.reward):
            raise ConfigError(f"`reward` must name each model once, got {list(self.reward)}.")
        if self.max_frames < 2:
            raise ConfigError(f"`max_frames` must be at least 2, got {self.max_frames}.")
        if self.fps is not None and not 0.0 < self.fps <= 1_000.0:
            raise ConfigError(f"`fps` must lie in (0, 1000], got {self.fps}.")
        if not 0.0 <= self.tolerance <= 10.0:
            raise ConfigError(f"`tolerance` must lie in [0, 10] s, got {self.tolerance}.")
        if self.threads < 1:
            raise ConfigError(f"`threads` must be at least 1, got {self.threads}.")

    def _check_collection(self) -> None:
        if self.input is not None:
            raise ConfigError(
                f"`input` must be left out with `collection`, got {self.input!r}; name one "
                "recording or many."
            )
        if not isinstance(self.collection, str | list) or self.collection in ("", []):
            raise ConfigError(
                f"`collection` must name recordings, got {self.collection!r}; write "
                "collection='videos/*.mp4' or collection=data/push."
            )
        if self.bag is not None:
            raise ConfigError(
                f"`bag` must be left out with `collection`, got {self.bag!r}; it is for one input."
            )
        if self.episode != 0:
            raise ConfigError(
                f"`episode` must be left out with `collection`, got {self.episode}: all are read."
            )
        if self.workers < 0 or self.gpus < 0.0:
            raise ConfigError(
                f"`workers` and `gpus` must be 0 or more, got {self.workers} and {self.gpus}."
            )
