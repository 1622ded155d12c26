"""What there is to say of reward models on this machine."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import get_args, get_origin, get_type_hints

from kibble.agents.command_line.schema import describe_keys, describe_type
from kibble.rewards.adapters.card import ModelCard
from kibble.rewards.catalogue import card_of, options_class
from kibble.rewards.extras import missing_modules
from kibble.rewards.hub_cache import cached_weights
from kibble.rewards.reference import ModelReference, parse_reference

__all__ = ["Facts", "Option", "facts_of", "options_of", "reference_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A card, and what of it is on this machine.

    Args:
        card: The card.
        weights: Hub id or path of known weights to the directory they are in; ``None`` where they
            are not here.
        missing: Modules of the card's extra that are not installed.
    """

    card: ModelCard
    weights: dict[str, Path | None]
    missing: tuple[str, ...]

    @property
    def here(self) -> str:
        """In a word or two, whether the model can be opened now."""
        if self.missing:
            return f"pip install 'kibble[{self.card.extra}]'"
        if self.card.included or self.card.extra == "":
            return "yes"
        if not self.weights:
            return "yours to name"
        found = sum(path is not None for path in self.weights.values())
        if found == 0:
            return "no"
        return "yes" if found == len(self.weights) else f"{found} of {len(self.weights)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option of a reward model.

    Args:
        key: Its name in a reference.
        default: Its default, as it would be written.
        kind: What values it takes.
        meaning: What it does.
    """

    key: str
    default: str
    kind: str
    meaning: str


def facts_of(card: ModelCard, *named: str) -> Facts:
    """Look up what is on this machine.

    Args:
        card: The model.
        named: Further weights to look for: hub ids or directories.
    """
    weights: dict[str, Path | None] = {hub_id: cached_weights(hub_id) for hub_id in card.hub_ids}
    for one in named:
        directory = Path(one).expanduser()
        weights[one] = directory if directory.is_dir() else cached_weights(one)
    return Facts(card=card, weights=weights, missing=missing_modules(card.extra))


def options_of(card: ModelCard) -> list[Option]:
    """List the options of a model, its own before those that it shares with others."""
    schema = options_class(card)
    hints, meanings = get_type_hints(schema), describe_keys(schema)
    fields = dataclasses.fields(schema)  # type: ignore[arg-type]  # options are dataclasses
    shared = {
        field.name
        for parent in schema.__mro__[1:]
        if dataclasses.is_dataclass(parent)
        for field in dataclasses.fields(parent)
    }
    return [
        Option(
            key=field.name,
            default=_written(field.default),
            kind=_kind(hints[field.name]),
            meaning=meanings.get(field.name, ""),
        )
        for field in sorted(fields, key=lambda field: field.name in shared)
    ]


def reference_of(text: str) -> tuple[ModelReference, ModelCard]:
    """Parse what a user calls a model and find its card.

    Raises:
        ConfigError: If it does not follow the grammar.
        WeightsError: If there is no such model.
    """
    reference = parse_reference(text)
    return reference, card_of(reference)


def _kind(hint: object) -> str:
    if get_origin(hint) is tuple:
        return f"{describe_type(get_args(hint)[0])}; may be given several times"
    return describe_type(hint)


def _written(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(map(_written, value)) or "none"
    return str(value) if value != "" else "none"
