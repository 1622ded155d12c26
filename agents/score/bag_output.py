"""Rewards beside the images that they were read from, in a copy of the bag."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from kibble.agents.footage.footage import Footage
from kibble.agents.footage.sources import Views
from kibble.agents.score.curves import Curve
from kibble.rewards.errors import BagError
from kibble.rewards.ros.clock import stamp_fields
from kibble.rewards.ros.transport import Fields
from kibble.rewards.shaping import shaping_term
from kibble.rewards.types import Status

__all__ = ["GAMMA", "check_target", "write_bag"]

GAMMA = 0.99
"""Discount factor of the shaping terms that are written, the reward node's default."""
_RUNNING, _ENDED = 1, 2  # Reward.episode_state


def check_target(source: object, target: str) -> Path:
    """Check before anything is read that a bag can be copied.

    Args:
        source: What ``input=`` was given.
        target: What ``bag=`` was given.

    Returns:
        The target.

    Raises:
        BagError: If the source is no bag, or the target exists.
    """
    from kibble.agents.footage.bag import is_bag

    if not isinstance(source, str) or not is_bag(Path(source)):
        raise BagError(
            f"`bag` is for inputs that are bags, got it with input={source}; leave it out."
        )
    if Path(target).exists():
        raise BagError(f"`bag` must be a new file or folder, got '{target}'; choose another name.")
    return Path(target)


def write_bag(
    source: Path,
    target: Path,
    *,
    footage: Footage,
    views: Views,
    instruction: str,
    curves: tuple[Curve, ...],
    on_message: Callable[[int, int], object] = lambda count, total: None,
) -> tuple[str, ...]:
    """Copy a bag, with a ``kibble_msgs/msg/Reward`` for each frame that was read.

    Args:
        source: The bag.
        target: The new one.
        footage: What was read of it.
        views: As the footage was read with.
        instruction: What was wanted.
        curves: What models read; each gets a topic ``/kibble/score/<label>``.
        on_message: Called with the number of messages copied, and of all.

    Returns:
        The new topics, in the order of the curves.

    Raises:
        BagError: If the source is damaged, or the target exists.
    """
    from kibble.rewards.ros.bags.bag import Bag
    from kibble.rewards.ros.bags.copying import copy_bag, free_topic
    from kibble.rewards.ros.bags.episodes import REWARD, SCORES
    from kibble.rewards.ros.bags.views import choose_views

    with Bag(source) as bag:
        topics: dict[str, Curve] = {}
        for curve in curves:
            label = re.sub(r"[^a-z0-9]+", "_", curve.label.lower()).strip("_")
            name = f"{SCORES}{label if label[:1].isalpha() else f'model_{label}'}"
            topics[free_topic(bag, name, besides=topics)] = curve
        copy_bag(
            bag,
            target,
            added={
                topic: _messages(curve, footage, instruction) for topic, curve in topics.items()
            },
            type_name=REWARD,
            beside=tuple(choose_views(bag, views).values()),
            on_message=on_message,
        )
    return tuple(topics)


def _messages(curve: Curve, footage: Footage, instruction: str) -> dict[int, Fields]:
    """Return one message for each stamp; the potential is progress, held where there is none."""
    assert footage.stamps is not None
    progress = curve.column("progress")
    columns = {name: curve.column(name) for name in ("success", "confidence")}
    held = np.nan
    messages: dict[int, Fields] = {}
    for row, stamp in enumerate(footage.stamps):
        before, held = held, progress[row] if curve.answered[row] else held
        paid = 0.0
        if np.isfinite(before):
            paid = float(shaping_term(before, held, terminated=False, gamma=GAMMA))
        status = Status(int(curve.estimate.status[row]))
        last = row == len(footage) - 1
        messages[int(stamp)] = {
            "header": {"stamp": stamp_fields(int(stamp))},
            "task": instruction,
            "episode": footage.name,
            "episode_state": _ENDED if last else _RUNNING,
            "step": row,
            "progress": float(held),
            "potential": float(held),
            "reward": paid,
            "success": float(columns["success"][row]),
            "confidence": float(columns["confidence"][row]),
            "status": int(status),
            "status_text": "" if status is Status.OK else status.name.lower(),
            "latency": float("nan"),
            "model_time": float("nan"),
            "model": curve.spec.name,
            "model_version": curve.spec.version,
        }
    return messages
