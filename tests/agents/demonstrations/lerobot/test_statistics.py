"""Statistics of episodes and their union, against NumPy over everything at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kibble.agents.demonstrations.lerobot.features import Feature, Position, image_feature
from kibble.agents.demonstrations.lerobot.statistics import episode_statistics, join_statistics

FEATURES = {
    "action": Feature(dtype="float32", shape=(3,)),
    "next.done": Feature(dtype="bool"),
    "observation.images.front": image_feature(4, 6),
    "said": Feature(dtype="string"),
}


def columns(rows: int, seed: int = 0) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
    rng = np.random.default_rng(seed)
    return {
        "action": rng.normal(size=(rows, 3)).astype(np.float32),
        "next.done": np.arange(rows) == rows - 1,
        "observation.images.front": rng.integers(0, 256, (rows, 4, 6, 3), np.uint8),
        "said": np.full(rows, "go"),
    }


def position(episode: int, first: int) -> Position:
    return Position(episode=episode, first_index=first, task_index=0, fps=10.0)


def test_statistics_of_an_episode() -> None:
    given_columns = columns(8)
    found = episode_statistics(given_columns, FEATURES, position(2, 30))
    assert "said" not in found
    action = given_columns["action"].astype(np.float64)
    assert found["action"]["mean"] == pytest.approx(action.mean(axis=0))
    assert found["action"]["std"] == pytest.approx(action.std(axis=0))
    assert found["action"]["q90"] == pytest.approx(np.quantile(action, 0.9, axis=0))
    assert found["action"]["count"].tolist() == [8]
    assert found["next.done"]["mean"].tolist() == [1 / 8]
    assert found["index"]["min"].tolist() == [30]
    assert found["timestamp"]["max"] == pytest.approx([0.7])
    pixels = given_columns["observation.images.front"].reshape(-1, 3) / 255.0
    front = found["observation.images.front"]
    assert front["mean"].shape == (3, 1, 1)
    assert front["mean"].ravel() == pytest.approx(pixels.mean(axis=0))
    assert front["std"].ravel() == pytest.approx(pixels.std(axis=0))
    assert front["min"].ravel() == pytest.approx(pixels.min(axis=0))
    assert front["max"].ravel() == pytest.approx(pixels.max(axis=0))
    inverted = np.quantile(pixels, 0.5, axis=0, method="inverted_cdf")
    assert front["q50"].ravel() == pytest.approx(inverted)


@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_the_union_is_that_of_all_rows(lengths: list[int]) -> None:
    parts, rows = [], []
    for number, length in enumerate(lengths):
        rows.append(columns(length, seed=number))
        parts.append(
            episode_statistics(rows[-1], FEATURES, position(number, sum(lengths[:number])))
        )
    joined = join_statistics(parts)
    action = np.concatenate([one["action"] for one in rows]).astype(np.float64)
    assert joined["action"]["mean"] == pytest.approx(action.mean(axis=0), abs=1e-9)
    assert joined["action"]["std"] == pytest.approx(action.std(axis=0), abs=1e-9)
    assert joined["action"]["min"] == pytest.approx(action.min(axis=0))
    assert joined["action"]["count"].tolist() == [sum(lengths)]
    assert joined["index"]["max"].tolist() == [sum(lengths) - 1]
    one_by_one = parts[0]
    for part in parts[1:]:
        one_by_one = join_statistics([one_by_one, part])
    for name, figures in joined.items():
        for key, value in figures.items():
            assert one_by_one[name][key] == pytest.approx(value, abs=1e-9)
