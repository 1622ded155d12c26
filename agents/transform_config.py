"""Reward transforms by config: a list of names with parameters becomes a reward rule."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Any, Protocol, cast, get_args, get_type_hints

from kibble.agents.near_names import one_of
from kibble.rewards.errors import ConfigError, ShapingError
from kibble.rewards.rule import RewardRule, ShapingRule
from kibble.rewards.shaping import parse_mode
from kibble.rewards.transforms import (
    Clip,
    ComposedRule,
    ConfidentPotential,
    ConfidentTerms,
    Delta,
    Gate,
    Gold,
    Lexicographic,
    Log,
    PotentialShaping,
    PotentialTransform,
    Preference,
    SoftPenalties,
    SteadyPotential,
    SteadyTerms,
    SuccessBonus,
    TermTransform,
)

__all__ = ["Shaping", "build_rule", "check_transforms", "ends_at_infractions", "transforms_help"]

TRANSFORMS: Mapping[str, tuple[type[object], str]] = {
    "clip": (Clip, "Phi at most 0, min(Phi - threshold, 0)"),
    "log": (Log, "Phi tamed by a logarithm"),
    "preference": (Preference, "Phi = sigmoid of progress against a reference"),
    "confidence": (ConfidentPotential, "weight by the model's confidence"),
    "variance": (SteadyPotential, "weight by how steady recent readings are"),
    "potential": (PotentialShaping, "shaping term gamma * Phi' - Phi whatever the mode"),
    "delta": (Delta, "shaping term Phi' - Phi, bounded return"),
    "soft_penalties": (
        SoftPenalties,
        "progress gained times info['penalties']; infractions terminate",
    ),
    "gate": (Gate, "dense reward of an episode paid at its end, only with success"),
    "gold": (Gold, "pays where votes of the last readings reach 1 - delta"),
    "success_bonus": (SuccessBonus, "success pays 1 + value, so that reaching it never costs"),
    "lexicographic": (Lexicographic, "other terms only decide between equal primary returns"),
}
"""Name to the class whose fields are the parameters, and what it does."""

_ON_TERMS: Mapping[str, type[object]] = {"confidence": ConfidentTerms, "variance": SteadyTerms}
_PLACES = ("potential", "terms")


class Shaping(Protocol):
    """What a rule is built from; ``ShapingConfig`` is one."""

    @property
    def mode(self) -> str:
        """Name of the shaping mode."""
        ...

    @property
    def transforms(self) -> Sequence[Mapping[str, Any]]:
        """Mappings with ``name`` and parameters."""
        ...


def build_rule(shaping: Shaping, *, gamma: float) -> RewardRule:
    """Build what turns signals into the rewards of a run.

    Args:
        shaping: Mode and transforms.
        gamma: The agent's discount factor, in [0, 1].

    Raises:
        ConfigError: If a transform or a parameter is unknown or out of range.
        ShapingError: If gamma or the mode is unfit.
    """
    mode = parse_mode(shaping.mode)
    built = [
        _transform(place, entry, gamma=gamma) for place, entry in enumerate(shaping.transforms)
    ]
    if not built:
        return ShapingRule(gamma=gamma, mode=mode)
    return ComposedRule(
        gamma=gamma,
        mode=mode,
        potentials=tuple(cast("PotentialTransform", t) for t in built if hasattr(t, "map")),
        payments=tuple(cast("TermTransform", t) for t in built if hasattr(t, "pay")),
    )


def check_transforms(transforms: Sequence[Mapping[str, Any]]) -> None:
    """Check names and parameters without building a run.

    Raises:
        ConfigError: As :func:`build_rule`.
    """
    for place, entry in enumerate(transforms):
        _transform(place, entry, gamma=0.5)  # any discount below 1: the run's is checked later


def ends_at_infractions(shaping: Shaping) -> bool:
    """Whether hard infractions are to end episodes, and finishing to truncate them."""
    return any(entry.get("name") == "soft_penalties" for entry in shaping.transforms)


def transforms_help() -> str:
    """Return the line of ``--help``: every transform, what it does, its parameters."""
    words = [
        "List of reward transforms, such as '[{name: gold, votes: 3, of: 5}]'; those of Phi act "
        "first, then the mode, then those of terms, each in the order given; reward=sparse takes "
        "none. Names:"
    ]
    for name, (kind, meaning) in TRANSFORMS.items():
        defaults = [f"{field.name}={_shown(field)}" for field in _parameters(kind)]
        if name in _ON_TERMS:
            defaults.append("on=potential")
        inside = f" ({', '.join(defaults)})" if defaults else ""
        words.append(f"{name}{inside}: {meaning};")
    return " ".join(words).removesuffix(";")


def _transform(place: int, entry: Mapping[str, Any], *, gamma: float) -> object:
    """Build one transform; errors say where in the list it stands."""
    key = f"shaping.transforms[{place}]"
    if not isinstance(entry, Mapping) or "name" not in entry:
        raise ConfigError(
            f"`{key}` must be a mapping with a name, got {entry!r}; write for example "
            "shaping.transforms='[{name: clip, threshold: -0.1}]'."
        )
    given = dict(entry)
    name = str(given.pop("name"))
    one_of(f"{key}.name", name, tuple(TRANSFORMS))
    kind = TRANSFORMS[name][0]
    if name in _ON_TERMS:
        place_name = str(given.pop("on", "potential"))
        if one_of(f"{key}.on", place_name, _PLACES) == "terms":
            kind = _ON_TERMS[name]
    hints = get_type_hints(kind)
    known = tuple(field.name for field in _parameters(kind))
    for parameter, value in given.items():
        if not known:
            raise ConfigError(f"`{key}`: {name} takes no parameters, got {parameter!r}.")
        one_of(f"{key} parameter of {name}", parameter, known)
        given[parameter] = _checked(f"{key}.{parameter}", value, hints[parameter])
    if "gamma" in hints:
        given["gamma"] = gamma
    try:
        return kind(**given)
    except ShapingError as error:
        raise ConfigError(f"`{key}` ({name}): {error}") from error


def _parameters(kind: type[object]) -> list[dataclasses.Field[Any]]:
    """Return the fields that a user sets; gamma is always the agent's."""
    return [field for field in dataclasses.fields(kind) if field.name != "gamma"]  # type: ignore[arg-type]  # all are dataclasses


def _checked(key: str, value: object, hint: object) -> object:
    """Return a value of the annotated type; an integer serves as a number, a list as a tuple."""
    choices = get_args(hint) if NoneType in get_args(hint) else (hint,)
    if value is None and NoneType in choices:
        return None
    if bool in choices and isinstance(value, bool):
        return value
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if float in choices and number:
        return float(cast("float", value))
    if int in choices and number and isinstance(value, int):
        return value
    if str in choices and isinstance(value, str):
        return value
    if tuple[str, ...] in choices and isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(str(word) for word in value)
    wanted = {float: "a number", int: "an integer", bool: "true or false", str: "text"}
    names = [
        wanted.get(cast("type", choice), "a list of names")
        for choice in choices
        if choice is not NoneType
    ]
    raise ConfigError(f"`{key}` must be {' or '.join(names)}, got {value!r}.")


def _shown(field: dataclasses.Field[Any]) -> str:
    """Print a default as it would be written on the command line."""
    if field.default is None:
        return "null"
    if isinstance(field.default, bool):
        return str(field.default).lower()
    if isinstance(field.default, tuple):
        return f"[{','.join(field.default)}]"
    return f"{field.default:g}" if isinstance(field.default, float) else str(field.default)
