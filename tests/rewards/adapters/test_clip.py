"""VLM-RM over tiny models, against the published formula worked out independently."""

from __future__ import annotations

import numpy as np
import open_clip
import pytest
import torch
import transformers
from PIL import Image
from tests.rewards.clip.tiny_open_clip import open_clip_directory
from tests.rewards.vlm import tiny_models

from kibble.agents.trees import load_tree, save_tree
from kibble.rewards import Embedder, RewardModel, Task
from kibble.rewards.catalogue import open_model
from kibble.rewards.causal import read_causally
from kibble.rewards.episode_reader import EpisodeReader
from kibble.rewards.errors import ConfigError, FrameError, ModelError
from kibble.rewards.prefetch import Prefetching
from kibble.rewards.types import Status

GOALS = ("an open drawer", "a drawer pulled out")
BASELINES = ("a drawer", "a drawer in a room", "a table")
QUERY = "".join(f"&goal={g}" for g in GOALS) + "".join(f"&baseline={b}" for b in BASELINES)


def frames(seed=0, count=5, size=(48, 64), view="front"):
    rng = np.random.default_rng(seed)
    return {view: rng.integers(0, 256, (count, *size, 3), dtype=np.uint8)}


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def published_reward(x, goals, baselines, alpha):
    """1 - ½ ‖(x - g) P‖² with the D x D matrix, in float64."""
    x, g, b = unit(x), unit(goals).mean(0), unit(baselines).mean(0)
    d = g - b
    projection = alpha * np.outer(d, d) / (d @ d) + (1 - alpha) * np.eye(len(d))
    return 1 - 0.5 * np.linalg.norm((x - g) @ projection, axis=-1) ** 2


def places_of_transformers(directory, images):
    model = transformers.AutoModel.from_pretrained(directory).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    own = transformers.AutoImageProcessor.from_pretrained(directory, backend="pil")
    padding = "max_length" if model.config.model_type == "siglip" else True
    with torch.inference_mode():
        seen = model.get_image_features(**own(list(images), return_tensors="pt"))
        read = [
            model.get_text_features(
                input_ids=tokenizer(list(words), padding=padding, return_tensors="pt")["input_ids"]
            )
            for words in (GOALS, BASELINES)
        ]
    return [np.float64(out.pooler_output) for out in (seen, *read)]


def places_of_open_clip(directory, images):
    model, own = open_clip.create_model_from_pretrained(f"local-dir:{directory}")
    tokenize = open_clip.get_tokenizer(f"local-dir:{directory}")
    with torch.inference_mode():
        seen = model.encode_image(torch.stack([own(Image.fromarray(i)) for i in images]))
        return [
            np.float64(x)
            for x in (seen, *(model.encode_text(tokenize(list(w))) for w in (GOALS, BASELINES)))
        ]


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(
    ("build", "places"),
    [
        (tiny_models.clip, places_of_transformers),
        (tiny_models.siglip, places_of_transformers),
        (open_clip_directory, places_of_open_clip),
    ],
)
def test_rewards_equal_the_published_formula_to_1e_5(build, places, alpha):
    video = frames()
    x, goals, baselines = places(build(), video["front"])
    expected = published_reward(x, goals, baselines, alpha)
    model = open_model(f"clip@{build()}?dtype=float32&alpha={alpha}{QUERY}")
    (read,) = read_causally(model, [(Task(instruction="open the drawer"), video)])
    np.testing.assert_allclose(2 * read.progress.astype(np.float64) - 1, expected, atol=1e-5)
    assert np.ptp(expected) > 1e-3  # or the frames would show nothing


def test_without_goal_prompts_the_instruction_is_the_goal():
    video, instruction = frames(), "an open drawer"
    asked = open_model(f"clip@{tiny_models.clip()}?goal={instruction}")
    left = open_model(f"clip@{tiny_models.clip()}")
    (expected,) = read_causally(asked, [(Task(instruction="something else"), video)])
    (read,) = read_causally(left, [(Task(instruction=instruction), video)])
    np.testing.assert_array_equal(read.progress, expected.progress)
    assert left.spec.version != asked.spec.version


def test_alpha_is_the_published_one_where_there_is_a_baseline():
    video = frames()
    task = Task(instruction="open the drawer")
    progress = [
        read_causally(open_model(f"clip@{tiny_models.clip()}?{q}"), [(task, video)])[0].progress
        for q in ("baseline=a drawer", "baseline=a drawer&alpha=0.5", "alpha=0")
    ]
    np.testing.assert_array_equal(progress[0], progress[1])
    assert np.abs(progress[0] - progress[2]).max() > 1e-3


def test_success_is_goal_against_baseline_and_unknown_without():
    video, task = frames(), Task(instruction="open the drawer")
    reference = f"clip@{tiny_models.clip()}?dtype=float32"
    (plain,) = read_causally(open_model(reference), [(task, video)])
    assert plain.success.tolist() == [0.0] * 5
    (read,) = read_causally(open_model(reference + QUERY), [(task, video)])
    x, goals, baselines = places_of_transformers(tiny_models.clip(), video["front"])
    logits = np.exp(2.6592) * unit(x) @ (unit(goals).mean(0) - unit(baselines).mean(0))
    np.testing.assert_allclose(read.success, 1 / (1 + np.exp(-logits)), rtol=1e-3, atol=1e-4)


