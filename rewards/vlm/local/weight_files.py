"""Find the files of weights on this machine; nothing is downloaded here."""

from __future__ import annotations

from pathlib import Path

from kibble.rewards.errors import WeightsError

__all__ = ["locate"]


def locate(reference: str) -> Path:
    """Return the directory that a reference to weights stands for.

    Args:
        reference: A directory; or a hub id, ``owner/name``, whose files are in the local hub
            cache (``HF_HOME`` moves it); or ``owner/name/folder`` for weights that lie in a
            folder of theirs.

    Returns:
        The directory, which exists.

    Raises:
        WeightsError: If it is neither a directory nor in the hub cache.
    """
    directory = Path(reference).expanduser()
    if reference and directory.is_dir():
        return directory
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    parts = reference.split("/")
    hub_id, folder = "/".join(parts[:2]), "/".join(parts[2:])
    if len(parts) < 2 or reference[0] in "./~":
        raise WeightsError(
            f"Weights must be a directory or a hub id (owner/name), got {reference!r}; there is "
            "no such directory."
        )
    try:
        found = Path(snapshot_download(hub_id, local_files_only=True)) / folder
    except (HFValidationError, LocalEntryNotFoundError) as error:
        raise _missing(reference, hub_id) from error
    if not found.is_dir():
        raise _missing(reference, hub_id)
    return found


def _missing(reference: str, hub_id: str) -> WeightsError:
    return WeightsError(
        f"Weights {reference!r} are neither a directory nor in the local hub cache; download them "
        f"with `hf download {hub_id}`, or give the directory they are in."
    )
