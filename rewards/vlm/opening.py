"""Open a back end by what a user says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibble.rewards.errors import ConfigError, MissingDependencyError
from kibble.rewards.vlm.backend import Backend

if TYPE_CHECKING:
    import torch

__all__ = ["BackendOptions", "check_torchvision", "open_backend"]


@dataclass(frozen=True, kw_only=True)
class BackendOptions:
    """What answers the questions of a generative reward model; every such model has these keys.

    Args:
        backend: local (this process, by transformers) or openai (a server that speaks OpenAI's
            protocol: vLLM, SGLang, transformers serve).
        url: Address of the server, such as http://127.0.0.1:8000/v1; for backend=openai.
        api_key_env: Environment variable that holds the server's key; none is sent if it is unset.
        timeout: Seconds that one request to a server may take, all its trials together.
        concurrency: Questions that are sent to a server at once.
        max_outage: Seconds that a server may be away before the run stops, with a checkpoint.
        image_format: How pictures go to a server: png (exact) or jpeg (quality 95, a third of the
            size and a tenth of the time, and nearly exact).
        dtype: auto (bfloat16 where the device computes in it), float32, bfloat16 or float16.
        batch: Most questions in one forward pass.
        cache_mb: Megabytes of encoded frames and of prefixes that are kept, each; 0 keeps none.
        trust_remote_code: Whether code that comes with the weights may run. It can do anything
            that you can do.
    """

    backend: str = "local"
    url: str = ""
    api_key_env: str = "OPENAI_API_KEY"
    timeout: float = 60.0
    concurrency: int = 8
    max_outage: float = 600.0
    image_format: str = "png"
    dtype: str = "auto"
    batch: int = 8
    cache_mb: int = 1024
    trust_remote_code: bool = False

    def __post_init__(self) -> None:
        if self.backend not in ("local", "openai"):
            raise ConfigError(f"`backend` must be local or openai, got {self.backend!r}.")
        if (self.backend == "openai") != bool(self.url):
            raise ConfigError(
                f"`url` belongs to backend=openai, got backend={self.backend} and "
                f"url={self.url!r}; write backend=openai&url=http://127.0.0.1:8000/v1, or neither."
            )
        if not self.max_outage >= 0:
            raise ConfigError(f"`max_outage` must be at least 0, got {self.max_outage}.")
        if self.image_format not in ("png", "jpeg"):
            raise ConfigError(f"`image_format` must be png or jpeg, got {self.image_format!r}.")
        if not self.timeout > 0 or self.concurrency < 1 or self.batch < 1 or self.cache_mb < 0:
            raise ConfigError(
                "`timeout` must be above 0, `concurrency` and `batch` at least 1, `cache_mb` at "
                f"least 0, got {self.timeout}, {self.concurrency}, {self.batch}, {self.cache_mb}."
            )


def open_backend(
    weights: str,
    options: BackendOptions,
    *,
    device: torch.device | None = None,
    adapters: Mapping[str, str] | None = None,
) -> Backend:
    """Open what answers.

    Args:
        weights: Directory or hub id of the model; on a server the name that it serves.
        options: Where and how it runs.
        device: Where a local model runs; the CPU by default.
        adapters: Name to directory or hub id of low-rank adapters over the model; on a server
            the names that it serves them under.

    Returns:
        The back end.

    Raises:
        WeightsError: If local weights are missing, damaged, or have no effect.
        MissingDependencyError: If torch and torchvision do not belong together.
        ModelError: If the server does not serve that model.
        ServiceAwayError: If the server cannot be reached.
    """
    if options.backend == "openai":
        from kibble.rewards.vlm.openai.backend import open_server

        return open_server(weights, options, adapters=adapters or {})
    from kibble.rewards.vlm.local.weight_files import locate

    for reference in (weights, *(adapters or {}).values()):
        locate(reference)  # torch and transformers take seconds to import
    check_torchvision()
    from kibble.rewards.vlm.local.backend import open_local

    return open_local(weights, options, device=device, adapters=adapters or {})


def check_torchvision() -> None:
    """Import what a model in this process needs.

    Raises:
        MissingDependencyError: If torch and torchvision do not belong together.
    """
    try:
        import kibble.rewards.vlm.local.backend  # noqa: F401
    except (ImportError, RuntimeError) as error:
        if not _torchvision_is_to_blame(error):
            raise
        raise MissingDependencyError(
            "`torchvision` must be the build that belongs to the installed torch, and is not, so "
            "that transformers cannot be imported; install the two together, as pytorch.org says. "
            "`kibble doctor` checks it."
        ) from error


def _torchvision_is_to_blame(error: BaseException | None) -> bool:
    """Whether an import failed because torchvision's own operators are not there."""
    while error is not None:
        if isinstance(error, RuntimeError) and "torchvision::" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False
