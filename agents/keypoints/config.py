"""Settings of ``kibble keypoints``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kibble.agents.near_names import one_of
from kibble.agents.task_config import TaskConfig
from kibble.rewards.errors import ConfigError

__all__ = ["KeypointsConfig"]


@dataclass(frozen=True, kw_only=True)
class KeypointsConfig:
    """Settings of ``kibble keypoints``.

    Args:
        task: The simulated task whose start is shown where input is null.
        input: A picture, a video, a folder of pictures, a LeRobot dataset or a run directory, of
            which the first frame is shown; several as a list with views=, or as
            {front: a.png, side: b.png}. null shows a simulated task.
        views: A name for each input, such as [front,side]; null calls a single one front. Of a
            simulated task the cameras that are shown; null takes front and side.
        episode: Number of the episode in a dataset or of a run, from 0.
        seed: Seed of the simulated scene; of a sheet the first, the others count up from it.
        instruction: What is to be done; null takes what the task or the recording says.
        show: page (points are clicked on a local page and saved as YAML) or proposals (a contact
            sheet of what a proposer marks, PNG).
        proposer: Whose points are shown: FILE.yaml, embedded, a directory of own weights,
            keypoints_vlm@WEIGHTS?key=value, or oracle (simulated tasks alone, to compare with).
            The page begins with them, null with none; a sheet needs one, null takes embedded.
        appearance: Look of simulated scenes: plain, training (cameras, light, colours and things
            beside vary) or heldout (by more than training ever draws).
        scenes: Scenes on a sheet, where they are simulated.
        calibration: tabletop, or a directory with a camera_info file per view, by which a sheet
            of recorded pictures shows heights; simulated cameras are known.
        out: File to write; null makes keypoints-NAME.yaml or .png, with a number where that
            exists.
        overwrite: Whether a file of that name may be replaced.
        browser: Whether a browser is opened; the address is printed anyway.
        port: TCP port of the page on this machine; 0 takes a free one.
        quiet: Whether to leave out the progress bar.

    Raises:
        ConfigError: If a value is out of range.
    """

    task: TaskConfig = field(default_factory=TaskConfig)
    input: Any = None
    views: Any = None
    episode: int = 0
    seed: int = 0
    instruction: str | None = None
    show: str = "page"
    proposer: str | None = None
    appearance: str = "plain"
    scenes: int = 12
    calibration: str | None = None
    out: str | None = None
    overwrite: bool = False
    browser: bool = True
    port: int = 0
    quiet: bool = False

    def __post_init__(self) -> None:
        one_of("show", self.show, ("page", "proposals"))
        one_of("appearance", self.appearance, ("plain", "training", "heldout"))
        if self.input is not None and (
            not isinstance(self.input, str | list | dict) or self.input in ("", [], {})
        ):
            raise ConfigError(
                f"`input` must name a picture, a video or a folder, got {self.input!r}; write "
                "input=start.png or 'input={front: a.png, side: b.png}'."
            )
        if not isinstance(self.views, list | dict | None):
            raise ConfigError(
                f"`views` must be a list of names, got {self.views!r}; write 'views=[front]'."
            )
        if self.input is None and isinstance(self.views, dict):
            raise ConfigError(
                f"`views` of a simulated task must be a list of cameras, got {self.views!r}; "
                "write 'views=[front,side]'."
            )
        if self.instruction is not None and not any(map(str.isalnum, self.instruction)):
            raise ConfigError(
                f"`instruction` must say what is to be done in words, got {self.instruction!r}; "
                "write one sentence such as instruction='push the red cube onto the green pad'."
            )
        if not 1 <= self.scenes <= 100:
            raise ConfigError(f"`scenes` must lie in [1, 100], got {self.scenes}.")
        if self.seed < 0 or self.episode < 0:
            raise ConfigError(
                f"`seed` and `episode` must be at least 0, got {self.seed} and {self.episode}."
            )
        if not 0 <= self.port <= 65_535:
            raise ConfigError(f"`port` must lie in [0, 65535], got {self.port}.")
        endings = (".png",) if self.show == "proposals" else (".yaml", ".yml")
        if self.out is not None and not self.out.lower().endswith(endings):
            raise ConfigError(
                f"`out` must end in {' or '.join(endings)} with show={self.show}, got "
                f"{self.out!r}."
            )
