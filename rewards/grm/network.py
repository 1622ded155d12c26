"""The network of the embedded reward model: encode a frame once, read it cheaply."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple, final

import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own documentation uses)
from torch import Tensor, nn

from kibble.rewards.convolution import Convolution, Residual, convolve, fold_norms
from kibble.rewards.grm.instructions import InstructionEncoder, Tokenizer

__all__ = ["FusionOutput", "GrmNetwork", "NetworkConfig", "fuse_for_inference"]

_PLACE_SCALE = 3.0  # places count for more than single features when a reading starts to learn


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """Shape of the network; stored as ``config.json`` beside the weights.

    Args:
        views: Names of the views, in order of importance.
        vocabulary: Words that the instruction encoder knows.
        image_size: (height, width) in pixels, multiples of 8.
        channels: Channels at strides 2, 4 and 8.
        blocks: Residual blocks at stride 8.
        features: Channels of the stride-4 feature map that is read, C.
        queries: Queries per view that an instruction looks with, K.
        reading: Width of a reading, R.
        hidden: Width of the fusion head.
        text: Width of the instruction encoder.
        keypoints: Learned keypoints per view in the policy embedding.
        bins: Hop bins over [-1, 1].
        hash_buckets: Numbers shared by the words outside the vocabulary.
        max_tokens: Words kept of one instruction.
    """

    views: tuple[str, ...]
    vocabulary: tuple[str, ...]
    image_size: tuple[int, int] = (96, 96)
    channels: tuple[int, int, int] = (16, 48, 96)
    blocks: int = 2
    features: int = 64
    queries: int = 8
    reading: int = 192
    hidden: int = 384
    text: int = 96
    keypoints: int = 16
    bins: int = 41
    hash_buckets: int = 16
    max_tokens: int = 24


class FusionOutput(NamedTuple):
    """What the fusion head says about N pairs of frames.

    Args:
        logits: (N, bins) hop logits.
        success: (N,) success logit of the later frame.
        error: (N,) expected absolute error of progress, positive.
    """

    logits: Tensor
    success: Tensor
    error: Tensor


class _Encoder(nn.Module):
    """Strided CNN with one lateral link: context at stride 8, detail at stride 4."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        c2, c4, c8 = config.channels
        self.stem = Convolution(3, c2, 5, stride=2)
        self.detail = Convolution(c2, c4, 3, stride=2)
        self.down = Convolution(c4, c8, 3, stride=2)
        self.blocks = nn.ModuleList([Residual(c8) for _ in range(config.blocks)])
        self.view = nn.Parameter(torch.zeros(len(config.views), c8))
        self.top = nn.Conv2d(c8, config.features, 1)
        self.lateral = nn.Conv2d(c4, config.features, 1)

    def forward(self, x: Tensor, view: Tensor) -> Tensor:
        detail = self.detail(self.stem(x))
        x = self.down(detail) + self.view[view].to(x.dtype)[:, :, None, None]
        for block in self.blocks:
            x = block(x)
        top = convolve(self.top, x)
        lateral = convolve(self.lateral, detail)
        return F.silu(lateral + F.interpolate(top, scale_factor=2.0, mode="nearest"))


