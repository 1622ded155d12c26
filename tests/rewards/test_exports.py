"""What the package offers at its door."""

from __future__ import annotations

import pytest

import kibble.rewards


@pytest.mark.parametrize("name", kibble.rewards.__all__)
def test_every_exported_name_is_there(name):
    assert getattr(kibble.rewards, name) is not None


def test_models_open_from_the_door():
    assert "clip" in kibble.rewards.known_models()
    assert kibble.rewards.open_model("time_counter").spec.name == "time_counter"
    with pytest.raises(AttributeError, match="has no attribute 'opne_model'"):
        kibble.rewards.opne_model  # noqa: B018
