"""The page about a robot's file has every key that the reader asks for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from kibble.envs.robot import read_robot

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "robot_file.md").read_text(encoding="utf-8")
READERS = ("robot_file.py", "action_section.py", "reset_section.py")
ASKED = re.compile(
    r"\.(?:has|take|number|numbers|whole|text|topic|flag|one_of|section|sections|named)\("
    r"\s*\"(\w+)\""
)


def _keys() -> list[str]:
    found = set()
    for name in READERS:
        found |= set(ASKED.findall((ROOT / "envs" / "robot" / name).read_text(encoding="utf-8")))
    return sorted(found)


@pytest.mark.parametrize("key", _keys())
def test_every_key_is_on_the_page(key):
    assert re.search(rf"[`*.\s]{key}\b", PAGE)


def test_the_keys_were_found():
    assert {"control_dt", "watchdog", "place", "tolerance", "minus"} <= set(_keys())


def test_the_example_of_the_page_can_be_read(tmp_path):
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "arm.yaml"
    file.write_text(example)
    assert read_robot(file).steps == yaml.safe_load(example)["steps"]
