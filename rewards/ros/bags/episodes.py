"""Where the episodes of a bag begin and end, by what was recorded of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, final

from kibble.rewards.errors import BagError
from kibble.rewards.ros.bags.bag import Bag, BagMessage
from kibble.rewards.ros.clock import stamp_ns

__all__ = ["COMMAND", "INSTRUCTION", "REWARD", "SCORES", "BagEpisode", "find_episodes"]

REWARD = "kibble_msgs/msg/Reward"
COMMAND = "kibble_msgs/msg/EpisodeCommand"
SCORES = "/kibble/score/"
"""What topics begin with on which ``kibble score`` writes rewards, often of one episode alone."""
INSTRUCTION = "/task/instruction"
"""Topic with the task, a ``std_msgs/msg/String``."""
_SUCCESS = "/task/success"
_RESET, _READY = "/robot/reset", "/robot/ready"

_NEVER = 2**63 - 1
_SET_TASK, _START, _END, _CONFIRM, _HUMAN_READY = range(5)  # EpisodeCommand
_RUNNING, _ENDED = 1, 2  # Reward.episode_state
_OUTCOMES = {1: True, 2: False, 3: False}  # Reward.OUTCOME_*; 0 is undecided


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class BagEpisode:
    """A part of a bag.

    Args:
        start: Stamp of its first image at the earliest, ns since the epoch.
        stop: Stamp of its last image at the latest.
        recorded: Between which times it was recorded, ns since the epoch; ``None`` for the whole
            bag. Stamps may be of another clock, and begin anew in the middle of a bag.
        instruction: What was wanted, or ``None`` where nobody says.
        outcome: Whether it ended in success, or ``None`` where nobody says.
    """

    start: int = 0
    stop: int = _NEVER
    recorded: tuple[int, int] | None = None
    instruction: str | None = None
    outcome: bool | None = None


def find_episodes(bag: Bag) -> tuple[BagEpisode, ...]:
    """Find a bag's episodes: by rewards, else by commands to the node, else by the robot's resets.

    Messages of type ``kibble_msgs/msg/Reward`` name the episode that they belong to. Those of type
    ``EpisodeCommand`` start and end episodes; where nobody says START, a human's READY counts. On
    ``/robot/reset`` an episode ends, and the next one starts when ``/robot/ready`` says so. A bag
    with none of these is one episode. What ``kibble score`` wrote counts where nothing else does.
    Where they do not say it, the task is that on
    ``/task/instruction``, and the outcome the last on ``/task/success``.

    Raises:
        BagError: If such a message cannot be read.
    """
    said = {topic: _by_rewards(bag, topic) for topic in bag.topics_of(REWARD)}
    scored = [found for topic, found in said.items() if topic.startswith(SCORES)]
    spoken = [found for topic, found in said.items() if not topic.startswith(SCORES)]
    episodes = max(spoken, key=len, default=[]) or _by_commands(bag) or _by_resets(bag)
    episodes = episodes or max(scored, key=len, default=[]) or [BagEpisode()]
    texts = [(message.time, text) for message, text in _read(bag, INSTRUCTION, "data") if text]
    success = [(m.time, text == "True") for m, text in _read(bag, _SUCCESS, "data")]
    return tuple(_completed(episode, texts, success) for episode in episodes)


def _by_rewards(bag: Bag, topic: str) -> list[BagEpisode]:
    found: dict[str, BagEpisode] = {}
    ended: set[str] = set()
    for message in bag.messages([topic]):
        reward: Any = bag.decode(message)
        try:
            name, stamp, state = reward.episode, stamp_ns(reward), reward.episode_state
            task, outcome = reward.task.strip() or None, _OUTCOMES.get(reward.outcome)
        except AttributeError as error:
            raise _other_version(topic, error) from error
        if not name or not stamp or state not in (_RUNNING, _ENDED):
            continue
        known = found.get(name)
        if known is None and state == _ENDED:
            continue  # it was over before the recording began
        if known is None:
            known = BagEpisode(
                start=stamp, stop=stamp, recorded=(message.time, message.time), instruction=task
            )
        if name not in ended:
            assert known.recorded is not None
            known = replace(
                known, stop=max(known.stop, stamp), recorded=(known.recorded[0], message.time)
            )
        if state == _ENDED:
            ended.add(name)
        found[name] = known if outcome is None else replace(known, outcome=outcome)
    return list(found.values())


def _by_commands(bag: Bag) -> list[BagEpisode]:
    said: list[tuple[BagMessage, Any]] = []
    for message in bag.messages(bag.topics_of(COMMAND)):
        said.append((message, bag.decode(message)))
    starts = (_START,) if any(c.command == _START for _, c in said) else (_HUMAN_READY,)
    episodes: list[BagEpisode] = []
    running, task = False, None
    for message, command in said:
        stamp = command.stamp.sec * 1_000_000_000 + command.stamp.nanosec or message.time
        if command.command in (_SET_TASK, *starts):
            task = command.instruction.strip() or task
        if running and command.command in (_END, *starts):
            running = False
            recorded = (episodes[-1].recorded or (0, 0))[0], message.time
            episodes[-1] = replace(episodes[-1], stop=stamp, recorded=recorded)
        if command.command in starts:
            running = True
            recorded = message.time, _NEVER - 2**40
            episodes.append(BagEpisode(start=stamp, recorded=recorded, instruction=task))
        outcome = _OUTCOMES.get(command.outcome)
        if episodes and outcome is not None and command.command in (_END, _CONFIRM):
            episodes[-1] = replace(episodes[-1], outcome=outcome)
    return episodes


def _by_resets(bag: Bag) -> list[BagEpisode]:
    """By times of recording, for these messages have no stamps."""
    resets = [message.time for message, _ in _read(bag, _RESET, None)]
    ready = [message.time for message, text in _read(bag, _READY, "data") if text == "True"]
    spans = list(pairwise((bag.start, *resets, bag.stop))) if resets else []
    episodes = []
    for begin, end in spans:
        start = next((time for time in ready if begin <= time < end), begin)
        episodes.append(BagEpisode(start=start, stop=end, recorded=(start, end)))
    return episodes


def _read(bag: Bag, topic: str, field: str | None) -> Iterator[tuple[BagMessage, str]]:
    """Yield the messages of a topic, each with one field as text."""
    if topic in {known.name for known in bag.topics if known.type_name.startswith("std_msgs/")}:
        for message in bag.messages([topic]):
            text = "" if field is None else str(getattr(bag.decode(message), field, ""))
            yield message, text.strip()


def _completed(
    episode: BagEpisode, texts: list[tuple[int, str]], success: list[tuple[int, bool]]
) -> BagEpisode:
    """Add what was said elsewhere: the last instruction before its end or the first, success."""
    start, end = (0, _NEVER) if episode.recorded is None else episode.recorded
    if episode.instruction is None and texts:
        before = [text for time, text in texts if time <= end]
        episode = replace(episode, instruction=before[-1] if before else texts[0][1])
    told = [value for time, value in success if start <= time <= end]
    if episode.outcome is None and told:
        episode = replace(episode, outcome=told[-1])
    return episode


def _other_version(topic: str, error: AttributeError) -> BagError:
    return BagError(
        f"Messages on '{topic}' must be {REWARD} as this version of Kibble knows it, got another "
        f"({error}); read the bag without that topic."
    )
