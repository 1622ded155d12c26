"""Features are kept by content within their bytes, and encoded in halves where they do not fit."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from tests.rewards.vlm.local.library import ARCHITECTURES, picture, pictures

from kibble.rewards.vlm.local.loading import Opened, open_weights
from kibble.rewards.vlm.local.pieces import Sight
from kibble.rewards.vlm.local.sight_cache import SightCache
from kibble.rewards.vlm.prompt import Clip, Picture


@pytest.fixture(scope="module", params=ARCHITECTURES)
def opened(request: pytest.FixtureRequest) -> Opened:
    return open_weights(
        ARCHITECTURES[request.param](),
        dtype=torch.float32,
        device=torch.device("cpu"),
        trust_remote_code=False,
    )


def _sights(opened: Opened, shown: Sequence[Picture | Clip]) -> list[Sight]:
    placed = [
        opened.family.picture(part, None)
        if isinstance(part, Picture)
        else opened.family.clip(part, None)
        for part in shown
    ]
    return [piece for one in placed for piece in one.pieces if isinstance(piece, Sight)]


def test_features_do_not_hang_on_what_is_encoded_beside_them(opened: Opened) -> None:
    sights = _sights(opened, [*pictures(5), picture(9, 100, 70), Clip(pictures(6, 2), 2.0)])
    together = SightCache(opened.family, limit=2**24, batch=32)
    alone = SightCache(opened.family, limit=0, batch=1)
    with torch.inference_mode():
        found = together.features(sights)
        for sight in sights:
            expected = alone.features([sight])[sight.key]
            assert len(found[sight.key][0]) == sight.tokens
            for one, other in zip(found[sight.key], expected, strict=True):
                torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
    assert together.encoded == alone.encoded == len(sights)
    assert alone.size == 0


def test_the_oldest_goes_first(opened: Opened) -> None:
    sights = _sights(opened, pictures(4))
    measured = SightCache(opened.family, limit=2**24, batch=8)
    measured.features(sights[:1])
    cache = SightCache(opened.family, limit=2 * measured.size, batch=8)
    cache.features(sights[:2])
    cache.features(sights[:1])  # used again
    cache.features(sights[2:3])
    assert cache.size == 2 * measured.size
    encoded = cache.encoded
    cache.features(sights[:1])
    assert cache.encoded == encoded
    cache.features(sights[1:2])
    assert cache.encoded == encoded + 1


def test_scopes_do_not_mix(opened: Opened) -> None:
    (sight,) = _sights(opened, pictures(1))
    cache = SightCache(opened.family, limit=2**24, batch=8)
    cache.features([sight])
    cache.features([sight], "adapter")
    cache.features([sight], "adapter")
    assert cache.encoded == 2


def test_what_does_not_fit_is_encoded_in_halves(opened: Opened) -> None:
    sights = _sights(opened, pictures(5))
    cache = SightCache(opened.family, limit=2**24, batch=8)
    expected = SightCache(opened.family, limit=0, batch=8).features(sights)
    encode, most = opened.family.encode, 2

    class Small:
        """The family on a device with little memory."""

        def encode(self, part: Sequence[Sight]) -> object:
            if len(part) > most:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return encode(part)

    cache._family = Small()
    found = cache.features(sights)
    for sight in sights:
        torch.testing.assert_close(found[sight.key][0], expected[sight.key][0], atol=1e-4, rtol=0)
    most = 0
    with pytest.raises(torch.OutOfMemoryError):
        cache.features(_sights(opened, pictures(1, seed=8)))
