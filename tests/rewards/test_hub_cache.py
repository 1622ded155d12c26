"""What is in the local hub cache, found without the hub's packages."""

from __future__ import annotations

import json

from huggingface_hub import constants

from kibble.rewards.extras import EXTRA_OF_MODULE, missing_modules
from kibble.rewards.hub_cache import cached_weights, hub_directory


def snapshot(root, name="me/model", commit="a" * 40):
    directory = root / f"models--{name.replace('/', '--')}" / "snapshots" / commit
    directory.mkdir(parents=True)
    return directory


def test_the_cache_is_where_the_hub_says(monkeypatch):
    assert hub_directory().as_posix() == str(constants.HF_HUB_CACHE)
    assert hub_directory({"HF_HUB_CACHE": "/a", "HF_HOME": "/b"}).as_posix() == "/a"
    assert hub_directory({"XDG_CACHE_HOME": "/c"}).as_posix() == "/c/huggingface/hub"


def test_weights_are_found_when_they_are_whole(tmp_path):
    environ = {"HF_HUB_CACHE": str(tmp_path)}
    assert cached_weights("me/model", environ) is None
    directory = snapshot(tmp_path)
    (directory / "config.json").write_text("{}")
    assert cached_weights("me/model", environ) is None  # a configuration is no weights
    (directory / "model.safetensors").symlink_to(tmp_path / "gone")
    assert cached_weights("me/model", environ) is None  # nor is a link to what was cleared away
    (tmp_path / "gone").touch()
    assert cached_weights("me/model", environ) == directory


def test_all_parts_that_an_index_names_must_be_there(tmp_path):
    environ = {"HF_HUB_CACHE": str(tmp_path)}
    directory = snapshot(tmp_path)
    parts = {"a": "one.safetensors", "b": "two.safetensors"}
    (directory / "model.safetensors.index.json").write_text(json.dumps({"weight_map": parts}))
    (directory / "one.safetensors").touch()
    assert cached_weights("me/model", environ) is None
    (directory / "two.safetensors").touch()
    assert cached_weights("me/model", environ) == directory


def test_weights_may_lie_in_a_folder(tmp_path):
    environ = {"HF_HUB_CACHE": str(tmp_path)}
    folder = snapshot(tmp_path) / "contrastive"
    folder.mkdir()
    (folder / "adapter_model.safetensors").touch()
    assert cached_weights("me/model/contrastive", environ) == folder
    assert cached_weights("me/model/progress", environ) is None


def test_modules_of_an_extra_that_are_not_there_are_named(monkeypatch):
    assert missing_modules("vlm") == ()
    monkeypatch.setitem(EXTRA_OF_MODULE, "no_such_module", "vlm")
    assert missing_modules("vlm") == ("no_such_module",)
