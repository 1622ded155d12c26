"""What is written while a collection is read: part after part, each whole or not there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias, cast

import pyarrow as pa
import pyarrow.parquet as pq

from kibble.rewards.errors import CheckpointError

__all__ = ["Outcome", "read_outcomes", "write_part", "write_table"]

Outcome: TypeAlias = Mapping[str, object]
"""What became of one recording: see :meth:`RecordingReader.read`."""

_OUTCOMES = b"kibble.outcomes"
_NUMBERS = (
    *("final_progress", "best_progress", "final_success", "first_success"),
    *("mean_confidence", "oracle_mae"),
)
_SCHEMA = pa.schema(
    [
        *(("recording", pa.string()), ("name", pa.string()), ("instruction", pa.string())),
        *(("frames", pa.int32()), ("seconds", pa.float64()), ("error", pa.string())),
        *(("curve", pa.string()), ("model", pa.string()), ("version", pa.string())),
        *(("views", pa.list_(pa.string())), ("answered", pa.int32())),
        *((name, pa.float64()) for name in _NUMBERS),
        ("flags", pa.list_(pa.string())),
    ]
)


def write_part(folder: Path, outcomes: Sequence[Outcome], streams: Iterable[bytes]) -> None:
    """Write some recordings: a table of their frames, and their outcomes in its footer.

    Args:
        folder: Where parts lie; together they are one Parquet data set.
        outcomes: One for each recording.
        streams: Frames of each as an Arrow stream; nothing where it could not be read.
    """
    tables = [pa.ipc.open_stream(stream).read_all() for stream in streams if stream]
    table = pa.concat_tables(tables) if tables else pa.table({})
    footer = {_OUTCOMES: json.dumps(list(outcomes), allow_nan=False).encode()}
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), **footer})
    names = "\n".join(str(outcome["recording"]) for outcome in outcomes)
    name = f"part-{hashlib.blake2b(names.encode(), digest_size=8).hexdigest()}.parquet"
    # files without frames would not fit the schema of the others
    path = folder / (name if tables else f"_{name}")
    aside = path.with_name(f".{path.name}.unfinished")
    pq.write_table(table, aside)
    aside.replace(path)


def read_outcomes(folder: Path) -> dict[str, Outcome]:
    """Read what became of each recording so far, by its key; an answer counts before an error.

    Raises:
        CheckpointError: If a part is damaged.
    """
    outcomes: dict[str, Outcome] = {}
    for path in sorted(folder.glob("*.parquet")):
        try:
            footer = pq.read_schema(path).metadata[_OUTCOMES]
        except (pa.ArrowInvalid, OSError, KeyError, TypeError) as error:
            raise CheckpointError(
                f"'{path}' must be a part of a scored collection, but it is damaged ({error}); "
                "delete it, and its recordings are read again."
            ) from error
        for outcome in json.loads(footer):
            known = outcomes.get(outcome["recording"])
            if known is None or known["error"] is not None:
                outcomes[outcome["recording"]] = outcome
    return outcomes


def write_table(path: Path, outcomes: Iterable[Outcome]) -> None:
    """Write one row for each recording and curve, and one for each recording with an error."""
    rows: list[Mapping[str, object]] = []
    for outcome in outcomes:
        shared = {key: value for key, value in outcome.items() if key != "curves"}
        curves = cast("Sequence[Mapping[str, object]]", outcome.get("curves", ()))
        rows += [{**shared, **curve} for curve in curves] or [shared]
    aside = path.with_name(f".{path.name}.unfinished")
    pq.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA), aside)
    aside.replace(path)
