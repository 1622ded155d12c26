from __future__ import annotations

from types import SimpleNamespace as Message

import numpy as np
import pytest

from kibble.envs.robot.message_path import MessagePath
from kibble.rewards.errors import ConfigError

_JOINTS = Message(name=["arm/elbow.1", "wrist"], position=np.array([0.5, 0.25]), velocity=[])


@pytest.mark.parametrize(
    ("path", "message", "value"),
    [
        ("point.x", Message(point=Message(x=2)), 2.0),
        ("data", Message(data=True), 1.0),
        ("data[1]", Message(data=[1.0, 3.0]), 3.0),
        ("data[2]", Message(data=[1.0, 3.0]), None),
        ("position[wrist]", _JOINTS, 0.25),
        ("position[arm/elbow.1]", _JOINTS, 0.5),
        ("position[knee]", _JOINTS, None),
        ("velocity[wrist]", _JOINTS, None),
        ("poses[1].x", Message(poses=[Message(x=1), Message(x=4)]), 4.0),
    ],
)
def test_numbers_are_found_where_they_are(path, message, value):
    assert MessagePath(path).read(message) == value


@pytest.mark.parametrize("text", ["", "a..b", "a[", "a[b", "a[]", "2x", "a b"])
def test_what_is_no_path_is_refused(text):
    with pytest.raises(ConfigError, match="`path` must be fields with dots between them"):
        MessagePath(text)


def test_a_field_that_does_not_exist_and_what_is_no_number_are_errors():
    with pytest.raises(ConfigError, match="has no field 'z'"):
        MessagePath("point.z").read(Message(point=Message(x=1)))
    with pytest.raises(ConfigError, match="must lead to a number, got 'data', a str"):
        MessagePath("data").read(Message(data="far"))
