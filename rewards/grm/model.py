"""The embedded reward model: one network behind the reward model protocol."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kibble.rewards.errors import FrameError
from kibble.rewards.frames import check_frames, resize_frames
from kibble.rewards.grm.network import GrmNetwork, fuse_for_inference
from kibble.rewards.types import Episode, Estimate, Frames, ModelSpec, Status, Task

__all__ = ["GeneralRewardModel"]

CONFIDENCE_SCALE = 0.1  # an expected absolute error of 0.1 gives a confidence of 1/e
_CACHED_BATCHES = 4  # a step with autoreset asks for the last and the first frames, twice each


@final
class GeneralRewardModel:
    """A general reward model that runs in the process.

    Each frame is encoded once, into feature maps that no instruction has touched; the episode's
    instruction then reads them. Progress is the hop from the origin (nothing done yet) to the
    present frame, averaged with the hop back from the goal frames where the task has any:
    Φ = H(origin, t), or Φ = (H(origin, t) + 1 + H(goal, t)) / 2.

    ``Episode.memory`` holds tensors under ``queries`` and ``summary`` (the instruction),
    ``context`` (instruction, start and goal as the fusion head takes them), ``start``, ``last``
    and, with goal frames, ``goal`` (readings).

    Args:
        network: A trained network. It is taken over: batch norms are folded, gradients go off.
        name: Short name for logs and tables.
        version: Fingerprint of the weights.
        device: Where the network runs.
        dtype: Dtype of the image encoder; ``None`` takes bfloat16 where the device computes in it
            natively, else float32.
    """

    def __init__(
        self,
        network: GrmNetwork,
        *,
        name: str,
        version: str,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        self._device = torch.device("cpu") if device is None else device
        self._dtype = _native_dtype(self._device) if dtype is None else dtype
        self._network = fuse_for_inference(network, self._dtype).to(self._device)
        views = network.config.views
        self._spec = ModelSpec(
            name=name,
            version=version,
            views=views,
            required_views=views[:1],
            image_size=network.config.image_size,
        )
        self._maps: OrderedDict[tuple[object, ...], tuple[Tensor, Tensor]] = OrderedDict()
        self._views = torch.arange(len(views), device=self._device)

    @property
    def spec(self) -> ModelSpec:
        """What the model is, which views it needs and at what size."""
        return self._spec

    @property
    def network(self) -> GrmNetwork:
        """The network, folded for inference."""
        return self._network

    @property
    def embedding_size(self) -> int:
        """Width D of :meth:`embed`."""
        return self._network.embedding_size

    @torch.inference_mode()
    def begin(self, task: Task, start_frames: Frames) -> Episode:
        """Open an episode.

        Args:
            task: What success looks like; goal frames of the same scene are used where given.
            start_frames: The episode's first frames, (1, H, W, 3) uint8 RGB per view.

        Returns:
            The episode; ``progress`` holds the estimate of the start frames.

        Raises:
            FrameError: If a required view is missing or an array is not uint8 (1, H, W, 3).
        """
        check_frames(start_frames, views=self._spec.required_views, count=1)
        network = self._network
        numbers = network.tokenizer.batch([task.instruction]).to(self._device)
        queries, summary = network.instructions(numbers)  # (1, V, K, C), (1, text)
        episode = Episode(task=task)
        memory = episode.memory
        memory["queries"], memory["summary"] = queries[0], summary[0]
        start = self._read([episode], start_frames)  # (1, R)
        goal: Tensor | None = None
        if task.goal_frames is not None:
            check_frames(task.goal_frames, views=self._spec.required_views, count=1)
            goal = self._read([episode], task.goal_frames)
            memory["goal"] = goal[0]
        memory["start"] = memory["last"] = start[0]
        memory["context"] = network.context(summary, start, goal)[0]
        episode.progress = float(self._estimate([episode], start).progress[0])
        return episode

    @torch.inference_mode()
    def estimate(self, episodes: Sequence[Episode], frames: Frames) -> Estimate:
        """Read N frames, frame ``i`` being the newest of ``episodes[i]``, in one batch.

        Args:
            episodes: N distinct open episodes; updated in place.
            frames: (N, H, W, 3) uint8 RGB per view.

        Returns:
            The estimate of each frame; confidence is exp(-e / 0.1), e the expected absolute error.

        Raises:
            FrameError: If a required view is missing or the frames do not fit the episodes.
        """
        check_frames(frames, views=self._spec.required_views, count=len(episodes))
        if not episodes:
            none = np.empty(0, np.float32)
            return Estimate(
                progress=none, success=none, confidence=none, status=np.empty(0, np.int8)
            )
        readings = self._read(episodes, frames)
        estimate = self._estimate(episodes, readings)
        for episode, progress, reading in zip(
            episodes, estimate.progress.tolist(), readings, strict=True
        ):
            episode.progress = progress
            episode.steps += 1
            episode.memory["last"] = reading
        return estimate

    @torch.inference_mode()
    def embed(self, frames: Frames) -> NDArray[np.float32]:
        """Embed N frames for a policy: learned keypoints, whatever the instruction.

        Args:
            frames: (N, H, W, 3) uint8 RGB per view.

        Returns:
            (N, D) float32 in [-1, 1]; the part of a missing view is zero.

        Raises:
            FrameError: If a required view is missing or an array is not uint8 (N, H, W, 3).
        """
        check_frames(frames, views=self._spec.required_views)
        embedding: NDArray[np.float32] = self._network.embed(*self._encode(frames)).cpu().numpy()
        return embedding

    def _encode(self, frames: Frames) -> tuple[Tensor, Tensor]:
        """Feature maps (N, V, P, C) and presence (N, V); the latest batches are kept."""
        views = [view for view in self._spec.views if view in frames]
        key = tuple((view, frames[view].shape, frames[view].tobytes()) for view in views)
        if key in self._maps:
            self._maps.move_to_end(key)
            return self._maps[key]
        n = len(frames[views[0]])
        images = np.concatenate(
            [resize_frames(frames[view], self._spec.image_size) for view in views]
        )
        pixels = torch.from_numpy(images).to(self._device).permute(0, 3, 1, 2)
        numbers = [self._spec.views.index(view) for view in views]
        seen = self._network.encode(
            pixels.to(self._dtype).div_(255.0), self._views[numbers].repeat_interleave(n)
        )
        present = torch.zeros(n, len(self._spec.views), dtype=torch.bool, device=self._device)
        present[:, numbers] = True
        if len(views) == len(self._spec.views):
            maps = seen.view(len(views), n, *seen.shape[1:]).transpose(0, 1)
        else:
            maps = seen.new_zeros(n, len(self._spec.views), *seen.shape[1:])
            maps[:, numbers] = seen.view(len(views), n, *seen.shape[1:]).transpose(0, 1)
        self._maps[key] = maps, present
        if len(self._maps) > _CACHED_BATCHES:
            self._maps.popitem(last=False)
        return maps, present

    def _read(self, episodes: Sequence[Episode], frames: Frames) -> Tensor:
        """Readings (N, R) of the frames, each with its episode's instruction."""
        maps, present = self._encode(frames)
        queries, summary = _stack(episodes, "queries"), _stack(episodes, "summary")
        readings, _ = self._network.read(maps, present, queries[:, None], summary[:, None])
        return readings[:, 0]

    def _estimate(self, episodes: Sequence[Episode], readings: Tensor) -> Estimate:
        network, context = self._network, _stack(episodes, "context")
        output = network.fuse(context, None, readings)
        progress = network.expected_hop(output.logits).clamp(0.0, 1.0)
        with_goal = [i for i, episode in enumerate(episodes) if "goal" in episode.memory]
        if with_goal:
            goals = _stack([episodes[i] for i in with_goal], "goal")
            back = network.fuse(context[with_goal], goals, readings[with_goal])
            backward = (1.0 + network.expected_hop(back.logits)).clamp(0.0, 1.0)
            progress[with_goal] = (progress[with_goal] + backward) / 2.0
        success = output.success.sigmoid()
        confidence = torch.exp(-output.error / CONFIDENCE_SCALE)
        columns = torch.stack([progress, success, confidence]).float().cpu().numpy()
        return Estimate(
            progress=columns[0],
            success=columns[1],
            confidence=columns[2],
            status=np.full(len(episodes), Status.OK, np.int8),
        )


def _stack(episodes: Sequence[Episode], name: str) -> Tensor:
    tensors = []
    for episode in episodes:
        tensor = episode.memory.get(name)
        if not isinstance(tensor, Tensor):
            raise FrameError(
                f"Every episode must hold {name!r} in its memory, got {sorted(episode.memory)}; "
                "open episodes with this model's `begin`, one model for the whole episode."
            )
        tensors.append(tensor)
    return torch.stack(tensors)


def _native_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the device multiplies in it, float32 elsewhere."""
    if device.type == "cuda":
        native = torch.cuda.get_device_capability(device)[0] >= 8
    elif device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):  # torch >= 2.9
        capabilities: Mapping[str, object] = torch.cpu.get_capabilities()
        native = bool(capabilities.get("avx512_bf16", False))
    else:
        native = False
    return torch.bfloat16 if native else torch.float32
