"""Low-rank adapters over one model: loaded by name, proved to have an effect, switched at will."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, final

import numpy as np
import torch
from peft import PeftConfig
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils.other import AuxiliaryTrainingWrapper
from safetensors import SafetensorError
from transformers.utils import logging as transformers_logging

from kibble.rewards.errors import ModelError, WeightsError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, ProcessorMixin

__all__ = ["Adapters", "load_adapters", "picture_probe"]

# An effect counts if it is this many times what two equal passes differ by (nothing on a CPU).
_NOISE_FACTOR = 10.0
_SILENCED = (
    "Already found a `peft_config` attribute",  # several adapters over one model are meant
    "`is_gradient_checkpointing` is deprecated",  # peft 0.21 reads it of transformers 5
)


@final
class Adapters:
    """Adapters of one model, of which one or none is on; :func:`load_adapters` makes it.

    The bare model goes by the name "". Not safe to share between threads: what switches and what
    computes must not be separated by another's switch.
    """

    def __init__(self, model: PreTrainedModel, names: Mapping[str, str]) -> None:
        self._names = dict(names)
        layers = [
            (path, module, frozenset(module._get_available_adapters()))
            for path, module in model.named_modules()
            if isinstance(module, (BaseTunerLayer, AuxiliaryTrainingWrapper))
        ]
        self._layers = [(module, held) for _, module, held in layers]
        # What is adapted outside the language model and its output stands before it.
        seeing = {
            inner
            for path, _, held in layers
            if not {"language_model", "lm_head"} & set(path.split("."))
            for inner in held
        }
        self._alters_vision = {name for name, inner in names.items() if inner in seeing}
        self._current: str | None = None
        self.use("")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the adapters, without the bare model's."""
        return tuple(self._names)

    def use(self, name: str) -> None:
        """Switch to an adapter, or by "" to the bare model; free if it is on already.

        Raises:
            ModelError: If there is no such adapter.
        """
        if name == self._current:
            return
        if name and name not in self._names:
            raise ModelError(
                f"`adapter` must be one of {['', *self._names]}, got {name!r}; name it when the "
                "back end is opened."
            )
        inner = self._names.get(name)
        for layer, held in self._layers:
            if inner in held:
                layer.set_adapter(inner)
            layer.enable_adapters(enabled=inner in held)
        self._current = name

    def alters_vision(self, name: str) -> bool:
        """Return whether pictures are encoded differently with this adapter than without it."""
        return name in self._alters_vision


def load_adapters(
    model: PreTrainedModel, folders: Mapping[str, Path], probe: Callable[[], torch.Tensor]
) -> Adapters:
    """Load adapters and prove of each that it changes what the model computes.

    An adapter whose names do not fit the model, or whose second matrices were left zero when it
    was saved or loaded, computes exactly what the bare model computes, with no error anywhere.

    Args:
        model: What they are put over; its layers are wrapped in place.
        folders: Name to directory, as ``peft`` saves an adapter.
        probe: Computes something of the model that depends on all of it, such as
            :func:`picture_probe`.

    Returns:
        The adapters; the bare model is on.

    Raises:
        WeightsError: If an adapter is missing, damaged, made for another model, or without
            effect.
    """
    if not folders:
        return Adapters(model, {})
    inner = {name: f"kibble_{i}" for i, name in enumerate(folders)}  # any name is allowed outside
    bare = probe()
    for name, folder in folders.items():
        _load(model, name, folder, inner[name])
    adapters = Adapters(model, inner)
    noise = _distance(probe(), bare)
    for name, folder in folders.items():
        adapters.use(name)
        effect = _distance(probe(), bare)
        if not effect > _NOISE_FACTOR * noise:
            raise WeightsError(
                f"Adapter {name!r} must change what the model computes, got none of it from "
                f"{folder} (largest change {effect:.1e}, two equal passes differ by {noise:.1e}); "
                "its weights were saved empty or belong to another model. Get it anew."
            )
    adapters.use("")
    return adapters


def picture_probe(model: PreTrainedModel, processor: ProcessorMixin) -> Callable[[], torch.Tensor]:
    """Return a function that computes the model's logits for a short question about a picture.

    Args:
        model: The model, on its device.
        processor: Its own processor.

    Returns:
        A function of no arguments that returns (T, vocabulary) float32 on the CPU.
    """
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    content = [{"type": "image", "image": noise}, {"type": "text", "text": "What is this?"}]
    # The types of transformers allow text alone in a message.
    inputs = (
        cast(Any, processor)
        .apply_chat_template(
            [{"role": "user", "content": content}],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
        )
        .to(model.device, dtype=model.dtype)
    )

    def logits() -> torch.Tensor:
        with torch.inference_mode():
            found: torch.Tensor = model(**inputs).logits[0].float().cpu()
        return found

    return logits


def _configuration(model: PreTrainedModel, folder: Path) -> Any:
    """Read an adapter's configuration; of modules saved whole only the outermost are named.

    An adapter that saved a module and one inside it (LRM's has ``visual`` and its ``merger``)
    holds the inner one's weights once, in the outer, while ``peft`` would look for them twice.
    """
    config: Any = PeftConfig.from_pretrained(str(folder))
    saved = getattr(config, "modules_to_save", None)
    if saved:
        paths = {
            name: [p for p, _ in model.named_modules() if p == name or p.endswith(f".{name}")]
            for name in saved
        }
        config.modules_to_save = [
            name
            for name in saved
            if not paths[name]
            or not all(
                any(path.startswith(f"{outer}.") for other in saved for outer in paths[other])
                for path in paths[name]
            )
        ]
    return config


@contextmanager
def _without_report() -> Iterator[None]:
    """Keep transformers from reporting all other adapters' weights as missing in this one."""
    before = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        transformers_logging.set_verbosity(before)


def _load(model: PreTrainedModel, name: str, folder: Path, inner: str) -> None:
    try:
        config = _configuration(model, folder)
        with warnings.catch_warnings(), _without_report():
            for message in _SILENCED:
                warnings.filterwarnings("ignore", message)
            found = model.load_adapter(str(folder), adapter_name=inner, peft_config=config)
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise WeightsError(
            f"Adapter {name!r} at {folder} does not load over this model: {error}"
        ) from error
    missing = {key for key in found.missing_keys if inner in key.split(".")}  # not the others'
    for problem, keys in (
        ("lacks weights that its configuration asks for", missing),
        ("has weights that fit nowhere in this model", found.unexpected_keys),
        ("has weights of other sizes than this model", found.mismatched_keys),
    ):
        if keys:
            raise WeightsError(
                f"Adapter {name!r} at {folder} {problem}: {len(keys)}, such as "
                f"{min(map(str, keys))}; it must have been trained over the same model."
            )


def _distance(logits: torch.Tensor, reference: torch.Tensor) -> float:
    return float((logits - reference).abs().max())
