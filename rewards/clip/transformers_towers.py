"""CLIP and SigLIP as ``transformers`` saves them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast, final

import torch
from torch import Tensor, nn

from kibble.rewards.clip.imports import explained_imports
from kibble.rewards.clip.preprocessing import Preprocessing
from kibble.rewards.errors import WeightsError

__all__ = ["TransformersTowers"]

_FAMILIES = ("clip", "siglip")
_FILTERS: Mapping[int, Literal["bicubic", "bilinear"]] = {2: "bilinear", 3: "bicubic"}


@final
class TransformersTowers:
    """CLIP, or SigLIP of either generation with pictures of one size.

    Args:
        weights: Directory with model, tokenizer and ``preprocessor_config.json``.
        dtype: Dtype of the weights.

    Raises:
        WeightsError: If a file is missing or damaged, or the model is of another kind.
    """

    def __init__(self, weights: Path, *, dtype: torch.dtype) -> None:
        with explained_imports():
            from transformers import AutoConfig, AutoImageProcessor, AutoModel, AutoTokenizer

        try:
            config = AutoConfig.from_pretrained(weights)
            if config.model_type not in _FAMILIES:
                raise WeightsError(
                    f"Weights {str(weights)!r} must be CLIP or SigLIP with pictures of one size, "
                    f"got {config.model_type!r}; choose others, or another reward model."
                )
            self._family = str(config.model_type)
            self._model = AutoModel.from_pretrained(weights, dtype=dtype).eval()
            self._tokenizer = AutoTokenizer.from_pretrained(weights)
            processor = AutoImageProcessor.from_pretrained(weights)  # type: ignore[no-untyped-call]
        except (OSError, ValueError) as error:
            raise WeightsError(
                f"Weights {str(weights)!r} must hold model, tokenizer and "
                f"preprocessor_config.json, got: {' '.join(str(error).split())[:300]} Copy or "
                "download them again, all files."
            ) from error
        self._longest = int(config.text_config.max_position_embeddings)
        self._preprocessing = _preprocessing(weights, processor.to_dict())

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
        return cast("Tensor", self._model.get_image_features(pixel_values=pixels).pooler_output)

    def read(self, sentences: Sequence[str]) -> Tensor:
        """Place sentences.

        SigLIP is trained on lower case and on sentences that are filled up to 64 tokens.
        """
        siglip = self._family == "siglip"
        inputs = self._tokenizer(
            [sentence.lower() if siglip else sentence for sentence in sentences],
            padding="max_length" if siglip else True,
            truncation=True,
            max_length=self._longest,
            return_tensors="pt",
        ).to(self._model.device)
        if siglip:
            inputs.pop("attention_mask", None)  # it attends to what is filled, as in training
        return cast("Tensor", self._model.get_text_features(**inputs).pooler_output)

    def temperature(self) -> float:
        """Return the exponential of ``logit_scale``."""
        return float(self._model.logit_scale.detach().float().exp())


def _preprocessing(weights: Path, settings: Mapping[str, Any]) -> Preprocessing:
    """Read ``preprocessor_config.json``, which holds all that is done."""
    size: Mapping[str, int | None] = settings["size"]
    crop: Mapping[str, int] = settings.get("crop_size") or {}
    cuts = bool(settings.get("do_center_crop"))
    kind = int(settings.get("resample") or -1)
    plain = all(settings.get(key, True) for key in ("do_resize", "do_rescale", "do_normalize"))
    square = size.get("height"), size.get("width")
    shortest = size.get("shortest_edge")
    if not plain or kind not in _FILTERS or not (all(square) or (shortest and cuts)):
        file = weights / "preprocessor_config.json"
        raise WeightsError(
            f"{file} must resize, rescale and normalise pictures to one size, got size={size}, "
            f"crop_size={crop}, resample={kind}; choose weights that do."
        )
    mean, std = (tuple(map(float, settings[key])) for key in ("image_mean", "image_std"))
    height, width = (crop["height"], crop["width"]) if cuts else square
    return Preprocessing(
        size=(int(cast("int", height)), int(cast("int", width))),
        fit="shortest" if shortest else "squash",
        shortest=shortest,
        filter=_FILTERS[kind],
        mean=cast("tuple[float, float, float]", mean),
        std=cast("tuple[float, float, float]", std),
    )
