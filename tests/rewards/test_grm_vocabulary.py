"""New words for an old network."""

from __future__ import annotations

import torch
from tests.tiny_grm import tiny_network

from kibble.rewards.grm.vocabulary import grow_vocabulary, set_apart

OLD = ["push the red cube to the middle", "push the blue cube"]


def heard(network, sentences):
    with torch.no_grad():
        return network.instructions(network.tokenizer.batch(sentences))


def test_a_grown_network_says_what_it_said_even_of_strangers():
    network = tiny_network()
    sentences = [*OLD, "shut the red cube", "an utter stranger"]
    before = heard(network, sentences)
    grown, new = grow_vocabulary(network, ["shut the red lid"])
    assert new == ("lid", "shut")
    assert grown.config.vocabulary == (*network.config.vocabulary, "lid", "shut")
    assert len({grown.tokenizer.encode(word)[0] for word in ("lid", "shut", "utter")}) == 3
    for old, now in zip(before, heard(grown, sentences), strict=True):
        torch.testing.assert_close(old, now)
    assert network.config.vocabulary == tiny_network().config.vocabulary


def test_growing_by_known_words_adds_nothing():
    grown, new = grow_vocabulary(tiny_network(), OLD)
    assert new == ()
    assert grown.config == tiny_network().config


def test_set_apart_moves_new_sentences_and_no_old_one():
    network, words = grow_vocabulary(tiny_network(), ["shut the red cube"])
    told = ["shut the red cube", "shut the blue cube"]
    before_old, before_new = heard(network, OLD), heard(network, told)
    near = set_apart(grow_vocabulary(network, [])[0], words, told=told, known=OLD, gap=0.0)
    far = set_apart(network, words, told=told, known=OLD, gap=2.0 * near)
    assert far > 1.1 * near
    for old, now in zip(before_old, heard(network, OLD), strict=True):
        torch.testing.assert_close(old, now)
    assert not torch.allclose(before_new[1], heard(network, told)[1])
    assert all(not torch.isnan(p).any() for p in network.parameters())


def test_nothing_to_set_apart():
    network, words = grow_vocabulary(tiny_network(), OLD)
    before = network.instructions.words.weight.detach().clone()
    assert set_apart(network, words, told=OLD, known=OLD) == 0.0
    torch.testing.assert_close(network.instructions.words.weight.detach(), before)
