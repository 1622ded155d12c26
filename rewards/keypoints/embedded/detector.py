"""The embedded network behind the seams of keypoint rewards: detection in any frame."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray

from kibble.rewards.errors import FrameError
from kibble.rewards.frames import check_frames, resize_frames
from kibble.rewards.keypoints.detections import Detections
from kibble.rewards.keypoints.embedded.loading import DEFAULT, load_network
from kibble.rewards.keypoints.embedded.network import (
    STRIDE,
    Heard,
    KeypointNetwork,
    fold_for_inference,
)
from kibble.rewards.keypoints.embedded.plan import Plan
from kibble.rewards.keypoints.embedded.readout import read_points
from kibble.rewards.keypoints.roles import ROLES
from kibble.rewards.native_dtype import native_dtype
from kibble.rewards.types import Frames

__all__ = ["EmbeddedDetector"]

_SENTENCES = 256  # remembered as the network understands them
_PICTURES = 64  # looked at in one batch
_LEAST = 0.25  # a smaller confidence is none: absent things get 0.0 to 0.1


@final
class EmbeddedDetector:
    """Finds an instruction's keypoints by the embedded network, in every frame by itself.

    Frames of any size are scaled to the network's and pixels scaled back. The network knows no
    views: it marks what it sees in whatever picture, one view at a time.

    Args:
        network: A trained network. It is taken over: batch norms are folded, gradients go off.
        name: Short name for logs and tables.
        version: Fingerprint of the weights.
        views: Views to look at; ``None`` takes all that are given but the wrist camera's and
            those that carry depth. Views that are not given are left out.
        device: Where the network runs; the CPU by default.
        dtype: Dtype of the convolutions; ``None`` takes what the device computes natively.
    """

    def __init__(
        self,
        network: KeypointNetwork,
        *,
        name: str,
        version: str,
        views: Sequence[str] | None = None,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        self.name, self.version = name, version
        self._views = None if views is None else tuple(views)
        self._device = torch.device("cpu") if device is None else device
        self._dtype = native_dtype(self._device) if dtype is None else dtype
        self._network = fold_for_inference(network, self._dtype).to(self._device)
        self._heard: OrderedDict[str, Heard] = OrderedDict()

    @classmethod
    def load(
        cls,
        name_or_path: str | Path = DEFAULT,
        *,
        views: Sequence[str] | None = None,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> EmbeddedDetector:
        """Load by a name that ships with the package, or from a directory of weights.

        Raises:
            WeightsError: If there are no such weights, or they are damaged.
        """
        name, network, version = load_network(name_or_path)
        return cls(network, name=name, version=version, views=views, device=device, dtype=dtype)

    @torch.inference_mode()
    def detect(self, instructions: Sequence[str], frames: Frames) -> Detections:
        """Find the keypoints of N frames in one batch.

        Args:
            instructions: N sentences.
            frames: (N, H, W, 3) uint8 RGB per view.

        Raises:
            FrameError: If an array is not uint8 (N, H, W, 3), or there is no view to look at.
        """
        views = self._chosen(frames)
        check_frames({view: frames[view] for view in views}, views=views, count=len(instructions))
        size = self._network.config.image_size
        suited = np.concatenate([resize_frames(frames[view], size) for view in views])
        heard = {sentence: self._hear(sentence) for sentence in dict.fromkeys(instructions)}
        columns = self._look(suited, [heard[text] for text in instructions] * len(views))
        pixels, confidence, visible = {}, {}, {}
        for view, found in zip(views, np.split(columns, len(views)), strict=True):
            height, width = frames[view].shape[1:3]
            pixels[view] = found[..., :2] * np.array(
                [width / size[1], height / size[0]], np.float32
            )
            told = found[..., 2]
            confidence[view] = np.where(told >= _LEAST, told, np.float32(0.0))
            visible[view] = found[..., 3]
        return Detections(pixels=pixels, confidence=confidence, visible=visible)

    @torch.inference_mode()
    def plan(self, instruction: str) -> tuple[Plan, float]:
        """The way that a sentence asks for, and its probability among the network's."""
        shares = self._hear(instruction).plans[0].softmax(dim=-1)
        best = int(shares.argmax())
        return self._network.config.plans[best], float(shares[best])

    def _chosen(self, frames: Frames) -> tuple[str, ...]:
        if self._views is None:
            known = [view for view in frames if view != "wrist" and not view.endswith("_depth")]
        else:
            known = [view for view in self._views if view in frames]
        if not known:
            raise FrameError(
                f"The keypoint network must be given a view to look at, "
                f"{'any but wrist' if self._views is None else ' or '.join(self._views)}, got "
                f"{sorted(frames)}; add a camera that stands still to the `views`."
            )
        return tuple(known)

    def _hear(self, sentence: str) -> Heard:
        if sentence in self._heard:
            self._heard.move_to_end(sentence)
            return self._heard[sentence]
        numbers = self._network.tokenizer.batch([sentence]).to(self._device)
        self._heard[sentence] = heard = self._network.hear(numbers)
        if len(self._heard) > _SENTENCES:
            self._heard.popitem(last=False)
        return heard

    def _look(self, images: NDArray[np.uint8], heard: Sequence[Heard]) -> NDArray[np.float32]:
        """Pixel, confidence and visibility (M, R, 4) of M pictures, each with one sentence."""
        width = self._network.config.image_size[1] // STRIDE
        parts = [torch.empty(0, len(ROLES), 4, device=self._device)]
        for begin in range(0, len(images), _PICTURES):
            part = slice(begin, begin + _PICTURES)
            pictures = torch.from_numpy(images[part]).to(self._device).permute(0, 3, 1, 2)
            seen = self._network.encode(pictures.to(self._dtype).div_(255.0))
            sentences = Heard(*(torch.cat(tensors) for tensors in zip(*heard[part], strict=True)))
            points = read_points(self._network.look(seen, sentences), width=width)
            certainty = torch.stack([points.confidence, points.visible], dim=-1)
            parts.append(torch.cat([points.pixels, certainty], dim=-1))
        columns: NDArray[np.float32] = torch.cat(parts).cpu().numpy()
        return columns
