"""Which tokens may come next, so that an answer is one of given strings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import final

__all__ = ["TokenTrie"]


@final
class TokenTrie:
    """Strings by their tokens.

    Args:
        strings: Tokens of each string, none empty.

    Attributes:
        ends: Whether one of the strings ends here.
        depth: Tokens of the longest string.

    >>> trie = TokenTrie([(1,), (1, 0), (2,)])
    >>> sorted(trie.allowed()), trie.after(1).ends, sorted(trie.after(1).allowed())
    ([1, 2], True, [0])
    """

    __slots__ = ("_next", "depth", "ends")

    def __init__(self, strings: Iterable[Sequence[int]] = ()) -> None:
        self._next: dict[int, TokenTrie] = {}
        self.ends = False
        self.depth = 0
        for string in strings:
            node = self
            for i, token in enumerate(string):
                node.depth = max(node.depth, len(string) - i)
                node = node._next.get(token) or node._next.setdefault(token, TokenTrie())
            node.ends = True

    def allowed(self) -> tuple[int, ...]:
        """Tokens that go on with one of the strings."""
        return tuple(self._next)

    def after(self, token: int) -> TokenTrie:
        """What is left after an allowed token."""
        return self._next[token]
