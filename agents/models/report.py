"""``kibble models``: a table of every reward model, or all that is known of one."""

from __future__ import annotations

import dataclasses
import json
import textwrap
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kibble.agents.models.config import ModelsConfig
from kibble.agents.models.facts import Facts, facts_of, options_of, reference_of
from kibble.rewards.adapters.table import CARDS
from kibble.rewards.reference import GRAMMAR

__all__ = ["models"]

_WIDTH_OF_FILES = 180
_WIDE = 140  # columns from which all of these fit
_COLUMNS = (
    *("name", "what it is", "views", "reads of the past", "goal", "online"),
    *("weights", "licence", "here"),
)
_NARROW = ("name", "what it is", "goal", "online", "here")
_SHOWN = 2  # of each model's weights; name= shows all


def models(config: ModelsConfig) -> None:
    """List the reward models, or show one: the command ``kibble models``.

    Raises:
        KibbleError: If there is no such model.
    """
    if config.name is None:
        found = [facts_of(card) for card in CARDS.values()]
        if config.format == "json":
            print(json.dumps([_document(facts) for facts in found], indent=2))
        else:
            _print_table(found)
        return
    reference, card = reference_of(config.name)
    named = reference.weights if reference.name in CARDS else reference.name
    facts = facts_of(card, *([] if named is None or card.name == "remote" else [named]))
    if config.format == "json":
        options = [dataclasses.asdict(option) for option in options_of(card)]
        print(json.dumps(_document(facts) | {"options": options}, indent=2))
    else:
        _print_one(facts)


def _document(facts: Facts) -> dict[str, object]:
    card = dataclasses.asdict(facts.card)
    weights = {name: None if path is None else str(path) for name, path in facts.weights.items()}
    return card | {"weights": weights, "missing_packages": facts.missing, "here": facts.here}


def _print_table(found: Sequence[Facts]) -> None:
    """Print a row for each model; a narrow terminal leaves columns out."""
    console = _console()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    shown = [name for name in _COLUMNS if console.width >= _WIDE or name in _NARROW]
    for heading in shown:
        table.add_column(heading, overflow="fold", no_wrap=heading in ("name", "weights"))
    for facts in found:
        row = _row(facts)
        table.add_row(*(row[heading] for heading in shown))
    console.print(table)
    console.print()
    console.print(
        "The first weights are the default. here: whether they and their packages are on this "
        "machine. Any command takes a reward model "
        f"as {GRAMMAR}, or remote@URL/MODEL. Options: kibble models name=NAME",
        highlight=False,
    )


def _row(facts: Facts) -> dict[str, Text]:
    card = facts.card
    return {
        "name": Text(card.name, style="bold"),
        "what it is": Text(card.title),
        "views": Text(", ".join(card.views)),
        "reads of the past": Text(card.history),
        "goal": Text("needed" if card.needs_goal else "-"),
        "online": Text("yes" if card.causal else "after the episode"),
        "weights": Text("\n".join(card.hub_ids[:_SHOWN]) or "-"),
        "licence": Text(card.licence),
        "here": Text(facts.here, style="green" if facts.here == "yes" else ""),
    }


def _print_one(facts: Facts) -> None:
    console, card = _console(), facts.card
    online = "online, frame by frame" if card.causal else "only after the episode"
    rows = {
        "views": ", ".join(card.views),
        "reads of the past": card.history,
        "goal picture": "needed" if card.needs_goal else "not needed",
        "works": online,
        "licence of weights": card.licence,
        "source": card.source,
        "packages": f"missing: {', '.join(facts.missing)}; pip install 'kibble[{card.extra}]'"
        if facts.missing
        else "installed",
    }
    console.print(Text(card.name, style="bold") + f": {card.title}", highlight=False)
    console.print()
    for name, text in rows.items():
        console.print(f"  {name:20}{text}", highlight=False, markup=False)
    for name, path in facts.weights.items():
        where = "not on this machine" if path is None else str(path)
        console.print(
            f"  {'weights':20}{name}: {where}", highlight=False, markup=False, soft_wrap=True
        )
    console.print("\nOptions (in a reference: NAME@WEIGHTS?key=value&key=value)")
    options = options_of(card)
    width = max([len(f"{option.key}={option.default}") for option in options] or [0]) + 4
    width = min(width, 40)
    for option in options:
        head = f"  {option.key}={option.default}"
        lines = textwrap.wrap(f"{option.meaning} ({option.kind})", console.width - width - 2)
        if len(head) >= width:
            console.print(head, highlight=False, markup=False)
            head = ""
        for line in lines:
            console.print(f"{head:{width}}{line}", highlight=False, markup=False)
            head = ""


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=_WIDTH_OF_FILES)
