"""Near names."""

from __future__ import annotations

from kibble.agents.command_line.near_names import near_names


def test_last_parts_of_dotted_names_are_near() -> None:
    assert near_names("gama", ["agent.gamma", "seed"]) == "did you mean agent.gamma?"


def test_long_lists_are_cut() -> None:
    text = near_names("zzz", [f"name{n}" for n in range(40)])
    assert text.startswith("choose from name0, name1")
    assert text.endswith("…")


def test_nothing_to_choose_from() -> None:
    assert near_names("a", []) == "there is none to choose from"
