"""The embedded reward model: one network behind the reward model protocol."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kibble.rewards.errors import ConfigError, FrameError
from kibble.rewards.frame_keys import FrameKey, frame_keys
from kibble.rewards.frames import check_frames, resize_frames
from kibble.rewards.grm.network import GrmNetwork, fuse_for_inference
from kibble.rewards.grm.progress_reader import ProgressReader, stack_memory
from kibble.rewards.native_dtype import native_dtype
from kibble.rewards.types import Episode, Estimate, Frames, ModelSpec, Status, Task

__all__ = ["GeneralRewardModel"]

CONFIDENCE_SCALE = 0.1  # an expected absolute error of 0.1 gives a confidence of 1/e
_CACHED_BATCHES = 4  # a step with autoreset asks for the last and the first frames, twice each


@final
class GeneralRewardModel:
    """A general reward model that runs in the process.

    Each frame is encoded once, into feature maps that no instruction has touched; the episode's
    instruction then reads them. How hops H between frames become progress is the ``reading``:

    ===============  =========================================================================
    ``absolute``     Φ = H(origin, t), the origin being learned: nothing done yet. With goal
                     frames it is averaged with the backward reading. Remembers nothing of the
                     frames before, so no error adds up.
    ``incremental``  Φ_t = Φ_{t-1} moved by H(t-1, t), from the absolute reading of the start.
    ``forward``      Φ = the absolute reading of the start moved by H(start, t).
    ``backward``     Φ = 1 + H(goal, t); needs goal frames.
    ``mean``         The mean of incremental, forward and backward.
    ``gated``        Forward and backward as far as they agree, see
                     :func:`kibble.rewards.grm.readings.consistency_gate`.
    ===============  =========================================================================

    Without goal frames ``mean`` and ``gated`` take the absolute reading for the backward one.

    ``Episode.memory`` holds tensors under ``queries`` and ``summary`` (the instruction),
    ``context`` (instruction, start and goal as the fusion head takes them), ``start``, ``last``
    and, with goal frames, ``goal`` (readings); and the numbers ``origin`` (the start's absolute
    progress) and ``incremental``.

    Views of the model that a caller does not give are replaced by learned stand-ins, for which it
    was trained, or flagged; only those of ``spec.required_views`` must be there.

    Args:
        network: A trained network. It is taken over: batch norms are folded, gradients go off.
        name: Short name for logs and tables.
        version: Fingerprint of the weights.
        device: Where the network runs.
        dtype: Dtype of the image encoder; ``None`` takes bfloat16 where the device computes in it
            natively, else float32.
        reading: How hops become progress, one of :data:`kibble.rewards.grm.readings.READINGS`.
        missing_view: ``learned`` stands in for a view that is not given, ``flag`` gives the
            frame the status ``MISSING_VIEW``.

    Raises:
        ConfigError: If ``reading`` or ``missing_view`` is not known.
    """

    def __init__(
        self,
        network: GrmNetwork,
        *,
        name: str,
        version: str,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
        reading: str = "absolute",
        missing_view: str = "learned",
    ) -> None:
        if missing_view not in ("learned", "flag"):
            raise ConfigError(f"`missing_view` must be learned or flag, got {missing_view!r}.")
        self._missing_view = missing_view
        self._device = torch.device("cpu") if device is None else device
        self._dtype = native_dtype(self._device) if dtype is None else dtype
        self._network = fuse_for_inference(network, self._dtype).to(self._device)
        self._reader = ProgressReader(self._network, reading)
        views = network.config.views
        self._spec = ModelSpec(
            name=name,
            version=version,
            views=views,
            required_views=views[:1],
            image_size=network.config.image_size,
            needs_goal=reading == "backward",
        )
        self._maps: OrderedDict[tuple[object, ...], tuple[Tensor, Tensor]] = OrderedDict()
        self._ahead: dict[FrameKey, tuple[Tensor, Tensor]] = {}
        self._views = torch.arange(len(views), device=self._device)

    @property
    def spec(self) -> ModelSpec:
        """What the model is, which views it needs and at what size."""
        return self._spec

    @property
    def device(self) -> str:
        """Where the network runs."""
        return str(self._device)

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
            FrameError: If a required view is missing, an array is not uint8 (1, H, W, 3), or the
                reading needs goal frames and the task has none.
        """
        check_frames(start_frames, views=self._spec.required_views, count=1)
        if self._spec.needs_goal and task.goal_frames is None:
            raise FrameError(
                f"`reading={self._reader.reading}` needs `goal_frames`, got a task without; give "
                "a picture of the finished task, or choose reading=absolute."
            )
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
        memory["context"] = context = network.context(summary, start, goal)[0]
        absolute = network.expected_hop(network.fuse(context, None, start).logits)
        memory["origin"] = memory["incremental"] = episode.progress = float(
            absolute.clamp(0.0, 1.0)
        )
        episode.progress = float(self._estimate([episode], start).progress[0])
        memory["incremental"] = memory["origin"]  # nothing has happened yet
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
        flagged = self._missing_view == "flag" and any(
            view not in frames for view in self._spec.views
        )
        estimate = self._estimate(
            episodes, readings, Status.MISSING_VIEW if flagged else Status.OK
        )
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

    @torch.inference_mode()
    def prefetch(self, frames: Frames) -> None:
        """Encode N frames in one batch, for the calls that follow; equal frames once.

        Args:
            frames: (N, H, W, 3) uint8 RGB per view. What was prefetched before is forgotten.

        Raises:
            FrameError: If a required view is missing or an array is not uint8 (N, H, W, 3).
        """
        check_frames(frames, views=self._spec.required_views)
        suited = {
            view: resize_frames(frames[view], self._spec.image_size)
            for view in self._spec.views
            if view in frames
        }
        places = {key: i for i, key in enumerate(frame_keys(suited))}
        known = {key: self._ahead[key] for key in places if key in self._ahead}
        new = [key for key in places if key not in known]
        self._ahead = known
        if new:
            chosen = [places[key] for key in new]
            maps, present = self._run_encoder({view: suited[view][chosen] for view in suited})
            self._ahead |= {key: (maps[i], present[i]) for i, key in enumerate(new)}

    def _encode(self, frames: Frames) -> tuple[Tensor, Tensor]:
        """Feature maps (N, V, P, C) and presence (N, V); the latest batches are kept."""
        views = [view for view in self._spec.views if view in frames]
        if self._ahead:
            suited = {view: resize_frames(frames[view], self._spec.image_size) for view in views}
            ahead = [self._ahead.get(key) for key in frame_keys(suited)]
            found = [pair for pair in ahead if pair is not None]
            if found and len(found) == len(ahead):
                return torch.stack([m for m, _ in found]), torch.stack([p for _, p in found])
        key = tuple((view, frames[view].shape, frames[view].tobytes()) for view in views)
        if key in self._maps:
            self._maps.move_to_end(key)
            return self._maps[key]
        self._maps[key] = maps, present = self._run_encoder(frames)
        if len(self._maps) > _CACHED_BATCHES:
            self._maps.popitem(last=False)
        return maps, present

    def _run_encoder(self, frames: Frames) -> tuple[Tensor, Tensor]:
        """Feature maps (N, V, P, C) and presence (N, V) of frames in one batch."""
        views = [view for view in self._spec.views if view in frames]
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
        return maps, present

    def _read(self, episodes: Sequence[Episode], frames: Frames) -> Tensor:
        """Readings (N, R) of the frames, each with its episode's instruction."""
        maps, present = self._encode(frames)
        queries, summary = stack_memory(episodes, "queries"), stack_memory(episodes, "summary")
        readings, _ = self._network.read(maps, present, queries[:, None], summary[:, None])
        return readings[:, 0]

    def _estimate(
        self, episodes: Sequence[Episode], readings: Tensor, status: Status = Status.OK
    ) -> Estimate:
        network, context = self._network, stack_memory(episodes, "context")
        output = network.fuse(context, None, readings)
        success = output.success.sigmoid()
        confidence = torch.exp(-output.error / CONFIDENCE_SCALE)
        absolute = network.expected_hop(output.logits).clamp(0.0, 1.0)
        columns = torch.stack([absolute, success, confidence]).float().cpu().numpy()
        return Estimate(
            progress=self._reader(episodes, readings, context, columns[0]),
            success=columns[1],
            confidence=columns[2],
            status=np.full(len(episodes), status, np.int8),
        )
