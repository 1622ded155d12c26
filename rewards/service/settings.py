"""How a service behaves: batches, queue, deadlines, limits."""

from __future__ import annotations

from dataclasses import dataclass, field

from kibble.rewards.errors import ConfigError
from kibble.rewards.service.wire import Limits

__all__ = ["ServiceSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """Settings of one service; those of models hold for each of them.

    Args:
        batch: Most frames in one call of a model.
        batch_wait: Seconds that the first frame of a batch may wait for others. No frame waits
            when all open episodes have one waiting, or when the model is busy anyway.
        queue: Frames that may wait for a model, and episodes that may wait to be opened; more are
            answered ``busy``.
        episodes: Episodes that may be open at once.
        expiry: Seconds without a frame after which an episode is closed.
        deadline: Seconds that a request may take if it does not say so itself.
        body_timeout: Seconds in which a body must have arrived.
        body_memory: Bytes that all bodies together may hold while they are worked on.
        cache: Bytes of answers and states kept, by content; 0 keeps none.
        decoders: Threads that decode pictures.
        token: What clients must bring, or ``None``.
        limits: What one request may be at most.

    Raises:
        ConfigError: If a value is out of range.
    """

    batch: int = 32
    batch_wait: float = 0.002
    queue: int = 512
    episodes: int = 1024
    expiry: float = 600.0
    deadline: float = 30.0
    body_timeout: float = 10.0
    body_memory: int = 512 * 2**20
    cache: int = 64 * 2**20
    decoders: int = 2
    token: str | None = field(default=None, repr=False)
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        for name in ("batch", "episodes", "decoders"):
            if getattr(self, name) < 1:
                raise ConfigError(f"`{name}` must be at least 1, got {getattr(self, name)}.")
        for name in ("expiry", "deadline", "body_timeout"):
            if not getattr(self, name) > 0.0:
                raise ConfigError(f"`{name}` must be above 0 s, got {getattr(self, name)}.")
        if not 0.0 <= self.batch_wait <= 1.0:
            raise ConfigError(f"`batch_wait` must lie in [0, 1] s, got {self.batch_wait}.")
        if self.queue < self.limits.frames:
            raise ConfigError(
                f"`queue` must hold one request of {self.limits.frames} frames, got {self.queue}."
            )
        if self.body_memory < self.limits.body_bytes:
            raise ConfigError(
                f"`body_memory` must hold one body of {self.limits.body_bytes} bytes, got "
                f"{self.body_memory}."
            )
        if self.cache < 0:
            raise ConfigError(f"`cache` must be 0 or more bytes, got {self.cache}.")
        if self.token is not None and len(self.token) < 16:
            raise ConfigError(
                f"`token` must have 16 or more characters, got {len(self.token)}; draw one with "
                "`python -c 'import secrets; print(secrets.token_urlsafe())'`."
            )
