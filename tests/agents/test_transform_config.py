"""Transforms by config: names, parameters, mistakes, and the rule that they become."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.agents.small_runs import small_run
from tests.tiny_grm import tiny_network

from kibble.agents.command_line.compose import open_composer
from kibble.agents.command_line.table import COMMANDS
from kibble.agents.config import RewardConfig, ShapingConfig, TaskConfig, TrainConfig
from kibble.agents.episode_log import read_episodes
from kibble.agents.train import run_training
from kibble.agents.transform_config import (
    TRANSFORMS,
    build_rule,
    ends_at_infractions,
    transforms_help,
)
from kibble.rewards.errors import ConfigError, ShapingError
from kibble.rewards.loading import save
from kibble.rewards.rule import ShapingRule
from kibble.rewards.transforms import (
    Clip,
    ComposedRule,
    ConfidentTerms,
    Gold,
    Lexicographic,
    Preference,
    SteadyPotential,
)

WORDS = "[{name: clip, threshold: -0.1},{name: gold, delta: 0.05, votes: 3, of: 5}]"


def composed(words: str) -> TrainConfig:
    with open_composer(COMMANDS["train"]) as composer:
        config = composer.instantiate([f"shaping.transforms={words}"])
    assert isinstance(config, TrainConfig)
    return config


def test_the_command_line_composes_transforms_and_the_agents_gamma_reaches_them():
    config = composed(WORDS)
    rule = build_rule(config.shaping, gamma=0.8)
    assert rule == ComposedRule(
        gamma=0.8,
        potentials=(Clip(threshold=-0.1),),
        payments=(Gold(gamma=0.8, delta=0.05, votes=3, of=5),),
    )
    assert rule.window == 5


def test_without_transforms_the_rule_is_plain_shaping():
    assert build_rule(ShapingConfig(mode="difference"), gamma=0.8) == ShapingRule(
        gamma=0.8, mode="difference"
    )


@pytest.mark.parametrize("name", TRANSFORMS)
def test_every_transform_builds_from_its_name_alone_and_is_explained(name):
    shaping = ShapingConfig(transforms=[{"name": name}])
    rule = build_rule(shaping, gamma=0.9)
    assert isinstance(rule, ComposedRule)
    assert len(rule.potentials) + len(rule.payments) == 1
    assert f"{name}" in transforms_help()
    assert ends_at_infractions(shaping) is (name == "soft_penalties")


def test_parameters_are_typed_and_places_chosen():
    rule = build_rule(
        ShapingConfig(
            transforms=[
                {"name": "preference", "reference": 1, "steepness": 5},
                {"name": "variance", "readings": 3},
                {"name": "confidence", "on": "terms"},
                {"name": "lexicographic", "order": ["shaping"]},
            ]
        ),
        gamma=0.9,
    )
    assert isinstance(rule, ComposedRule)
    assert rule.potentials == (
        Preference(reference=1.0, steepness=5.0),
        SteadyPotential(readings=3),
    )
    assert rule.payments == (ConfidentTerms(), Lexicographic(gamma=0.9, order=("shaping",)))
    assert isinstance(rule.potentials[0], Preference)
    assert isinstance(rule.potentials[0].steepness, float)


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ({"name": "clp"}, r"transforms\[1\].name` must be one of .* did you mean 'clip'"),
        ({"name": "gold", "vote": 3}, "parameter of gold` must be one of .* 'votes'"),
        ({"name": "gold", "votes": 3}, r"\(gold\): `votes` must lie between 1 and `of`"),
        ({"name": "gold", "votes": 3.5}, r"\[1\].votes` must be an integer, got 3.5"),
        ({"name": "gold", "every_step": 1}, "every_step` must be true or false, got 1"),
        ({"name": "clip", "threshold": "high"}, "threshold` must be a number, got 'high'"),
        ({"name": "clip", "threshold": True}, "threshold` must be a number, got True"),
        ({"name": "gate", "by": 3}, "by` must be text, got 3"),
        ({"name": "lexicographic", "order": "gold"}, "order` must be a list of names"),
        ({"name": "gold", "gamma": 0.5}, "parameter of gold` must be one of"),
        ({"name": "delta", "x": 1}, "delta takes no parameters, got 'x'"),
        ({"name": "variance", "on": "term"}, r"\[1\].on` .* did you mean 'terms'"),
        ({"treshold": 0.5}, r"\[1\]` must be a mapping with a name, .* write for example"),
    ],
)
def test_mistakes_are_named_with_their_place(entry, text):
    with pytest.raises(ConfigError, match=text):
        ShapingConfig(transforms=[{"name": "delta"}, entry])


def test_a_lexicographic_order_without_discount_is_refused_when_the_rule_is_built():
    shaping = ShapingConfig(transforms=[{"name": "lexicographic"}])
    with pytest.raises(ConfigError, match="`gamma` must be below 1 for a lexicographic order"):
        build_rule(shaping, gamma=1.0)
    with pytest.raises(ShapingError, match="`gamma` must lie in"):
        build_rule(ShapingConfig(), gamma=np.nan)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: RewardConfig(also=["b"]), r"`reward.also` combines reward models, got \['b'\]"),
        (lambda: RewardConfig(combine="mn"), "`reward.combine` .* did you mean 'min'"),
    ],
)
def test_reward_models_are_combined_with_reward_models(make, text):
    with pytest.raises(ConfigError, match=text):
        make()


def test_the_embedding_of_several_models_is_refused():
    reward = RewardConfig(name="two", kind="model", weights="a", also=["b"])
    with pytest.raises(ConfigError, match="one reward model that embeds frames"):
        TrainConfig(reward=reward, observation="embedding")


@pytest.mark.slow
def test_training_pays_by_the_transforms_and_combines_the_models(tmp_path):
    save(tiny_network(0), tmp_path / "a", name="a")
    save(tiny_network(1), tmp_path / "b", name="b")
    config = small_run(
        tmp_path / "run",
        task=TaskConfig(
            name="reach", id="kibble/Reach-v0", views=["front", "wrist"], image_size=[32, 32]
        ),
        reward=RewardConfig(
            name="two",
            kind="model",
            weights=str(tmp_path / "a"),
            also=[str(tmp_path / "b")],
            combine="product",
        ),
        shaping=ShapingConfig(
            mode="held_absolute",
            transforms=[{"name": "preference", "steepness": 1e-9, "shift": 0.0}],
        ),
        steps=50,
    )
    directory = run_training(config)
    (record,) = read_episodes(directory.episodes)
    assert record.return_shaped == pytest.approx(0.5 * record.length)
    assert directory.load_config() == config
    metadata = json.loads((directory.path / "metadata.json").read_text())
    assert metadata["reward_model"]["name"] == "product(a,b)"
