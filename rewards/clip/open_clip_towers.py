"""Any model of ``open_clip``, by name and tag or from a directory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast, final

import torch
from torch import Tensor, nn

from kibble.rewards.clip.imports import explained_imports
from kibble.rewards.clip.preprocessing import Preprocessing
from kibble.rewards.errors import WeightsError

__all__ = ["OpenClipTowers", "was_trained_with_quick_gelu"]


@final
class OpenClipTowers:
    """A model of ``open_clip``.

    Args:
        name: Name of the architecture, such as ``ViT-B-32``, or ``local-dir:`` and the path of a
            directory with ``open_clip_config.json``.
        tag: Which weights of the architecture, such as ``laion2b_s34b_b79k``; they are downloaded
            on first use. ``None`` for a directory.
        dtype: Dtype of the weights.

    Raises:
        WeightsError: If there is no such model or it has no weights.
    """

    def __init__(self, name: str, tag: str | None, *, dtype: torch.dtype) -> None:
        with explained_imports():
            import open_clip

        try:
            model = open_clip.create_model(
                name,
                pretrained=tag,
                require_pretrained=True,
                force_quick_gelu=was_trained_with_quick_gelu(name, tag),
            )
            self._tokenizer = open_clip.get_tokenizer(name)
        except (OSError, RuntimeError, ValueError, KeyError) as error:
            raise WeightsError(
                f"open_clip must have weights {name!r} {tag or ''}, got: "
                f"{' '.join(str(error).split())[:300]} Those of a name and a tag are downloaded "
                "where there is a network; `open_clip.list_pretrained()` lists both."
            ) from error
        self._model = model.eval().to(dtype)
        self._preprocessing = _preprocessing(model.visual.preprocess_cfg)

    @property
    def module(self) -> nn.Module:
        """The network."""
        return cast("nn.Module", self._model)

    @property
    def preprocessing(self) -> Preprocessing:
        """What is done with pictures before."""
        return self._preprocessing

    def see(self, pixels: Tensor) -> Tensor:
        """Place pictures."""
        return cast("Tensor", self._model.encode_image(pixels))

    def read(self, sentences: Sequence[str]) -> Tensor:
        """Place sentences."""
        tokens = self._tokenizer(list(sentences)).to(next(self._model.parameters()).device)
        return cast("Tensor", self._model.encode_text(tokens))

    def temperature(self) -> float:
        """Return the exponential of ``logit_scale``."""
        return float(self._model.logit_scale.detach().float().exp())


def was_trained_with_quick_gelu(name: str, tag: str | None) -> bool:
    """Whether weights want CLIP's first activation, x·sigmoid(1.702 x), and not GELU.

    The architecture of a name such as ``ViT-B-32`` has GELU; open_clip gives it to OpenAI's own
    weights as well, with no more than a warning, though they were trained with the other.
    """
    import open_clip

    known = open_clip.get_pretrained_cfg(name, tag) if tag is not None else None
    return bool((known or {}).get("quick_gelu", False))


def _preprocessing(settings: Mapping[str, Any]) -> Preprocessing:
    size = settings["size"]
    height, width = (size, size) if isinstance(size, int) else size
    mean, std = (settings[key] for key in ("mean", "std"))
    square = height == width
    return Preprocessing(
        size=(int(height), int(width)),
        fit=settings["resize_mode"],
        shortest=int(height) if square else None,
        # open_clip's own preparation of other than square pictures knows bicubic alone
        filter="bilinear"
        if settings["interpolation"] == "bilinear"
        and (square or settings["resize_mode"] != "shortest")
        else "bicubic",
        mean=(float(mean[0]), float(mean[1]), float(mean[2])),
        std=(float(std[0]), float(std[1]), float(std[2])),
        fill=int(settings["fill_color"]),
        cuts_to_even=True,
    )
