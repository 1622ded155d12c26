"""From a sentence to the queries with which it looks at an image."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence
from typing import final

import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own documentation uses)
from torch import Tensor, nn

__all__ = ["InstructionEncoder", "Tokenizer"]

_WORD = re.compile(r"[a-z0-9]+")


@final
class Tokenizer:
    """Lower-case words to numbers: 0 is padding, then the vocabulary, then hashed strangers.

    Args:
        vocabulary: Known words, in the order of their numbers.
        hash_buckets: How many numbers the words outside the vocabulary share.
        max_tokens: Words kept of one sentence.

    >>> Tokenizer(["red", "cube"], hash_buckets=4, max_tokens=4).encode("The RED cube!")[1:]
    [1, 2]
    """

    def __init__(self, vocabulary: Sequence[str], *, hash_buckets: int, max_tokens: int) -> None:
        self.vocabulary = tuple(vocabulary)
        self.hash_buckets = hash_buckets
        self.max_tokens = max_tokens
        self._index = {word: 1 + i for i, word in enumerate(self.vocabulary)}

    @property
    def size(self) -> int:
        """How many different numbers there are, padding included."""
        return 1 + len(self.vocabulary) + self.hash_buckets

    @staticmethod
    def words(sentence: str) -> list[str]:
        """The sentence's words, lower-case, without punctuation."""
        return _WORD.findall(sentence.lower())

    @staticmethod
    def collect(sentences: Iterable[str]) -> tuple[str, ...]:
        """The sorted vocabulary of the sentences."""
        return tuple(sorted({word for text in sentences for word in Tokenizer.words(text)}))

    def encode(self, sentence: str) -> list[int]:
        """The sentence's numbers, one at least, ``max_tokens`` at most."""
        numbers = [self._number(word) for word in self.words(sentence)[: self.max_tokens]]
        return numbers or [self._number("")]

    def batch(self, sentences: Sequence[str]) -> Tensor:
        """Encode and pad to the longest: (N, L) int64."""
        rows = [torch.tensor(self.encode(sentence)) for sentence in sentences]
        return nn.utils.rnn.pad_sequence(rows, batch_first=True)

    def _number(self, word: str) -> int:
        bucket = zlib.crc32(word.encode()) % self.hash_buckets
        return self._index.get(word, 1 + len(self.vocabulary) + bucket)


class _Block(nn.Module):
    """Pre-norm self-attention and feed-forward over tokens."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm_mlp = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        n, length, width = x.shape
        qkv = self.qkv(self.norm_attention(x)).view(n, length, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (N, heads, L, width / heads)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None, :])
        x = x + self.out(y.transpose(1, 2).reshape(n, length, width))
        out: Tensor = x + self.mlp(self.norm_mlp(x))
        return out


@final
class InstructionEncoder(nn.Module):
    """A small transformer over words; word order matters.

    Args:
        tokens: Size of the tokenizer's range of numbers.
        max_tokens: Longest sentence in words.
        width: Width of the transformer and of the summary.
        queries: Queries per view, K.
        views: Number of views, V.
        features: Channels of the feature map that the queries look at, C.
    """

    def __init__(
        self, *, tokens: int, max_tokens: int, width: int, queries: int, views: int, features: int
    ) -> None:
        super().__init__()
        self.shape = (views, queries, features)
        self.words = nn.Embedding(tokens, width, padding_idx=0)
        self.positions = nn.Parameter(0.02 * torch.randn(max_tokens, width))
        self.blocks = nn.ModuleList([_Block(width, heads=4), _Block(width, heads=4)])
        self.norm = nn.LayerNorm(width)
        self.slots = nn.Parameter(torch.randn(queries + 1, width))
        self.to_queries = nn.Linear(width, views * features)
        self.slot_bias = nn.Parameter(torch.randn(views, queries, features))

    def forward(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Encode token numbers.

        Args:
            numbers: (N, L) int64, 0 for padding.

        Returns:
            Queries (N, V, K, C) and summary (N, width).
        """
        views, queries, features = self.shape
        mask = numbers != 0  # (N, L) bool
        x = self.words(numbers) + self.positions[: numbers.shape[1]]
        for block in self.blocks:
            x = block(x, mask)
        x = self.norm(x)
        slots = self.slots.expand(len(x), -1, -1)  # (N, K + 1, width)
        read = F.scaled_dot_product_attention(slots, x, x, attn_mask=mask[:, None, :])
        looked = self.to_queries(read[:, 1:]).view(len(x), queries, views, features)
        return looked.transpose(1, 2) + self.slot_bias, read[:, 0]
