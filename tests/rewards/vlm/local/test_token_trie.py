"""A trie allows the given strings and no others."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from kibble.rewards.vlm.local.token_trie import TokenTrie

strings = st.lists(
    st.lists(st.integers(0, 3), min_size=1, max_size=5).map(tuple), min_size=1, max_size=10
)


def _paths(trie: TokenTrie, begun: tuple[int, ...] = ()) -> set[tuple[int, ...]]:
    found = {begun} if trie.ends else set()
    for token in trie.allowed():
        found |= _paths(trie.after(token), (*begun, token))
    return found


@given(strings)
def test_what_it_allows_is_what_was_given(given_: list[tuple[int, ...]]) -> None:
    trie = TokenTrie(given_)
    assert _paths(trie) == set(given_)
    assert trie.depth == max(map(len, given_))


def test_every_node_leads_somewhere() -> None:
    trie = TokenTrie(itertools.product((1, 2), repeat=3))
    for first, second in itertools.product((1, 2), repeat=2):
        node = trie.after(first).after(second)
        assert not node.ends
        assert sorted(node.allowed()) == [1, 2]
        assert node.after(1).ends
        assert node.after(1).allowed() == ()
