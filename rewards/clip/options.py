"""Options that every model over a :class:`kibble.rewards.clip.encoder.ClipEncoder` has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kibble.rewards.errors import ConfigError

if TYPE_CHECKING:
    import torch

    from kibble.rewards.clip.encoder import ClipEncoder

__all__ = ["EncoderOptions"]


@dataclass(frozen=True, kw_only=True)
class EncoderOptions:
    """How frames are encoded.

    Args:
        view: The camera that is read.
        dtype: auto (bfloat16 where the device computes in it), float32, bfloat16 or float16.
        batch: Most frames in one forward pass.
        cache_mb: Megabytes of encoded frames that are kept; 0 keeps none.

    Raises:
        ConfigError: If a number is out of range.
    """

    view: str = "front"
    dtype: str = "auto"
    batch: int = 64
    cache_mb: int = 64

    def __post_init__(self) -> None:
        if self.batch < 1 or self.cache_mb < 0:
            raise ConfigError(
                f"`batch` must be at least 1 and `cache_mb` at least 0, got {self.batch} and "
                f"{self.cache_mb}."
            )

    def encoder(self, weights: str, device: torch.device | None) -> ClipEncoder:
        """Open the encoder.

        Raises:
            WeightsError: If the weights are missing, damaged or of another kind.
            ConfigError: If the dtype is none.
        """
        import torch

        from kibble.rewards.clip.opening import open_encoder
        from kibble.rewards.native_dtype import dtype_of

        place = torch.device("cpu") if device is None else device
        return open_encoder(
            weights,
            dtype=dtype_of(self.dtype, place),
            device=place,
            batch=self.batch,
            cache_mb=self.cache_mb,
        )
