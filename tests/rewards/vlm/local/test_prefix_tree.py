"""What is kept of a sequence is what was computed for its beginning, and never too much of it."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from kibble.rewards.vlm.local.prefix_tree import PrefixTree, common_length

LAYERS, HEADS, WIDTH = 2, 1, 3
TOKEN_BYTES = LAYERS * 2 * HEADS * WIDTH * 4

sequences = st.lists(
    st.lists(st.integers(0, 2), min_size=1, max_size=12).map(lambda x: np.array(x, np.int64)),
    min_size=1,
    max_size=25,
)


def _states(units: np.ndarray, begin: int = 0, scope: str = "") -> torch.Tensor:
    """(layers, 2, heads, S, D) numbers that hang on everything up to each position."""
    columns = []
    for end in range(begin + 1, len(units) + 1):
        seed = hash((scope, units[:end].tobytes())) % 2**31
        columns.append(np.random.default_rng(seed).random((LAYERS, 2, HEADS, WIDTH), np.float32))
    return torch.from_numpy(np.stack(columns, axis=3))


def _read(tree: PrefixTree, units: np.ndarray, scope: str = "") -> torch.Tensor:
    out = torch.zeros(LAYERS, 2, HEADS, len(units), WIDTH)
    tree.read(scope, units, out)
    return out


@given(sequences)
def test_what_is_found_is_what_was_stored(stored: list[np.ndarray]) -> None:
    tree = PrefixTree(10**9)
    for units in stored:
        begin = tree.match("", units)
        assert begin == max(
            (common_length(units, other) for other in _before(stored, units)), default=0
        )
        if begin < len(units):
            tree.store("", units, begin, _states(units, begin))
    for units in stored:
        assert tree.match("", units) == len(units)
        assert torch.equal(_read(tree, units), _states(units))
    distinct = {units[:end].tobytes() for units in stored for end in range(1, len(units) + 1)}
    assert tree.size == len(distinct) * TOKEN_BYTES, "what is shared is kept once"


def _before(stored: list[np.ndarray], units: np.ndarray) -> list[np.ndarray]:
    at = next(i for i, other in enumerate(stored) if other is units)
    return stored[:at]


@given(sequences, st.integers(1, 40))
def test_the_limit_holds_and_what_is_left_is_right(stored: list[np.ndarray], tokens: int) -> None:
    tree = PrefixTree(tokens * TOKEN_BYTES)
    for units in stored:
        begin = tree.match("", units)
        tree.store("", units, begin, _states(units, begin) if begin < len(units) else _none())
        assert tree.size <= tokens * TOKEN_BYTES
    for units in stored:
        known = tree.match("", units)
        if known:
            assert torch.equal(_read(tree, units[:known]), _states(units)[..., :known, :])


def _none() -> torch.Tensor:
    return torch.zeros(LAYERS, 2, HEADS, 0, WIDTH)


def test_the_longest_unused_goes_first() -> None:
    tree = PrefixTree(6 * TOKEN_BYTES)
    old, new, newest = (np.array([n, n, n], np.int64) for n in (1, 2, 3))
    tree.store("", old, 0, _states(old))
    tree.store("", new, 0, _states(new))
    _read(tree, old)
    tree.store("", newest, 0, _states(newest))
    assert [tree.match("", units) for units in (old, new, newest)] == [3, 0, 3]


def test_scopes_do_not_mix() -> None:
    tree = PrefixTree(10**6)
    units = np.array([1, 2], np.int64)
    tree.store("a", units, 0, _states(units, scope="a"))
    assert tree.match("b", units) == 0
    tree.store("b", units, 0, _states(units, scope="b"))
    assert torch.equal(_read(tree, units, "a"), _states(units, scope="a"))
    assert not torch.equal(_read(tree, units, "a"), _read(tree, units, "b"))


def test_what_lost_its_beginning_is_not_kept() -> None:
    tree = PrefixTree(10**6)
    units = np.array([1, 2, 3], np.int64)
    tree.store("", units, 2, _states(units, 2))
    assert tree.size == 0
    assert tree.match("", units) == 0


def test_clearing_and_a_limit_of_nothing() -> None:
    units = np.array([1, 2], np.int64)
    off = PrefixTree(0)
    off.store("", units, 0, _states(units))
    assert off.match("", units) == off.size == 0
    assert not off.enabled
    tree = PrefixTree(10**6)
    tree.store("", units, 0, _states(units))
    tree.clear()
    assert tree.match("", units) == tree.size == 0


def test_stored_states_are_copies() -> None:
    tree = PrefixTree(10**6)
    units = np.array([1, 2], np.int64)
    states = _states(units)
    tree.store("", units, 0, states)
    states.zero_()
    assert torch.equal(_read(tree, units), _states(units))
