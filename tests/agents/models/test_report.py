"""``kibble models`` on this machine, and on one with some weights."""

from __future__ import annotations

import json

import pytest
from tests.rewards.vlm import tiny_models

from kibble.agents.cli import run
from kibble.agents.models import report
from kibble.agents.models.facts import facts_of, options_of
from kibble.rewards.adapters.table import CARDS
from kibble.rewards.catalogue import options_class
from kibble.rewards.extras import EXTRA_OF_MODULE


@pytest.fixture(autouse=True)
def hub(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def documents(capsys, *words):
    assert run(["models", "format=json", *words]) == 0
    return json.loads(capsys.readouterr().out)


def test_every_model_is_listed_with_its_facts(capsys):
    rows = documents(capsys)
    assert [row["name"] for row in rows] == list(CARDS)
    by_name = {row["name"]: row for row in rows}
    assert by_name["grm_tiny"]["here"] == "yes"
    assert by_name["clip"]["here"] == "no"
    assert by_name["gvl"]["here"] == "yours to name"
    assert not by_name["gvl"]["causal"]
    assert by_name["grm"]["needs_goal"]
    assert run(["models"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in CARDS)
    assert "after the episode" in text
    assert "openai/clip-vit-base-patch32" in text


def test_a_narrow_terminal_gets_fewer_columns(monkeypatch, capsys):
    monkeypatch.setattr(report, "_WIDTH_OF_FILES", 80)
    assert run(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("contrasting_goals") for line in lines)


def test_weights_in_the_cache_are_found(capsys, hub):
    folder = hub / "models--openai--clip-vit-base-patch32" / "snapshots" / ("0" * 40)
    folder.mkdir(parents=True)
    (folder / "model.safetensors").touch()
    row = documents(capsys, "name=clip")
    assert row["weights"]["openai/clip-vit-base-patch32"] == str(folder)
    assert row["weights"]["openai/clip-vit-large-patch14"] is None
    assert row["here"] == f"1 of {len(CARDS['clip'].hub_ids)}"
    directory = tiny_models.clip()
    row = documents(capsys, f"name='clip@{directory}?alpha=0'")
    assert row["weights"][str(directory)] == str(directory)


def test_one_model_is_shown_with_its_options(capsys):
    assert run(["models", "name=clip"]) == 0
    text = capsys.readouterr().out
    assert "alpha=null" in text
    assert "How much only the way from baseline to goal counts" in text
    assert "arXiv 2310.12921" in text
    assert "openai/clip-vit-base-patch32: not on this machine" in text
    assert "may be given several times" in text
    row = documents(capsys, "name=clip")
    keys = [option["key"] for option in row["options"]]
    assert keys.index("alpha") < keys.index("dtype")  # its own options first


def test_a_missing_package_is_named(monkeypatch, capsys):
    monkeypatch.setitem(EXTRA_OF_MODULE, "no_such_module", "vlm")
    assert facts_of(CARDS["clip"]).here == "pip install 'kibble[vlm]'"
    assert facts_of(CARDS["random"]).here == "yes"
    assert run(["models", "name=clip"]) == 0
    assert "missing: no_such_module; pip install 'kibble[vlm]'" in capsys.readouterr().out


def test_an_unknown_name_is_answered_with_a_near_one(capsys):
    assert run(["models", "name=toprewrad"]) == 2
    assert "did you mean topreward" in capsys.readouterr().err


@pytest.mark.parametrize("name", CARDS)
def test_every_option_says_what_it_does(name):
    for option in options_of(CARDS[name]):
        assert option.meaning, option.key
        assert option.kind != "a Any", option.key
    assert len(options_of(CARDS[name])) == len(options_class(CARDS[name]).__dataclass_fields__)
