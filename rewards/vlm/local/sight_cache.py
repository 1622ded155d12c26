"""Pictures encoded once: the latest features by content, the oldest forgotten first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import final

from kibble.rewards.vlm.local.family import Family, Features
from kibble.rewards.vlm.local.out_of_memory import is_out_of_memory
from kibble.rewards.vlm.local.pieces import Sight

__all__ = ["SightCache"]


@final
class SightCache:
    """Encodes what it has not seen lately.

    Args:
        family: Encodes.
        limit: Most bytes kept; 0 keeps none.
        batch: Most sights in one pass of the vision part.

    Attributes:
        encoded: Sights encoded so far, for those who watch what is saved.
    """

    def __init__(self, family: Family, *, limit: int, batch: int) -> None:
        self._family = family
        self._limit = limit
        self._batch = batch
        self._kept: OrderedDict[bytes, Features] = OrderedDict()
        self._size = 0
        self.encoded = 0

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return self._size

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()
        self._size = 0

    def features(self, sights: Iterable[Sight], scope: str = "") -> dict[bytes, Features]:
        """Features by key of the sight.

        Args:
            sights: What is wanted.
            scope: What besides the sights they depend on: the adapter, if it changes the vision
                part.

        Raises:
            torch.OutOfMemoryError: If a single sight does not fit.
        """
        wanted = {sight.key: sight for sight in sights}
        found: dict[bytes, Features] = {}
        missing: list[Sight] = []
        for key, sight in wanted.items():
            name = key + scope.encode()
            if name in self._kept:
                self._kept.move_to_end(name)
                found[key] = self._kept[name]
            else:
                missing.append(sight)
        for kind in ("image", "video"):
            new = [sight for sight in missing if sight.kind == kind]
            for begin in range(0, len(new), self._batch):
                part = new[begin : begin + self._batch]
                for sight, features in zip(part, self._encode(part), strict=True):
                    found[sight.key] = features
                    self._keep(sight.key + scope.encode(), features)
        return found

    def _encode(self, sights: list[Sight]) -> list[Features]:
        try:
            features = self._family.encode(sights)
        except (RuntimeError, MemoryError) as error:
            if len(sights) == 1 or not is_out_of_memory(error):
                raise
        else:
            self.encoded += len(sights)
            return features
        half = len(sights) // 2  # outside the handler, which holds on to the failed pass
        return self._encode(sights[:half]) + self._encode(sights[half:])

    def _keep(self, name: bytes, features: Features) -> None:
        size = _size(features)
        if size > self._limit or not all(bool(part.isfinite().all()) for part in features):
            return
        self._kept[name] = features
        self._size += size
        while self._size > self._limit:
            _, oldest = self._kept.popitem(last=False)
            self._size -= _size(oldest)


def _size(features: Features) -> int:
    return sum(part.numel() * part.element_size() for part in features)