def test_scale_begins_at_the_start_and_ends_at_the_goal_frame():
    video = frames()
    goal = {"front": video["front"][3:4]}
    task = Task(instruction="open the drawer", goal_frames=goal)
    model = open_model(f"clip@{tiny_models.clip()}?dtype=float32&low=null&high=null")
    assert model.spec.needs_goal
    (read,) = read_causally(model, [(task, video)])
    assert read.progress[0] == pytest.approx(0.0, abs=1e-6)
    assert read.progress[3] == pytest.approx(1.0, abs=1e-6)
    start = {"front": video["front"][:1]}
    with pytest.raises(ConfigError, match="'clip' needs `goal_frames` with these options"):
        model.begin(Task(instruction="open the drawer"), start)
    elsewhere = Task(instruction="x", goal_frames=frames(count=1, view="wrist"))
    with pytest.raises(FrameError, match="`goal_frames` must show view 'front', got"):
        model.begin(elsewhere, start)


def test_any_camera_may_be_read_and_must_be_there():
    model = open_model(f"clip@{tiny_models.clip()}?view=wrist")
    assert model.spec.views == model.spec.required_views == ("wrist",)
    both = frames() | frames(seed=1, view="wrist")
    (read,) = read_causally(model, [(Task(instruction="open"), both)])
    (alone,) = read_causally(model, [(Task(instruction="open"), {"wrist": both["wrist"]})])
    np.testing.assert_array_equal(read.progress, alone.progress)
    with pytest.raises(FrameError, match="View 'wrist' is required"):
        model.begin(Task(instruction="open"), frames(count=1))


def test_episodes_continue_from_a_file(tmp_path):
    video = frames()
    task = Task(instruction="open the drawer")
    model = open_model(f"clip@{tiny_models.clip()}?low=null")
    one, other = EpisodeReader(model, 1), EpisodeReader(model, 1)
    one.open(0, task, {"front": video["front"][:1]})
    save_tree(tmp_path / "state", one.get_state())
    other.set_state(load_tree(tmp_path / "state"))
    later = {0: {"front": video["front"][2:3]}}
    assert one.read(later)[0].progress == other.read(later)[0].progress


def test_nan_is_a_model_error_and_never_a_number():
    model = open_model(f"clip@{tiny_models.clip()}")
    assert isinstance(model, RewardModel)
    task, video = Task(instruction="open the drawer"), frames()
    episode = model.begin(task, {"front": video["front"][:1]})
    held = episode.progress
    weights = next(model._encoder._towers.module.vision_model.parameters())
    original = weights.clone()
    weights.fill_(float("nan"))
    estimate = model.estimate([episode], {"front": video["front"][1:2]})
    assert estimate.status.tolist() == [Status.MODEL_ERROR]
    assert np.isnan(estimate.progress).all()
    assert episode.progress == held
    with pytest.raises(ModelError, match="Embeddings of 'clip' must be finite, got NaN"):
        model.begin(task, {"front": video["front"][2:3]})
    weights.copy_(original)
    assert model.estimate([episode], {"front": video["front"][1:2]}).status.tolist() == [Status.OK]


def test_frames_can_be_encoded_ahead():
    video, task = frames(), Task(instruction="open the drawer")
    reference = f"clip@{tiny_models.clip()}?dtype=float32"
    (expected,) = read_causally(open_model(reference), [(task, video)])
    for kept in (64, 0):
        model = open_model(f"{reference}&cache_mb={kept}")
        assert isinstance(model, Prefetching)
        model.prefetch(video)
        (read,) = read_causally(model, [(task, video)])
        np.testing.assert_allclose(read.progress, expected.progress, atol=1e-6)


def test_it_embeds_frames_for_a_policy():
    model = open_model(f"clip@{tiny_models.clip()}")
    assert isinstance(model, Embedder)
    embedding = model.embed(frames())
    assert embedding.shape == (5, model.embedding_size)
    assert np.abs(embedding).max() <= 1.0


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("alpha=2", r"`alpha` of clip must lie in \[0, 1\], got 2.0"),
        ("alpha=0.5", "`alpha` of clip above 0 needs `baseline`, got alpha=0.5 and none"),
        ("goal= ", "`goal` and `baseline` of clip must be sentences, got a blank one"),
        ("low=1", "`low` and `high` of clip must be two numbers or null, got 1.0 and 1.0"),
        ("high=nan", "`low` and `high` of clip must be two numbers or null"),
        ("batch=0", "`batch` must be at least 1"),
        ("dtype=int8", "`dtype` must be one of auto, float32, bfloat16, float16, got 'int8'"),
    ],
)
def test_options_that_mean_nothing_are_refused(query, message):
    with pytest.raises(ConfigError, match=message):
        open_model(f"clip@{tiny_models.clip()}?{query}")
