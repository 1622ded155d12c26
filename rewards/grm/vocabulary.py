"""Teach a network words that it did not know, without changing what it says."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from torch.func import functional_call

from kibble.rewards.grm.instructions import Tokenizer
from kibble.rewards.grm.network import GrmNetwork

__all__ = ["grow_vocabulary", "set_apart"]

_EMBEDDING = "words.weight"
_ROUNDS = 150
_RATE = 0.3
_KEEP = 0.25  # what a relative change of the queries costs, against being too near


def grow_vocabulary(
    network: GrmNetwork, sentences: Iterable[str]
) -> tuple[GrmNetwork, tuple[str, ...]]:
    """Give every unknown word of some sentences a row of its own.

    Known words keep their numbers; new ones come after them and before the rows that strangers
    share. A new row starts as a copy of the shared row that the word was read by until now, so
    that the grown network reads every sentence as before.

    Args:
        network: The network; it is left alone.
        sentences: What it is to know every word of.

    Returns:
        A grown copy, and the new words in the order of their rows.
    """
    known = network.config.vocabulary
    new = tuple(word for word in Tokenizer.collect(sentences) if word not in known)
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    rows = state[f"instructions.{_EMBEDDING}"]
    shared = [network.tokenizer.encode(word)[0] for word in new]
    first_shared = 1 + len(known)  # 0 is padding
    state[f"instructions.{_EMBEDDING}"] = torch.cat(
        [rows[:first_shared], rows[shared], rows[first_shared:]]
    )
    grown = GrmNetwork(dataclasses.replace(network.config, vocabulary=(*known, *new)))
    grown.load_state_dict(state)
    return grown.train(network.training), new


def set_apart(
    network: GrmNetwork,
    words: Sequence[str],
    *,
    told: Sequence[str],
    known: Sequence[str],
    gap: float = 0.6,
) -> float:
    """Move the rows of new words until their sentences sound unlike every known one, in place.

    A network that knows one verb for drawers hardly listens to verbs: its summaries of "open the
    red drawer" and "close the red drawer" are close, and a head that must answer them in opposite
    ways tears at both. The rows of the new words alone are moved, so that what the fusion head is
    told of a new sentence lies ``gap`` away from what it is told of any known one, as a share of
    the latter's mean length, while the queries stay about where they were: the network looks at
    the same things, and known sentences are read as before.

    Args:
        network: A network that knows the words, changed in place.
        words: The new words.
        told: Sentences with new words, in every colour that matters.
        known: Known sentences.
        gap: Distance to reach, as a share of a summary's length.

    Returns:
        The smallest distance reached, in that unit; 0 where there is no new word.
    """
    encoder, tokenizer = network.instructions, network.tokenizer
    wanted = {tokenizer.encode(word)[0] for word in words}
    sentences = [text for text in told if wanted & set(tokenizer.encode(text))]
    if not wanted or not sentences or not known:
        return 0.0
    numbers, rows = tokenizer.batch(sentences), torch.tensor(sorted(wanted))
    frozen = encoder.words.weight.detach().clone()

    def heard(shift: Tensor) -> tuple[Tensor, Tensor]:
        """Queries, and distance of each told sentence from the nearest known one."""
        moved = frozen.index_add(0, rows, shift)
        queries, summary = functional_call(encoder, {_EMBEDDING: moved}, (numbers,))
        distance = torch.cdist(network.fuse_text(summary), reference).min(dim=1).values
        return queries.flatten(1), distance / length

    shift = torch.zeros(len(rows), frozen.shape[1], requires_grad=True)
    with torch.no_grad():
        reference = network.fuse_text(encoder(tokenizer.batch(list(known)))[1])
        length = reference.norm(dim=1).mean()
        before, _ = heard(shift)
        size = before.norm(dim=1)
    optimizer = torch.optim.Adam([shift], lr=_RATE)
    for _ in range(_ROUNDS):
        queries, distance = heard(shift)
        moved = ((queries - before).norm(dim=1) / size).mean()
        loss = torch.relu(gap - distance).mean() + _KEEP * moved
        optimizer.zero_grad()
        torch.autograd.backward(loss, inputs=[shift])
        optimizer.step()
    with torch.no_grad():
        encoder.words.weight.copy_(frozen.index_add(0, rows, shift))
        return float(heard(shift)[1].min())
