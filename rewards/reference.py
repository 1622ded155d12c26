"""The one way in which every command names a reward model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote, unquote

from kibble.rewards.errors import ConfigError

__all__ = ["GRAMMAR", "ModelReference", "parse_reference"]

GRAMMAR = "NAME, NAME@WEIGHTS, NAME@WEIGHTS?key=value&key=value, or a directory of weights"
_PLAIN = "/:@+,;()[]{}!*'\"$<>|~ "


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReference:
    """What a reference says; nothing of it has been looked up.

    Args:
        name: Name of a model, or the path of a directory of weights.
        weights: What stands after ``@``: a directory, a hub id, or the address of a server;
            ``None`` takes the model's own.
        options: Key and value of each option, in order; a key may stand more than once.
    """

    name: str
    weights: str | None = None
    options: tuple[tuple[str, str], ...] = ()

    def with_defaults(self, **options: str) -> ModelReference:
        """Add options that the reference does not set itself."""
        own = {key for key, _ in self.options}
        added = tuple((key, value) for key, value in options.items() if key not in own)
        return replace(self, options=self.options + added)

    def __str__(self) -> str:
        """Return the text that parses to this reference."""
        weights = "" if self.weights is None else f"@{self.weights}"
        pairs = (f"{key}={quote(value, safe=_PLAIN)}" for key, value in self.options)
        return f"{self.name}{weights}" + (f"?{'&'.join(pairs)}" if self.options else "")


def parse_reference(text: str) -> ModelReference:
    """Parse a reference to a reward model.

    ====================================  ===================================================
    text                                  what it means
    ====================================  ===================================================
    ``NAME``                              a known model with the weights that it comes with
    ``NAME@WEIGHTS``                      with weights of a directory or a hub id
    ``NAME@WEIGHTS?key=value&key=value``  with options; a key given twice makes a list
    ``NAME?key=value``                    with options alone
    ``models/mine``                       a directory of weights of the embedded model
    ``remote@URL/MODEL``                  a model that a server offers
    ====================================  ===================================================

    ``%26`` and ``%25`` stand for ``&`` and ``%`` in a value, as in addresses, and ``%2C`` for a
    comma without a blank behind it where a command takes a list of references. A text that is the
    path of something there is a path, whatever signs it has.

    Args:
        text: The reference.

    Returns:
        Its parts.

    Raises:
        ConfigError: If it does not follow the grammar.

    >>> parse_reference("clip@openai/clip-vit-base-patch32?alpha=0.5").weights
    'openai/clip-vit-base-patch32'
    >>> parse_reference("clip?goal=an open drawer&goal=a drawer pulled out").options
    (('goal', 'an open drawer'), ('goal', 'a drawer pulled out'))
    """
    if _is_there(text):
        return ModelReference(name=text)
    model, asks, query = text.partition("?")
    head, at, tail = model.partition("@")
    name, weights = (head, tail) if at and head.isidentifier() else (model, None)
    if not name.strip() or name[0] == "@" or weights == "" or (asks and not query):
        raise _mistake(text)
    options = []
    for pair in query.split("&") if query else ():
        key, equals, value = pair.partition("=")
        if not equals or not key.isidentifier():
            raise _mistake(text)
        options.append((key, unquote(value)))
    return ModelReference(name=name, weights=weights, options=tuple(options))


def _is_there(text: str) -> bool:
    try:
        return bool(text) and Path(text).exists()
    except (OSError, ValueError):  # too long or with signs that no path has
        return False


def _mistake(text: str) -> ConfigError:
    return ConfigError(
        f"A reward model is named as {GRAMMAR}, got {text!r}; for example grm_tiny, or "
        "'clip@openai/clip-vit-base-patch32?alpha=0.5' in quotes (a shell takes & and ? for "
        "itself)."
    )
