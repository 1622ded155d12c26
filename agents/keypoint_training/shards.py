"""The form of recorded keypoints: compressed NumPy archives of frames and of sentences about them.

``<folder>/<split>/<task>-<number>.npz``; the splits are ``train`` and ``heldout``. F frames of one
view each; S samples, each of which is a frame with something that can be asked for in it, in P
different wordings; R keypoints in the order of ``ROLES``; L different sentences.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kibble.rewards.errors import CheckpointError

__all__ = ["ABSENT", "HIDDEN", "SPLITS", "VISIBLE", "Shard", "shard_files"]

SPLITS = ("train", "heldout")
ABSENT, HIDDEN, VISIBLE = 0, 1, 2
"""Values of ``Shard.visibility``."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shard:
    """One archive; every field is an array of this name in it.

    Args:
        frames: (F, H, W, 3) uint8 RGB, H = W = 96.
        views: (F,) str, ``"front"``, ``"side"`` or ``"top"``.
        looks: (F,) str, ``"plain"``, ``"training"`` or ``"heldout"``: see ``Appearance``.
        scenes: (F,) str, task that the scene belongs to.
        episodes: (F,) int32, episode within the shard; the views of one moment stand together.
        sample_frames: (S,) int32 in [0, F), the frame that a sample is about; rising.
        plans: (S,) str, task that its sentences ask for: which plan they mean.
        phrasings: (S, P) int32 in [0, L), sentences that all mean the same, the plainest first.
            P = 6. Leave the last one out of training to tell how unknown wordings fare.
        sentences: (L,) str.
        named: (S,) bool, whether the scene has what the sentences name. Where it has not, the
            gripper alone is given.
        pixels: (S, R, 2) float32, (u, v) in pixels of the frame, the first covering
            [0, 1) x [0, 1). Also of hidden points; beyond the frame where they lie outside of it;
            NaN where absent.
        positions: (S, R, 3) float32 m in the base frame, NaN where absent.
        visibility: (S, R) uint8: ``ABSENT`` (0: the task lacks the role, or nothing is named),
            ``HIDDEN`` (1: behind something, or outside of the frame), ``VISIBLE`` (2).
    """

    frames: NDArray[np.uint8]
    views: NDArray[np.str_]
    looks: NDArray[np.str_]
    scenes: NDArray[np.str_]
    episodes: NDArray[np.int32]
    sample_frames: NDArray[np.int32]
    plans: NDArray[np.str_]
    phrasings: NDArray[np.int32]
    sentences: NDArray[np.str_]
    named: NDArray[np.bool_]
    pixels: NDArray[np.float32]
    positions: NDArray[np.float32]
    visibility: NDArray[np.uint8]

    def write(self, file: Path) -> None:
        """Write the archive; a file that is there is complete, whenever this is stopped."""
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(".unfinished")
        with unfinished.open("wb") as stream:
            np.savez_compressed(
                stream, **{each.name: getattr(self, each.name) for each in _FIELDS}
            )
        unfinished.replace(file)

    @classmethod
    def read(cls, file: Path) -> Shard:
        """Read an archive.

        Raises:
            CheckpointError: If it is not such an archive, or damaged.
        """
        try:
            with np.load(file) as archive:
                return cls(**{each.name: archive[each.name] for each in _FIELDS})
        except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise CheckpointError(
                f"{file} is not an archive of recorded keypoints ({error}); delete it, and record "
                "it again."
            ) from error


_FIELDS = fields(Shard)


def shard_files(folder: Path, split: str, tasks: Sequence[str]) -> list[Path]:
    """Return the archives of a split, task by task.

    Raises:
        CheckpointError: If a task has none.
    """
    found: list[Path] = []
    for task in tasks:
        files = sorted((folder / split).glob(f"{task}-*.npz"))
        if not files:
            raise CheckpointError(
                f"There are no recorded keypoints of {task!r} in {folder / split}; record them "
                "first, with `kibble pretrain_keypoints`."
            )
        found.extend(files)
    return found
