"""The keypoint network answers each picture and sentence by itself, folded or not."""

from __future__ import annotations

import copy

import torch
from tests.keypoint_toy import SIDE, toy_network

from kibble.rewards.keypoints.embedded.network import STRIDE, KeypointNetwork, fold_for_inference
from kibble.rewards.keypoints.roles import ROLES

SENTENCES = ["touch the red square", "go to blue", "touch the green square"]


def used_network() -> KeypointNetwork:
    """A network in evaluation mode whose norms have seen something."""
    network = toy_network()
    with torch.no_grad():
        for _ in range(3):
            heard = network.hear(network.tokenizer.batch(SENTENCES))
            network.look(network.encode(torch.rand(3, 3, SIDE, SIDE)), heard)
    return network.eval()


@torch.no_grad()
def looked(network, pictures, sentences):
    heard = network.hear(network.tokenizer.batch(sentences))
    return network.look(network.encode(pictures), heard)


def test_shapes():
    sight = looked(used_network(), torch.rand(3, 3, SIDE, SIDE), SENTENCES)
    cells, roles = (SIDE // STRIDE) ** 2, len(ROLES)
    assert sight.heat.shape == sight.first.shape == (3, roles, cells)
    assert sight.offsets.shape == (3, roles, 2, cells)
    assert sight.states.shape == (3, roles, 3)


def test_a_batch_is_read_as_one_by_one():
    network, pictures = used_network(), torch.rand(3, 3, SIDE, SIDE)
    whole = looked(network, pictures, SENTENCES)
    for i, sentence in enumerate(SENTENCES):
        alone = looked(network, pictures[i : i + 1], [sentence])
        for many, one in zip(whole, alone, strict=True):
            torch.testing.assert_close(many[i : i + 1], one, rtol=1e-3, atol=1e-4)


def test_pictures_and_sentences_can_be_taken_by_number():
    network, pictures = used_network(), torch.rand(2, 3, SIDE, SIDE)
    with torch.no_grad():
        heard = network.hear(network.tokenizer.batch(SENTENCES))
        seen = network.encode(pictures)
        rows = torch.tensor([1, 1, 0])
        sight = network.look(seen.at(rows), heard.at(torch.tensor([0, 2, 2])))
    alone = looked(network, pictures[1:], [SENTENCES[2]])
    torch.testing.assert_close(sight.heat[1:2], alone.heat, rtol=1e-3, atol=1e-4)


def test_the_sentence_matters():
    network, picture = used_network(), torch.rand(1, 3, SIDE, SIDE)
    red, blue = (looked(network, picture, [text]).heat for text in SENTENCES[:2])
    assert not torch.allclose(red, blue, atol=1e-4)


def test_folding_norms_changes_nothing():
    network, pictures = used_network(), torch.rand(3, 3, SIDE, SIDE)
    folded = fold_for_inference(copy.deepcopy(network), torch.float32)
    assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in folded.modules())
    for before, after in zip(
        looked(network, pictures, SENTENCES), looked(folded, pictures, SENTENCES), strict=True
    ):
        torch.testing.assert_close(before, after, rtol=1e-3, atol=1e-4)
