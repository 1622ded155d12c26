"""Frames and sentences as points on the unit sphere, each computed once."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, final

import numpy as np
import torch
from numpy.typing import NDArray

from kibble.rewards.errors import ModelError
from kibble.rewards.frame_keys import FrameKey, frame_keys

if TYPE_CHECKING:
    from kibble.rewards.clip.towers import Towers

__all__ = ["ClipEncoder"]

_SENTENCES = 4096


@final
class ClipEncoder:
    """Encodes pictures in batches and keeps what it has encoded, by content.

    A picture that is seen again, in whichever episode, is not encoded again; a sentence is encoded
    once. What is kept never changes an answer, up to rounding: a picture in another batch may
    differ in the last digits.

    Args:
        towers: The model.
        name: Its name, for logs and tables.
        device: Where it runs; it is moved there.
        batch: Most pictures in one forward pass; halved where the device's memory does not do.
        cache_mb: Megabytes of encoded pictures that are kept; 0 keeps none.

    Attributes:
        name: Its name.
        version: Fingerprint of weights and dtype.
        width: D.
        capacity: Pictures that are kept.
        temperature: What cosines are multiplied by for probabilities; learned.
    """

    def __init__(
        self,
        towers: Towers,
        *,
        name: str,
        device: torch.device,
        batch: int = 64,
        cache_mb: int = 64,
    ) -> None:
        self._towers = towers
        self.name = name
        self.version = _fingerprint(towers.module)
        self.temperature = towers.temperature()
        self._device = device
        self._dtype = next(towers.module.parameters()).dtype
        towers.module.to(device).requires_grad_(False)
        self._batch = batch
        self._sentences: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self.width = int(self.sentences([name]).shape[1])
        self.capacity = cache_mb * 2**20 // (4 * self.width)
        self._pictures: OrderedDict[FrameKey, NDArray[np.float32]] = OrderedDict()

    @property
    def device(self) -> str:
        """Where it computes."""
        return str(self._device)

    def pictures(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Place frames on the unit sphere.

        Args:
            images: (N, H, W, 3) uint8 RGB.

        Returns:
            (N, D) float32 of length 1; NaN where the model gave none.

        Raises:
            ModelError: If not even one picture fits into the device's memory.
        """
        keys = frame_keys({"": images})
        places = {key: self._pictures[key] for key in keys if key in self._pictures}
        new = {key: i for i, key in enumerate(keys) if key not in places}
        if new:
            encoded = self._encode(images[list(new.values())])
            places.update(zip(new, encoded, strict=True))
        for key, place in places.items():
            if np.isfinite(place).all():
                self._pictures[key] = place
                self._pictures.move_to_end(key)
        while len(self._pictures) > self.capacity:
            self._pictures.popitem(last=False)
        return np.stack([places[key] for key in keys])

    def sentences(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        """Place K sentences on the unit sphere; returns (K, D) float32 of length 1.

        Raises:
            ModelError: If the model gave NaN.
        """
        new = [s for s in dict.fromkeys(sentences) if s not in self._sentences]
        if new:
            with torch.inference_mode():
                places = _on_sphere(self._towers.read(new))
            if not np.isfinite(places).all():
                raise ModelError(
                    f"Sentences must have a place, got NaN from {self.name!r} for {new[0]!r}; "
                    "choose another dtype, or mend the weights."
                )
            self._sentences.update(zip(new, places, strict=True))
        together = np.stack([self._sentences[sentence] for sentence in sentences])
        for sentence in sentences:
            self._sentences.move_to_end(sentence)
        while len(self._sentences) > _SENTENCES:
            self._sentences.popitem(last=False)
        return together

    def _encode(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        parts = []
        at = 0
        while at < len(images):
            try:
                parts.append(self._forward(images[at : at + self._batch]))
            except torch.OutOfMemoryError as error:
                if self._batch == 1:
                    raise ModelError(
                        f"{self.name!r} must fit one picture into the memory of {self._device}, "
                        "got none; choose a smaller model or dtype=bfloat16."
                    ) from error
                self._batch = max(1, min(self._batch, len(images)) // 2)
                continue
            at += len(parts[-1])
        return np.concatenate(parts)

    def _forward(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        seen = self._towers.preprocessing.pictures(images)
        with torch.inference_mode():
            pixels = torch.from_numpy(np.ascontiguousarray(seen)).to(self._device)
            scaled = self._towers.preprocessing.scaled(pixels).to(self._dtype)
            return _on_sphere(self._towers.see(scaled))


def _on_sphere(places: torch.Tensor) -> NDArray[np.float32]:
    unit = torch.nn.functional.normalize(places.float(), dim=-1)
    return np.asarray(unit.cpu().numpy(), np.float32)


def _fingerprint(module: torch.nn.Module) -> str:
    content = hashlib.blake2b(digest_size=8)
    for name, tensor in module.state_dict().items():
        content.update(f"{name}{tensor.dtype}{tuple(tensor.shape)}".encode())
        content.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return content.hexdigest()
