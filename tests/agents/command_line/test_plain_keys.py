"""Keys that Hydra would take for the choice of a group or for a sweep."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hydra.core.config_store import ConfigStore

from kibble.agents.command_line.command import Command
from kibble.agents.command_line.compose import Composer, open_composer
from kibble.agents.command_line.table import COMMANDS
from kibble.rewards.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What a command with ``reward`` and ``shaping`` as plain keys takes.

    Args:
        reward: Names or paths.
        shaping: One word, also the name of a folder of configs.
        seeds: Numbers.
        note: Anything.
    """

    reward: list[str] = field(default_factory=lambda: ["grm_tiny"])
    shaping: str | None = None
    seeds: list[int] | None = None
    note: str = "a"


@pytest.fixture
def composer() -> Iterator[Composer]:
    ConfigStore.instance().store(name="compared", node={"defaults": ["compared_schema", "_self_"]})
    command = Command(
        name="compared",
        summary="compare",
        examples=(),
        schema=f"{__name__}:Compared",
        function=f"{__name__}:Compared",
    )
    with open_composer(command) as opened:
        yield opened


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], {}),
        (["reward=random"], {"reward": ["random"]}),
        (["reward=models/mine"], {"reward": ["models/mine"]}),
        (["reward=/a/b-c/d_e.f"], {"reward": ["/a/b-c/d_e.f"]}),
        (["reward=grm_tiny,random"], {"reward": ["grm_tiny", "random"]}),
        (["reward=[grm_tiny,models/a]"], {"reward": ["grm_tiny", "models/a"]}),
        (["reward='my models/a',random"], {"reward": ["my models/a", "random"]}),
        (["reward=a", "reward=b"], {"reward": ["b"]}),
        (["shaping=none"], {"shaping": "none"}),
        (["shaping=null"], {"shaping": None}),
        (["seeds=1,2", "note=b"], {"seeds": [1, 2], "note": "b"}),
        (["seeds=7"], {"seeds": [7]}),
        (["seeds=null"], {"seeds": None}),
    ],
)
def test_a_plain_key_takes_what_is_written(
    composer: Composer, words: list[str], expected: dict[str, object]
) -> None:
    config = composer.instantiate(words)
    assert isinstance(config, Compared)
    given = {name: getattr(config, name) for name in ("reward", "shaping", "seeds", "note")}
    default = {"reward": ["grm_tiny"], "shaping": None, "seeds": None, "note": "a"}
    assert given == {**default, **expected}


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("rewrad=random", r"`rewrad` must be a key of `kibble compared`.* did you mean reward\?"),
        ("reward.weights=a", r"`reward.weights` must be a key .* unknown name"),
        ("shaping=a,b", r"`shaping` must be one value, got 'shaping=a,b'"),
        ("seeds=a,b", r"`seeds` must be a list such as .*, got 'a,b'"),
        ("seeds=range(1,3)", r"`seeds` must be one value"),
        ("reward={a", r"'reward=\{a' cannot be read"),
        ("agent=sac", r"`agent` must be a key of `kibble compared`, got an unknown name"),
    ],
)
def test_mistakes_are_still_named(composer: Composer, word: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        composer.instantiate([word])


def test_a_group_of_the_command_stays_a_group() -> None:
    with open_composer(COMMANDS["train"]) as train:
        assert train.instantiate(["reward=sparse"]).reward.kind == "sparse"  # type: ignore[attr-defined]
        with pytest.raises(ConfigError, match="`reward` must be one value"):
            train.instantiate(["reward=sparse,grm_tiny"])
