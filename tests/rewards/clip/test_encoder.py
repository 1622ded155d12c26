"""Places of frames and sentences, as the libraries give them, each computed once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import open_clip
import pytest
import torch
import transformers
from PIL import Image
from tests.rewards.clip.tiny_open_clip import open_clip_directory
from tests.rewards.vlm import tiny_models

from kibble.rewards.clip.encoder import ClipEncoder
from kibble.rewards.clip.open_clip_towers import was_trained_with_quick_gelu
from kibble.rewards.clip.opening import open_encoder, open_towers
from kibble.rewards.errors import ModelError, WeightsError

SENTENCES = ["An open Drawer, empty", "a closed drawer"]


def frames(seed=0, count=3, size=(48, 64)):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, *size, 3), dtype=np.uint8)


def unit(places):
    return torch.nn.functional.normalize(places.float(), dim=-1).numpy()


@pytest.mark.parametrize("build", [tiny_models.clip, tiny_models.siglip])
def test_places_are_those_of_transformers(build):
    encoder = open_encoder(str(build()))
    model = transformers.AutoModel.from_pretrained(build()).eval()
    siglip = model.config.model_type == "siglip"
    tokenizer = transformers.AutoTokenizer.from_pretrained(build())
    tokens = tokenizer(
        [sentence.lower() for sentence in SENTENCES],
        padding="max_length" if siglip else True,
        return_tensors="pt",
    )
    if siglip:  # big_vision, which trained it, masks nothing
        tokens = {"input_ids": tokens["input_ids"]}
    images = transformers.AutoImageProcessor.from_pretrained(build(), backend="pil")
    with torch.inference_mode():
        seen = model.get_image_features(**images(list(frames()), return_tensors="pt"))
        read = model.get_text_features(**tokens)
    np.testing.assert_allclose(encoder.pictures(frames()), unit(seen.pooler_output), atol=1e-6)
    np.testing.assert_allclose(encoder.sentences(SENTENCES), unit(read.pooler_output), atol=1e-6)
    assert encoder.temperature == pytest.approx(float(model.logit_scale.detach().exp()))


def test_places_are_those_of_open_clip():
    directory = open_clip_directory()
    encoder = open_encoder(str(directory))
    model, own = open_clip.create_model_from_pretrained(f"local-dir:{directory}")
    tokens = open_clip.get_tokenizer(f"local-dir:{directory}")(SENTENCES)
    with torch.inference_mode():
        seen = model.encode_image(torch.stack([own(Image.fromarray(f)) for f in frames()]))
        read = model.encode_text(tokens)
    np.testing.assert_allclose(encoder.pictures(frames()), unit(seen), atol=1e-6)
    np.testing.assert_allclose(encoder.sentences(SENTENCES), unit(read), atol=1e-6)


class Counting:
    """Real towers that count what they are asked for."""

    def __init__(self, towers, memory=99):
        self.towers, self.memory = towers, memory
        self.seen, self.read_sentences = 0, 0
        self.module, self.preprocessing = towers.module, towers.preprocessing
        self.temperature = towers.temperature

    def see(self, pixels):
        if len(pixels) > self.memory:
            raise torch.OutOfMemoryError("more pictures than fit")
        self.seen += len(pixels)
        return self.towers.see(pixels)

    def read(self, sentences):
        self.read_sentences += len(sentences)
        return self.towers.read(sentences)


def counting(memory=99, **options):
    towers = Counting(open_towers(str(tiny_models.clip()), torch.float32), memory)
    return towers, ClipEncoder(towers, name="tiny", device=torch.device("cpu"), **options)


def test_what_was_encoded_is_not_encoded_again():
    towers, encoder = counting()
    images = frames(count=4)
    first = encoder.pictures(images[[0, 1, 0]])
    assert towers.seen == 2
    np.testing.assert_array_equal(first[0], first[2])
    encoder.pictures(images[[2, 1, 3]])
    assert towers.seen == 4
    before = towers.read_sentences
    encoder.sentences(SENTENCES)
    encoder.sentences([*SENTENCES[::-1], "another"])
    assert towers.read_sentences == before + 3


def test_what_is_kept_is_bounded_and_changes_no_answer():
    towers, none = counting(cache_mb=0)
    images = frames(count=4)
    expected = none.pictures(images)
    np.testing.assert_array_equal(none.pictures(images), expected)
    assert towers.seen == 8
    _, kept = counting()
    for order in ([3, 1], [0, 1, 2, 3], [2, 0, 2]):
        np.testing.assert_allclose(kept.pictures(images[order]), expected[order], atol=1e-6)


def test_batches_and_too_little_memory_change_no_answer():
    images = frames(count=7)
    _, whole = counting()
    towers, halved = counting(memory=2, batch=16)
    np.testing.assert_allclose(halved.pictures(images), whole.pictures(images), atol=1e-6)
    assert towers.seen == 7
    _, hopeless = counting(memory=0)
    with pytest.raises(ModelError, match="must fit one picture into the memory of cpu, got none"):
        hopeless.pictures(images)


def test_bfloat16_is_near_and_has_a_version_of_its_own():
    exact = open_encoder(str(tiny_models.clip()))
    rounded = open_encoder(str(tiny_models.clip()), dtype=torch.bfloat16)
    cosines = (exact.pictures(frames()) * rounded.pictures(frames())).sum(1)
    assert (cosines > 0.99).all()
    assert exact.version != rounded.version
    assert exact.version == open_encoder(str(tiny_models.clip())).version
    assert exact.version != open_encoder(str(tiny_models.clip(seed=1))).version


def test_nan_is_given_as_nan_and_not_kept():
    towers, encoder = counting()
    good = encoder.pictures(frames())
    weight = next(towers.module.vision_model.parameters())
    original = weight.clone()
    weight.fill_(float("nan"))
    assert np.isnan(encoder.pictures(frames(seed=1))).all()
    weight.copy_(original)
    assert np.isfinite(encoder.pictures(frames(seed=1))).all()
    np.testing.assert_array_equal(encoder.pictures(frames()), good)


def test_sentences_without_a_place_are_refused():
    towers, encoder = counting()
    next(towers.module.text_model.parameters()).fill_(float("nan"))
    with pytest.raises(ModelError, match="Sentences must have a place, got NaN from 'tiny'"):
        encoder.sentences(["new"])


def test_weights_that_are_not_there_are_named(tmp_path):
    with pytest.raises(
        WeightsError, match=r"'none/such' are neither a directory nor in the local"
    ):
        open_encoder("none/such")
    with pytest.raises(WeightsError, match=r"need config.json .* got neither in"):
        open_encoder(str(tmp_path))
    bare = tmp_path / "bare"
    shutil.copytree(open_clip_directory(), bare)
    (bare / "open_clip_model.safetensors").unlink()
    with pytest.raises(WeightsError, match="open_clip must have weights 'local-dir:"):
        open_encoder(str(bare))


@pytest.mark.parametrize("file", ["model.safetensors", "preprocessor_config.json"])
def test_a_missing_file_is_named(tmp_path, file):
    whole = tiny_models.clip()
    shutil.copytree(whole, tmp_path / "clip")
    missing = tmp_path / "clip" / file
    if not missing.exists():
        missing = tmp_path / "clip" / "processor_config.json"
    missing.unlink()
    with pytest.raises(WeightsError, match="must hold model, tokenizer and preprocessor_config"):
        open_encoder(str(tmp_path / "clip"))


def test_other_kinds_of_models_are_refused(tmp_path):
    with pytest.raises(
        WeightsError, match="must be CLIP or SigLIP with pictures of one size, got"
    ):
        open_encoder(str(tiny_models.qwen3_vl()))
    odd = tmp_path / "odd"
    shutil.copytree(tiny_models.clip(), odd)
    (settings,) = [*odd.glob("preprocessor_config.json")] or [*odd.glob("processor_config.json")]
    document = json.loads(settings.read_text())
    where = document.get("image_processor", document)
    where["do_normalize"] = False
    settings.write_text(json.dumps(document))
    with pytest.raises(WeightsError, match="must resize, rescale and normalise pictures"):
        open_encoder(str(odd))


@pytest.mark.parametrize(
    ("name", "tag", "expected"),
    [
        ("ViT-B-32", "openai", True),
        ("ViT-L-14", "openai", True),
        ("ViT-B-32", "laion2b_s34b_b79k", False),
        ("ViT-bigG-14", "laion2b_s39b_b160k", False),
        ("local-dir:/a", None, False),
    ],
)
def test_weights_get_the_activation_that_they_were_trained_with(name, tag, expected):
    assert was_trained_with_quick_gelu(name, tag) is expected


@pytest.mark.parametrize("kind", ["transformers", "open_clip", "name and tag"])
def test_a_torchvision_that_does_not_fit_is_explained(tmp_path, kind):
    broken = "raise RuntimeError('operator torchvision::nms does not exist')"
    (tmp_path / "torchvision.py").write_text(broken)
    weights = {
        "transformers": tiny_models.clip(),
        "open_clip": open_clip_directory(),
        "name and tag": "ViT-B-32/openai",
    }
    code = f"from kibble.rewards.catalogue import open_model; open_model('clip@{weights[kind]}')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("kibble.rewards.errors.MissingDependencyError: CLIP needs open_clip")
