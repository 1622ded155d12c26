"""The keypoint network: one picture and one sentence to a heatmap of every role."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple, final

import torch
import torch.nn.functional as F  # noqa: N812 (the name that torch's own documentation uses)
from torch import Tensor, nn

from kibble.rewards.convolution import Convolution, Residual, convolve, fold_norms
from kibble.rewards.grm.instructions import InstructionEncoder, Tokenizer
from kibble.rewards.keypoints.embedded.plan import Plan
from kibble.rewards.keypoints.roles import ROLES

__all__ = [
    "STRIDE",
    "Encoded",
    "Heard",
    "KeypointConfig",
    "KeypointNetwork",
    "Sight",
    "fold_for_inference",
]

STRIDE = 4
"""Pixels per cell of a heatmap."""
STATES = 3
"""What may become of a role in a picture: absent, hidden, in sight."""
_PLACE_SCALE = 3.0  # places count for more than single features when learning starts


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KeypointConfig:
    """Shape of the network; stored in ``config.json`` beside the weights.

    Args:
        vocabulary: Words that the instruction encoder knows.
        plans: Ways among which the sentence chooses.
        image_size: (height, width) in pixels, multiples of 8.
        channels: Channels at strides 2, 4 and 8.
        blocks: Residual blocks at stride 8 that know no sentence, and as many that do.
        features: Channels at stride 4 that queries look at.
        fine: Channels at stride 4 that heatmaps are read from.
        queries: Queries with which a sentence looks at a picture, at least the roles.
        context: Width of what the sentence and its queries' finds are condensed to.
        text: Width of the instruction encoder.
        hash_buckets: Numbers shared by the words outside the vocabulary.
        max_tokens: Words kept of one sentence.
    """

    vocabulary: tuple[str, ...]
    plans: tuple[Plan, ...]
    image_size: tuple[int, int] = (96, 96)
    channels: tuple[int, int, int] = (24, 48, 96)
    blocks: int = 2
    features: int = 64
    fine: int = 48
    queries: int = 8
    context: int = 192
    text: int = 96
    hash_buckets: int = 16
    max_tokens: int = 24


class Sight(NamedTuple):
    """What the network sees of R roles in N pictures, each read with one sentence.

    Args:
        heat: (N, R, P) float32 logits over the P cells, row by row.
        first: (N, R, P) float32 logits of the first look, which trains the queries.
        offsets: (N, R, 2, P) float32, from a cell's middle to the point, in cells: right, down.
        states: (N, R, 3) float32 logits: absent, hidden, in sight.
    """

    heat: Tensor
    first: Tensor
    offsets: Tensor
    states: Tensor


class Encoded(NamedTuple):
    """N pictures, encoded whatever is asked.

    Args:
        maps: (N, C, H / 4, W / 4) features that queries look at.
        entered: (N, C8, H / 8, W / 8), what the second pass starts from.
        beside: (N, fine, H / 4, W / 4), the detail that it comes back to.
    """

    maps: Tensor
    entered: Tensor
    beside: Tensor

    def at(self, rows: Tensor) -> Encoded:
        """The pictures with these numbers, (N,) int64."""
        return Encoded(self.maps[rows], self.entered[rows], self.beside[rows])


class Heard(NamedTuple):
    """S sentences, understood.

    Args:
        queries: (S, Q, C) with which they look.
        summary: (S, text).
        plans: (S, plans) float32 logits.
    """

    queries: Tensor
    summary: Tensor
    plans: Tensor

    def at(self, rows: Tensor) -> Heard:
        """The sentences with these numbers, (N,) int64."""
        return Heard(self.queries[rows], self.summary[rows], self.plans[rows])


class _Modulated(nn.Module):
    """A convolution whose normed output a context scales and shifts."""

    def __init__(self, inputs: int, outputs: int, context: int, size: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs)
        self.modulate = nn.Linear(context, 2 * outputs)
        nn.init.zeros_(self.modulate.bias)
        nn.init.normal_(self.modulate.weight, std=0.3 * context**-0.5)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        scale, shift = self.modulate(context).to(x.dtype)[:, :, None, None].chunk(2, dim=1)
        x = self.norm(convolve(self.conv, x))
        out: Tensor = F.silu(torch.addcmul(shift, x, 1 + scale))
        return out


class _ModulatedResidual(nn.Module):
    def __init__(self, channels: int, context: int) -> None:
        super().__init__()
        self.first = _Modulated(channels, channels // 2, context, 1)
        self.second = _Modulated(channels // 2, channels, context, 3)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        out: Tensor = x + self.second(self.first(x, context), context)
        return out


class _Encoder(nn.Module):
    """Strided CNN that knows no sentence: context of stride 8 laid over detail of stride 4."""

    def __init__(self, config: KeypointConfig) -> None:
        super().__init__()
        c2, c4, c8 = config.channels
        self.stem = Convolution(3, c2, 5, stride=2)
        self.detail = Convolution(c2, c4, 3, stride=2)
        self.sharpen = Residual(c4)
        self.down = Convolution(c4, c8, 3, stride=2)
        self.blocks = nn.ModuleList([Residual(c8) for _ in range(config.blocks)])
        self.top = nn.Conv2d(c8, config.features, 1)
        self.lateral = nn.Conv2d(c4, config.features, 1)

    def forward(self, x: Tensor) -> Tensor:
        detail = self.sharpen(self.detail(self.stem(x)))
        x = self.down(detail)
        for block in self.blocks:
            x = block(x)
        above = F.interpolate(convolve(self.top, x), scale_factor=2.0, mode="nearest")
        return F.silu(convolve(self.lateral, detail) + above)


@final
class KeypointNetwork(nn.Module):
    """Finds the roles of a sentence in a picture of any view.

    A picture is encoded once, whatever is asked. A sentence then looks at it with a few queries,
    the first of which are the roles'; where they look and what they find there, condensed, steers
    a second pass over the picture, which can therefore mark places that depend on two things: the
    point behind a cube is on the far side from its pad.

    Args:
        config: Shape of the network.
    """

    grid: Tensor

    def __init__(self, config: KeypointConfig) -> None:
        super().__init__()
        self.config = config
        self.tokenizer = Tokenizer(
            config.vocabulary, hash_buckets=config.hash_buckets, max_tokens=config.max_tokens
        )
        c, q, fine, roles = config.features, config.queries, config.fine, len(ROLES)
        _, _, c8 = config.channels
        self.encoder = _Encoder(config)
        self.instructions = InstructionEncoder(
            tokens=self.tokenizer.size,
            max_tokens=config.max_tokens,
            width=config.text,
            queries=q,
            views=1,
            features=c,
        )
        height, width = (side // STRIDE for side in config.image_size)
        y, x = torch.meshgrid(
            torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij"
        )
        self.register_buffer("grid", torch.stack([x.flatten(), y.flatten()], -1), persistent=False)
        self.positions = nn.Parameter(0.02 * torch.randn(height * width, c))
        self.condense = nn.Sequential(
            nn.Linear(config.text + q * (c + 3), config.context),
            nn.SiLU(),
            nn.Linear(config.context, config.context),
            nn.SiLU(),
        )
        self.enter = nn.Conv2d(c, c8, 3, 2, 1, bias=False)
        self.enter_shown = nn.Conv2d(q, c8, 3, 2, 1, bias=False)
        self.beside = nn.Conv2d(c, fine, 1)
        self.beside_shown = nn.Conv2d(q, fine, 1, bias=False)
        self.blocks = nn.ModuleList(
            [_ModulatedResidual(c8, config.context) for _ in range(config.blocks)]
        )
        self.back = nn.Conv2d(c8, fine, 1)
        self.mix = _Modulated(fine, fine, config.context, 3)
        self.mark = nn.Conv2d(fine, 3 * roles, 1)
        self.judge = nn.Sequential(
            nn.Linear(config.context + roles * (fine + 1), 128),
            nn.SiLU(),
            nn.Linear(128, STATES * roles),
        )
        self.choose = nn.Linear(config.text, len(config.plans))

    def encode(self, images: Tensor) -> Encoded:
        """Encode pictures, each once.

        Args:
            images: (M, 3, H, W) in [0, 1], float32 or bfloat16, channels last in memory.
        """
        maps = self.encoder(images - 0.5)
        return Encoded(maps, convolve(self.enter, maps), convolve(self.beside, maps))

    def hear(self, numbers: Tensor) -> Heard:
        """Understand sentences.

        Args:
            numbers: (S, L) int64 of the tokenizer.
        """
        queries, summary = self.instructions(numbers)
        return Heard(queries[:, 0], summary, self.choose(summary))

    def look(self, seen: Encoded, heard: Heard) -> Sight:
        """Look at N pictures, each with one sentence."""
        maps = seen.maps
        n, c, height, width = maps.shape
        roles = len(ROLES)
        flat = maps.flatten(2)  # (N, C, P)
        looked = heard.queries.to(maps.dtype) * c**-0.25
        places = looked @ self.positions.to(maps.dtype).T  # (N, Q, P)
        logits = torch.baddbmm(places, looked, flat).float()
        strength = logits.logsumexp(dim=-1, keepdim=True)
        weights = torch.exp(logits - strength)  # (N, Q, P)
        found = torch.bmm(weights.to(maps.dtype), flat.transpose(1, 2)).float()
        finds = torch.cat([found, _PLACE_SCALE * (weights @ self.grid), 0.3 * strength], dim=-1)
        context = self.condense(torch.cat([heard.summary, finds.flatten(1)], dim=1))
        shown = torch.tanh(0.2 * logits).to(maps.dtype).view(n, -1, height, width)
        shown = shown.contiguous(memory_format=torch.channels_last)
        x = F.silu(seen.entered + convolve(self.enter_shown, shown))
        for block in self.blocks:
            x = block(x, context)
        above = F.interpolate(convolve(self.back, x), scale_factor=2.0, mode="nearest")
        x = F.silu(seen.beside + convolve(self.beside_shown, shown) + above)
        x = x + self.mix(x, context)
        marks = convolve(self.mark, x).float().view(n, 3, roles, height * width)
        heat = marks[:, 0]
        peak = heat.detach().softmax(dim=-1).to(x.dtype)
        under = torch.bmm(peak, x.flatten(2).transpose(1, 2)).float()  # (N, R, C)
        top = 0.3 * heat.detach().logsumexp(dim=-1, keepdim=True)
        judged = torch.cat([context, torch.cat([under, top], dim=-1).flatten(1)], dim=1)
        return Sight(
            heat=heat,
            first=logits[:, :roles],
            offsets=marks[:, 1:].transpose(1, 2),
            states=self.judge(judged).view(n, roles, STATES),
        )


def fold_for_inference(network: KeypointNetwork, dtype: torch.dtype) -> KeypointNetwork:
    """Fold batch norms and cast the convolutions, in place; no further training afterwards."""
    network.eval().requires_grad_(False)
    fold_norms(network.encoder)
    for part in network.modules():
        if isinstance(part, _Modulated) and isinstance(part.norm, nn.BatchNorm2d):
            part.conv = nn.utils.fusion.fuse_conv_bn_eval(part.conv, part.norm)
            part.norm = nn.Identity()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for part in network.modules():
        if isinstance(part, nn.Conv2d):
            part.to(dtype=dtype)
    network.positions.data = network.positions.data.to(dtype)
    return network
