"""The models that a service is asked for, by the names that its clients use."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kibble.rewards.catalogue import card_of
from kibble.rewards.errors import ConfigError
from kibble.rewards.reference import ModelReference, parse_reference

__all__ = ["named_models"]


def named_models(model: object) -> dict[str, ModelReference]:
    """Parse a reference, a list of them, or a mapping of names to them.

    Args:
        model: The key ``model`` of ``kibble serve``.

    Returns:
        Name on the wire to what is served under it.

    Raises:
        ConfigError: If something is no reference, or two models would have one name.
        WeightsError: If a name is not known.

    >>> list(named_models(["grm_tiny", "time_counter?horizon=9"]))
    ['grm_tiny', 'time_counter']
    """
    if isinstance(model, Mapping):
        pairs = [(str(name), str(reference)) for name, reference in model.items()]
    else:
        listed = model if isinstance(model, list) else [model]
        pairs = [("", str(reference)) for reference in listed]
    named: dict[str, ModelReference] = {}
    for given, text in pairs:
        reference = parse_reference(text)
        if not card_of(reference).causal:
            raise ConfigError(
                f"`model` must read frames as they come, got {reference.name!r}, which reads "
                "whole episodes after their end; use `kibble score` for it."
            )
        name = given or Path(reference.name).name
        if name in named:
            raise ConfigError(
                f"`model` must give each model a name of its own, got {name!r} twice; write "
                "'model={one: grm_tiny, two: models/mine}'."
            )
        named[name] = reference
    return named