@final
class GrmNetwork(nn.Module):
    """Image encoder, instruction encoder and fusion head.

    A frame is encoded once into feature maps that no instruction has touched; a reading is what
    one instruction sees in them: K queries per view, each with the expected place it looks at and
    the feature found there. The fusion head reads pairs of readings.

    Args:
        config: Shape of the network.
    """

    grid: Tensor
    bins: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.tokenizer = Tokenizer(
            config.vocabulary, hash_buckets=config.hash_buckets, max_tokens=config.max_tokens
        )
        views, c = len(config.views), config.features
        self.encoder = _Encoder(config)
        self.instructions = InstructionEncoder(
            tokens=self.tokenizer.size,
            max_tokens=config.max_tokens,
            width=config.text,
            queries=config.queries,
            views=views,
            features=c,
        )
        height, width = (side // 4 for side in config.image_size)
        y, x = torch.meshgrid(
            torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij"
        )
        grid = torch.stack([x.flatten(), y.flatten()], dim=-1)  # (P, 2)
        self.register_buffer("grid", grid, persistent=False)
        self.positions = nn.Parameter(0.02 * torch.randn(height * width, c))
        self.keypoints = nn.Parameter(torch.randn(views, config.keypoints, c))
        self.keypoint_value = nn.Linear(c, 2)
        self.look = nn.Parameter(
            torch.randn(views, config.queries * (c + 3), config.hidden)
            / (views * config.queries * (c + 3)) ** 0.5
        )
        self.missing = nn.Parameter(torch.zeros(views, config.hidden))
        self.read_text = nn.Linear(config.text, config.hidden)
        self.read_keypoints = nn.Linear(self.embedding_size, config.hidden, bias=False)
        nn.init.zeros_(self.read_keypoints.weight)
        self.read_out = nn.Sequential(
            nn.SiLU(),
            nn.Linear(config.hidden, config.hidden),
            nn.SiLU(),
            nn.Linear(config.hidden, config.reading),
        )
        self.fuse_text = nn.Linear(config.text, config.hidden)
        self.fuse_start = nn.Linear(config.reading, config.hidden, bias=False)
        self.fuse_goal = nn.Linear(config.reading, config.hidden, bias=False)
        self.fuse_before = nn.Linear(config.reading, config.hidden, bias=False)
        self.fuse_after = nn.Linear(config.reading, config.hidden, bias=False)
        self.absent = nn.Parameter(torch.zeros(3, config.hidden))  # start, goal, before
        self.fuse_out = nn.Sequential(
            nn.SiLU(),
            nn.Linear(config.hidden, config.hidden),
            nn.SiLU(),
            nn.Linear(config.hidden, config.bins + 2),
        )
        self.register_buffer("bins", torch.linspace(-1, 1, config.bins), persistent=False)

    @property
    def embedding_size(self) -> int:
        """Width D of the policy embedding."""
        return len(self.config.views) * self.config.keypoints * 4

    def encode(self, images: Tensor, view: Tensor) -> Tensor:
        """Encode images, each once.

        Args:
            images: (M, 3, H, W) in [0, 1], float32 or bfloat16, channels last in memory.
            view: (M,) int64 number of each image's view.

        Returns:
            Feature maps (M, P, C) in the images' dtype, P = H / 4 * W / 4.
        """
        maps = self.encoder(images - 0.5, view)
        flat: Tensor = maps.permute(0, 2, 3, 1).flatten(1, 2)
        return flat

    def read(
        self, maps: Tensor, present: Tensor, queries: Tensor, summary: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Read N frames, each with G instructions, and embed them in the same pass.

        Args:
            maps: (N, V, P, C) feature maps.
            present: (N, V) bool, false where a view is missing.
            queries: (N, G, V, K, C) from the instruction encoder.
            summary: (N, G, text) from the instruction encoder.

        Returns:
            Readings (N, G, R), and the embedding (N, D) of :meth:`embed`.
        """
        looked = queries.transpose(1, 2).flatten(0, 1).flatten(1, 2)  # (N V, G K, C)
        keypoints = self.keypoints.expand(len(maps), -1, -1, -1).flatten(0, 1)
        seen = self._attend(maps.flatten(0, 1), torch.cat([looked, keypoints], dim=1))
        split = looked.shape[1]
        embedding = self._condense(seen[:, split:], present)
        return self._interpret(seen[:, :split], present, summary, embedding), embedding

    def embed(self, maps: Tensor, present: Tensor) -> Tensor:
        """Policy embedding of N frames, which knows no instruction.

        Args:
            maps: (N, V, P, C) feature maps.
            present: (N, V) bool; a missing view gives zeros.

        Returns:
            (N, D) in [-1, 1]: per view and keypoint x, y and two learned values.
        """
        keypoints = self.keypoints.expand(len(maps), -1, -1, -1).flatten(0, 1)
        return self._condense(self._attend(maps.flatten(0, 1), keypoints), present)

    def context(self, summary: Tensor, start: Tensor | None, goal: Tensor | None) -> Tensor:
        """What stays the same within an episode: (..., hidden).

        Args:
            summary: (..., text) instruction summary.
            start: (..., R) reading of the start frames, or ``None``.
            goal: (..., R) reading of the goal frames, or ``None``.
        """
        at_start = self.absent[0] if start is None else self.fuse_start(start)
        at_goal = self.absent[1] if goal is None else self.fuse_goal(goal)
        out: Tensor = self.fuse_text(summary) + at_start + at_goal
        return out

    def fuse(self, context: Tensor, before: Tensor | None, after: Tensor) -> FusionOutput:
        """Read the hop from one frame to another.

        Args:
            context: (..., hidden) of :meth:`context`.
            before: (..., R) reading of the earlier frame, or ``None`` for the origin: nothing done
                yet, so that the hop is the absolute progress.
            after: (..., R) reading of the later frame.
        """
        at_before = self.absent[2] if before is None else self.fuse_before(before)
        out = self.fuse_out(context + at_before + self.fuse_after(after))
        return FusionOutput(out[..., :-2], out[..., -2], F.softplus(out[..., -1] - 3.0))

    @torch.no_grad()
    def rescale_success(self, scale: float, bias: float) -> None:
        """Replace the success logit z by ``scale * z + bias``, in place: Platt scaling."""
        last = self.fuse_out[-1]
        assert isinstance(last, nn.Linear)
        last.weight[-2] *= scale
        last.bias[-2] = last.bias[-2] * scale + bias

    def expected_hop(self, logits: Tensor) -> Tensor:
        """Expectation over the hop bins, in [-1, 1]."""
        return logits.softmax(dim=-1) @ self.bins

    def _interpret(
        self, seen: Tensor, present: Tensor, summary: Tensor, embedding: Tensor
    ) -> Tensor:
        """Readings (N, G, R) from what the instructions' queries saw, (N V, G K, C + 3)."""
        (n, v), g = present.shape, summary.shape[1]
        by_view = seen.reshape(n, v, g, -1).transpose(0, 1).reshape(v, n * g, -1)
        parts = torch.bmm(by_view, self.look).view(v, n, g, -1)
        keep = present.T[:, :, None, None]
        parts = torch.where(keep, parts, self.missing[:, None, None, :])
        places = self.read_keypoints(embedding)[:, None]
        out: Tensor = self.read_out(self.read_text(summary) + places + parts.sum(dim=0))
        return out

    def _condense(self, seen: Tensor, present: Tensor) -> Tensor:
        """Policy embedding (N, D) from what the keypoints saw, (N V, keypoints, C + 3)."""
        c = self.config.features
        values = torch.tanh(self.keypoint_value(seen[..., :c]))
        points = torch.cat([seen[..., c : c + 2] / _PLACE_SCALE, values], dim=-1)
        return (points.view(*present.shape, -1) * present[:, :, None]).flatten(1)

    def _attend(self, maps: Tensor, queries: Tensor) -> Tensor:
        """Attended feature, expected (x, y) and strength: (M, Q, C + 3) float32."""
        queries = queries.to(maps.dtype) * self.config.features**-0.25
        places = queries @ self.positions.to(maps.dtype).T  # (M, Q, P)
        logits = torch.baddbmm(places, queries, maps.transpose(1, 2)).float()
        strength = logits.logsumexp(dim=-1, keepdim=True)
        weights = torch.exp(logits - strength)  # (M, Q, P)
        found = torch.bmm(weights.to(maps.dtype), maps).float()
        return torch.cat([found, _PLACE_SCALE * (weights @ self.grid), 0.3 * strength], dim=-1)


def fuse_for_inference(network: GrmNetwork, dtype: torch.dtype) -> GrmNetwork:
    """Fold batch norms into convolutions and cast the image encoder, in place.

    Args:
        network: A trained network; it cannot be trained any further afterwards.
        dtype: Dtype of the image encoder, float32 or bfloat16.

    Returns:
        The same network, in evaluation mode.
    """
    network.eval().requires_grad_(False)
    fold_norms(network.encoder)
    network.encoder.to(dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network
