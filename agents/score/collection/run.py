"""Read a collection of recordings side by side, and go on where that was stopped."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from kibble.agents.progress_bar import bar
from kibble.agents.ray_session import ray_session
from kibble.agents.score.collection.parts import (
    Outcome,
    read_outcomes,
    write_part,
    write_table,
)
from kibble.agents.score.collection.reader import RecordingReader
from kibble.agents.score.collection.recordings import Recording, list_recordings
from kibble.agents.score.config import ScoreConfig
from kibble.rewards import errors
from kibble.rewards.catalogue import card_of
from kibble.rewards.errors import CheckpointError, ModelError
from kibble.rewards.reference import parse_reference

__all__ = ["score_collection"]

_MOST_IN_A_PART = 16  # recordings
_SETTINGS = ("reward", "by_view", "fps", "max_frames")


def score_collection(config: ScoreConfig) -> tuple[Path, dict[str, Outcome]]:
    """Read every recording of ``config.collection`` that was not read before.

    Writes into ``config.out``: ``collection.parquet``, one row for each recording and curve;
    ``frames``, a Parquet data set with one row for each recording, curve and frame;
    ``collection.json``, the settings. The same call again goes on: recordings with an error are
    read again, others are not.

    Returns:
        The folder, and what became of each recording, by its key.

    Raises:
        KibbleError: If there is nothing to read, a model cannot be opened, or the folder holds
            the results of other settings.
    """
    assert config.collection is not None
    for name in config.reward:  # before Ray is started, which takes seconds
        card_of(parse_reference(name))
    recordings = list_recordings(
        config.collection,
        instruction=config.instruction,
        views=config.views,
        goal=config.goal,
    )
    out = Path(config.out or Path("scores") / "collection")
    frames = out / "frames"
    _prepare(out, config)
    frames.mkdir(exist_ok=True)
    outcomes = {
        key: outcome for key, outcome in read_outcomes(frames).items() if outcome["error"] is None
    }
    waiting = [recording for recording in recordings if recording.key not in outcomes]
    with bar(config.quiet, "recordings") as show:
        show(len(recordings) - len(waiting), len(recordings))
        for block in _read_by_ray(config, waiting) if waiting else ():
            new = [cast("Outcome", json.loads(text)) for text in block["outcome"]]
            _stop_if_nothing_can_be_read(new)
            write_part(frames, new, block["frames"])
            outcomes |= {str(outcome["recording"]): outcome for outcome in new}
            show(sum(recording.key in outcomes for recording in recordings), len(recordings))
    here = {recording.key: outcomes[recording.key] for recording in recordings}
    write_table(out / "collection.parquet", here.values())
    return out, here


def _prepare(out: Path, config: ScoreConfig) -> None:
    """Make the folder, or see that what is there was made by the same settings."""
    settings = {key: value for key, value in asdict(config).items() if key in _SETTINGS}
    path = out / "collection.json"
    if path.exists():
        stored = json.loads(path.read_text(encoding="utf-8"))
        changed = [key for key in _SETTINGS if stored.get(key) != settings[key]]
        if changed:
            shown = ", ".join(
                f"{key}={settings[key]} (began with {stored.get(key)})" for key in changed
            )
            raise CheckpointError(
                f"`out` holds a collection that was read otherwise: {shown}; choose another "
                "folder, or the settings that it began with. Nothing was changed."
            )
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CheckpointError(
            f"`out` must be a new folder or that of a collection, got '{out}' with something "
            "else in it; choose another name. Nothing was changed."
        )
    out.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")


def _read_by_ray(config: ScoreConfig, waiting: Sequence[Recording]) -> Iterator[dict[str, Any]]:
    """Yield blocks of outcomes as they are finished, in any order."""
    cores = config.workers * config.threads or None
    with ray_session(config.ray, cores=cores), _quiet():
        import ray

        resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        most = int(resources.get("CPU", 1)) // config.threads
        workers = max(1, min(config.workers or most, len(waiting)))
        parts = max(-(-len(waiting) // _MOST_IN_A_PART), min(4 * workers, len(waiting)))
        rows = [{"recording": json.dumps(asdict(recording))} for recording in waiting]
        read = ray.data.from_items(rows, override_num_blocks=parts).map_batches(
            RecordingReader,
            fn_constructor_args=(config,),
            batch_size=None,
            compute=ray.data.ActorPoolStrategy(size=workers),
            num_cpus=config.threads,
            num_gpus=config.gpus,
        )
        yield from read.iter_batches(batch_size=None, prefetch_batches=0, batch_format="numpy")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Ray Data from showing bars and from logging what it raises as well."""
    import ray.data

    ray.data.DataContext.get_current().enable_progress_bars = False
    logger = logging.getLogger("ray.data")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _stop_if_nothing_can_be_read(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        if "stops" in outcome:
            raise getattr(errors, str(outcome["stops"]), ModelError)(outcome["error"])
