"""Weights are found in directories and in the hub cache, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from kibble.rewards.errors import WeightsError
from kibble.rewards.vlm.local.weight_files import locate


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub cache with one repository, laid out as the hub client does."""
    repository = tmp_path / "hub" / "models--owner--name"
    snapshot = repository / "snapshots" / ("0" * 40)
    (snapshot / "progress").mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return snapshot


def test_directories_are_taken_as_they_are(tmp_path):
    assert locate(str(tmp_path)) == tmp_path


def test_hub_ids_and_their_folders_are_found_in_the_cache(hub_cache):
    assert locate("owner/name").samefile(hub_cache)
    assert locate("owner/name/progress").samefile(hub_cache / "progress")


@pytest.mark.parametrize("reference", ["owner/other", "owner/name/completion", "a b/c"])
def test_missing_weights_say_how_to_get_them(hub_cache, reference):
    with pytest.raises(WeightsError, match=r"hf download (owner/|a b/c)"):
        locate(reference)


@pytest.mark.parametrize(
    "reference", ["", "weights", "./weights", "/nowhere/at/all", "~/none/such"]
)
def test_what_can_be_no_hub_id_is_a_missing_directory(reference):
    with pytest.raises(WeightsError, match="no such directory"):
        locate(reference)
