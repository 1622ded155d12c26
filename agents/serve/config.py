"""Settings of ``kibble serve``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kibble.rewards.errors import ConfigError

__all__ = ["ServeConfig"]


@dataclass(frozen=True, kw_only=True)
class ServeConfig:
    """Settings of ``kibble serve``.

    Args:
        model: A reward model, a list of them, or {name: model} to choose the names that clients
            use; each as in `kibble models`. Clients ask for the word before @, or the name of the
            directory.
        host: Address to listen on; any but this machine's own (127.0.0.1) needs a token.
        port: Port to listen on; 0 takes a free one.
        token_env: Environment variable with the token that clients must bring; none is asked for
            if it is unset.
        certificate: PEM file with the certificate for https; null speaks http.
        key: PEM file with its private key.
        batch: Most frames in one call of a model.
        batch_wait: Seconds that the first frame of a batch may wait for others.
        queue: Frames that may wait for each model; more are answered "busy".
        episodes: Episodes of each model that may be open at once.
        expiry: Seconds without a frame after which an episode is closed.
        deadline: Seconds that a request may take if it does not say so itself.
        body_timeout: Seconds in which the body of a request must have arrived.
        body_mb: Megabytes that a body may have.
        memory_mb: Megabytes that all bodies and pictures may hold while they are worked on.
        picture_megapixels: Million pixels that a picture may have.
        cache_mb: Megabytes of answers kept for each model, for frames that come again; 0 keeps
            none.
        decoders: Threads that decode JPEG and PNG.
        grace: Seconds that requests which are under way when it stops may still take.
        device: auto, cpu, cuda or cuda:0.
        threads: Threads that torch uses for each model; 0 shares all cores but one, which receives
            requests, among the models, and is 1 for each replica.
        replicas: Processes that serve, by Ray; each opens every model. Ray keeps `threads` cores
            for each.
        gpus: GPUs that Ray keeps for each replica; 0.5 puts two on one.
        ray: Address of a Ray cluster to serve on, or auto; null takes this machine.
        quiet: Whether to say nothing but errors.

    Raises:
        ConfigError: If a value is out of range.
    """

    model: Any = "grm_tiny"
    host: str = "127.0.0.1"
    port: int = 8300
    token_env: str = "KIBBLE_TOKEN"
    certificate: str | None = None
    key: str | None = None
    batch: int = 32
    batch_wait: float = 0.002
    queue: int = 512
    episodes: int = 1024
    expiry: float = 600.0
    deadline: float = 30.0
    body_timeout: float = 10.0
    body_mb: int = 64
    memory_mb: int = 512
    picture_megapixels: float = 16.8
    cache_mb: int = 64
    decoders: int = 2
    grace: float = 30.0
    device: str = "auto"
    threads: int = 0
    replicas: int = 1
    gpus: float = 0.0
    ray: str | None = None
    quiet: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.model, str | list | dict) or not self.model:
            raise ConfigError(
                f"`model` must name a reward model, several, or {{name: model}}, got "
                f"{self.model!r}; write model=grm_tiny."
            )
        if not 0 <= self.port <= 65535:
            raise ConfigError(f"`port` must lie in [0, 65535], got {self.port}.")
        if (self.certificate is None) != (self.key is None):
            raise ConfigError(
                "`certificate` and `key` belong together, got one without the other; give both "
                "for https, or neither for http."
            )
        for name in ("body_mb", "memory_mb", "replicas"):
            if getattr(self, name) < 1:
                raise ConfigError(f"`{name}` must be at least 1, got {getattr(self, name)}.")
        if self.threads < 0:
            raise ConfigError(f"`threads` must be 0 or more, got {self.threads}.")
        if not 0.0 < self.picture_megapixels <= 1000.0:
            raise ConfigError(
                f"`picture_megapixels` must lie in (0, 1000], got {self.picture_megapixels}."
            )
        if not self.grace > 0.0:
            raise ConfigError(f"`grace` must be above 0 s, got {self.grace}.")
        if self.gpus < 0.0 or (self.gpus > 0.0 and not self.by_ray):
            raise ConfigError(
                f"`gpus` must be 0, or more with replicas= or ray=, got {self.gpus}; write "
                "device=cuda for a single process."
            )

    @property
    def by_ray(self) -> bool:
        """Whether Ray runs the service."""
        return self.replicas > 1 or self.ray is not None
