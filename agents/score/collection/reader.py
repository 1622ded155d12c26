"""Read recordings in one process: what Ray runs many of.

Torch is imported in the process that reads, not in the one that only hands out the work.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, final

from kibble.agents.score.collection.recordings import Recording
from kibble.agents.score.config import ScoreConfig
from kibble.rewards.errors import ConfigError, KibbleError

if TYPE_CHECKING:
    from kibble.agents.footage.footage import Footage
    from kibble.agents.score.curves import Curve
    from kibble.agents.score.summary import Flag, Summary
    from kibble.rewards.types import RewardModel

__all__ = ["RecordingReader"]


@final
class RecordingReader:
    """Reads recordings with the models of a configuration, which are opened once.

    A recording that cannot be read, or that a model refuses, becomes an outcome with an error; the
    others go on.

    Args:
        config: Models and how recordings are sampled; ``collection`` itself is not looked at.
    """

    def __init__(self, config: ScoreConfig) -> None:
        self._config = config
        self._opened: dict[tuple[str, ...], RewardModel] = {}

    def __call__(self, block: Mapping[str, Sequence[str]]) -> dict[str, list[Any]]:
        """Read a block of recordings.

        Args:
            block: ``recording``: each as JSON.

        Returns:
            ``outcome``: what :meth:`read` says, as JSON; ``frames``: a table of every frame as
            Arrow stream, or nothing.

        """
        outcomes, tables = [], []
        for text in block["recording"]:
            outcome, table = self.read(Recording(**json.loads(text)))
            outcomes.append(json.dumps(outcome, allow_nan=False))
            tables.append(table)
        return {"outcome": outcomes, "frames": tables}

    def read(self, recording: Recording) -> tuple[dict[str, object], bytes]:
        """Read one recording and return its outcome, and its frames as an Arrow stream.

        An outcome has ``error``, which is ``None`` where it was read; ``stops`` is the name of the
        error's class where no recording can be read, because a model cannot be opened.
        """
        import torch

        from kibble.agents.devices import resolve_device
        from kibble.agents.footage.reading import Sampling, read_footage
        from kibble.agents.score.judging import open_models

        config = self._config
        torch.set_num_threads(config.threads)
        device = resolve_device(config.device)
        known: dict[str, object] = {"recording": recording.key}
        try:
            footage = read_footage(
                recording.input,
                views=recording.views,
                sampling=Sampling(
                    max_frames=config.max_frames,
                    fps=None if recording.episode is not None else config.fps,
                    episode=recording.episode or 0,
                    tolerance=config.tolerance,
                ),
                device=device,
            )
        except (KibbleError, OSError) as error:
            return {**known, "error": str(error)}, b""
        known["name"] = footage.name
        try:
            models = open_models(
                config.reward, views=footage.views, device=device, goal=True, opened=self._opened
            )
        except KibbleError as error:  # Ray would take it apart; and no recording can be read
            return {**known, "error": str(error), "stops": type(error).__name__}, b""
        try:
            _check_goal(models, recording)
            return self._judged(recording, footage, models)
        except (KibbleError, OSError) as error:
            return {**known, "error": str(error)}, b""

    def _judged(
        self, recording: Recording, footage: Footage, models: Mapping[str, RewardModel]
    ) -> tuple[dict[str, object], bytes]:
        from kibble.agents.score.curves import read_curve
        from kibble.agents.score.judging import (
            asked_of,
            flags_and_summaries,
            goal_frames,
            task_of,
        )

        task = task_of(
            recording.instruction, footage, goal_frames(recording.goal, recording.views)
        )
        curves = [
            read_curve(asked.model, asked.frames, task, label=asked.label)
            for asked in asked_of(models, footage, by_view=self._config.by_view)
        ]
        flags, summaries = flags_and_summaries(curves, models, footage, task)
        outcome: dict[str, object] = {
            "recording": recording.key,
            "name": footage.name,
            "instruction": task.instruction,
            "frames": len(footage),
            "seconds": float(footage.times[-1]),
            "error": None,
            "curves": [
                _row(curve, summary, flags)
                for curve, summary in zip(curves, summaries, strict=True)
            ],
        }
        return outcome, _frames(recording, footage, curves)


def _check_goal(models: Mapping[str, RewardModel], recording: Recording) -> None:
    for label, model in models.items():
        if model.spec.needs_goal and recording.goal is None:
            raise ConfigError(
                f"`goal` must show the finished scene for {label}, got nothing; write goal=… for "
                "all recordings, or a goal in the recording's line."
            )


def _row(curve: Curve, summary: Summary, flags: Sequence[Flag]) -> dict[str, object]:
    return {
        "curve": curve.label,
        "model": curve.spec.name,
        "version": curve.spec.version,
        "views": list(curve.views),
        **dataclasses.asdict(summary),
        "flags": sorted({flag.code for flag in flags if flag.curve in (None, curve.label)}),
    }


def _frames(recording: Recording, footage: Footage, curves: Sequence[Curve]) -> bytes:
    import pyarrow as pa

    from kibble.agents.score.tables import frame_table

    table = frame_table(footage, curves)
    table = table.add_column(0, "recording", pa.array([recording.key] * len(table), pa.string()))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())
