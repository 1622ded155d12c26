"""What is known of a published reward model before its weights are opened."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ModelCard"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """Facts for ``kibble models``, and where the code is.

    Args:
        name: The word on the command line.
        title: What it is, one line, lower case, no full stop.
        opens: ``module:function`` called as ``function(weights, options, device)``.
        options: ``module:class`` of the frozen dataclass that types its options; its docstring's
            Args are the help.
        hub_ids: Weights as their authors published them, first the default; empty where any will
            do and none is meant.
        licence: Licence of those weights, as its page states it, or "unknown".
        views: Views that it reads.
        history: What of the past it reads, such as "the frame before" or "the whole episode".
        needs_goal: Whether the task needs a picture of its end.
        causal: Whether it works online; otherwise only after the episode.
        extra: Extra of this package that it needs.
        source: Paper and repository.
        included: Whether weights come with this package.
    """

    name: str
    title: str
    opens: str
    options: str
    hub_ids: tuple[str, ...]
    licence: str
    views: tuple[str, ...]
    history: str
    needs_goal: bool
    causal: bool
    extra: str
    source: str
    included: bool = False
