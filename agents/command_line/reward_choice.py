"""A reward model with weights or options, where a command chooses a config of the group reward."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

__all__ = ["spell_out_reward"]

_REFERENCE = re.compile(r"""reward=(["']?)((\w+)[@?].*)\1""", re.DOTALL)


def spell_out_reward(overrides: Sequence[str], groups: Mapping[str, Sequence[str]]) -> list[str]:
    """Choose the config of the model that a reference names, and give it the reference.

    Args:
        overrides: Words such as ``reward=clip@DIR?alpha=0.5``.
        groups: Config group to its options; nothing happens where ``reward`` is none of them.

    >>> spell_out_reward(["reward=clip@DIR", "seed=0"], {"reward": ["clip", "sparse"]})
    ['reward=clip', 'reward.weights=clip@DIR', 'seed=0']
    """
    spelt: list[str] = []
    for word in overrides:
        match = _REFERENCE.fullmatch(word)
        if match is not None and match.group(3) in groups.get("reward", ()):
            spelt += [f"reward={match.group(3)}", f"reward.weights={match.group(2)}"]
        else:
            spelt.append(word)
    return spelt
