"""Write scores for machines: ``scores.parquet`` and ``scores.json``."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

import kibble
from kibble.agents.footage.footage import Footage
from kibble.agents.keypoints.sketched import sketch_words
from kibble.agents.score.curves import Curve
from kibble.agents.score.summary import Flag, Summary
from kibble.rewards.types import Status

__all__ = ["COLUMNS", "frame_table", "score_document", "write_json", "write_parquet"]

COLUMNS = ("progress", "hop", "success", "confidence")
"""Numbers of each frame; null wherever there is none."""


def score_document(
    footage: Footage,
    instruction: str,
    curves: Sequence[Curve],
    summaries: Sequence[Summary],
    flags: Sequence[Flag],
) -> dict[str, object]:
    """Return all results as plain values, columns as lists with ``None`` for gaps."""
    return {
        "kibble": kibble.__version__,
        "name": footage.name,
        "instruction": instruction,
        "views": list(footage.views),
        "frames": len(footage),
        "times": [round(time, 6) for time in footage.times.tolist()],
        "oracle_progress": None if footage.oracle is None else _listed(footage.oracle),
        "flags": [dataclasses.asdict(flag) for flag in flags],
        "statuses": [status.name for status in Status],
        "curves": [
            {
                "label": curve.label,
                "model": curve.spec.name,
                "version": curve.spec.version,
                "views": list(curve.views),
                "summary": dataclasses.asdict(summary),
                **{name: _listed(curve.column(name)) for name in COLUMNS},
                "status": curve.estimate.status.tolist(),
                "keypoints": [sketch_words(each) for each in curve.sketches] or None,
            }
            for curve, summary in zip(curves, summaries, strict=True)
        ],
    }


def write_json(path: Path, document: dict[str, object]) -> None:
    """Write the document in one step: a reader sees all of it or nothing."""
    aside = path.with_name(f".{path.name}.unfinished")
    aside.write_text(json.dumps(document, allow_nan=False) + "\n", encoding="utf-8")
    aside.replace(path)


def write_parquet(path: Path, footage: Footage, curves: Sequence[Curve]) -> None:
    """Write the table of :func:`frame_table` in one step."""
    aside = path.with_name(f".{path.name}.unfinished")
    pq.write_table(frame_table(footage, curves), aside)
    aside.replace(path)


def frame_table(footage: Footage, curves: Sequence[Curve]) -> pa.Table:
    """Return one row for each curve and frame.

    Columns: curve, model, frame, time (s), progress, hop, success, confidence, status (by name)
    and oracle_progress; numbers are null where there is none.
    """
    count = len(footage)
    oracle = np.full(count, np.nan) if footage.oracle is None else footage.oracle
    columns: dict[str, pa.Array] = {
        "curve": pa.array([curve.label for curve in curves for _ in range(count)], pa.string()),
        "model": pa.array(
            [curve.spec.name for curve in curves for _ in range(count)], pa.string()
        ),
        "frame": pa.array(list(range(count)) * len(curves), pa.int32()),
        "time": pa.array(np.tile(footage.times, len(curves)), pa.float64()),
    }
    for name in COLUMNS:
        values = np.concatenate([curve.column(name) for curve in curves])
        columns[name] = pa.array(values, pa.float32(), mask=np.isnan(values))
    statuses = [Status(code).name for curve in curves for code in curve.estimate.status.tolist()]
    columns["status"] = pa.array(statuses, pa.string())
    truth = np.tile(oracle, len(curves)).astype(np.float64)
    columns["oracle_progress"] = pa.array(truth, pa.float32(), mask=np.isnan(truth))
    return pa.table(columns)


def _listed(values: NDArray[np.floating]) -> list[float | None]:
    return [None if math.isnan(value) else round(value, 5) for value in values.tolist()]
