"""What state a robot's episode is in, and what may happen to it next."""

from __future__ import annotations

import enum
import uuid
from dataclasses import dataclass
from typing import final

__all__ = ["Answer", "EpisodeMachine", "EpisodeState", "Outcome"]


class EpisodeState(enum.IntEnum):
    """As in ``kibble_msgs/msg/Reward``."""

    NONE = 0
    RUNNING = 1
    ENDED = 2


class Outcome(enum.IntEnum):
    """How an episode ended, as in ``kibble_msgs/msg/Reward``."""

    UNDECIDED = 0
    SUCCESS = 1
    FAILURE = 2
    TRUNCATED = 3

    @property
    def terminated(self) -> bool:
        """Whether the task itself ended the episode, rather than a limit or a command."""
        return self in (Outcome.SUCCESS, Outcome.FAILURE)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a request.

    Args:
        accepted: Whether it was done.
        message: Why not, and what to do; or what was done.
    """

    accepted: bool
    message: str = ""


@final
class EpisodeMachine:
    """The state machine of episodes: none, running, ended, running again.

    =============  =======================  ========================  =========================
    request        no episode yet           running                   ended
    =============  =======================  ========================  =========================
    set task       the next episode's task  the next episode's task   the next episode's task
    start          starts                   the old one is undecided  starts
    end            refused                  ends with the outcome     refused
    confirm        refused                  ends with the outcome     the outcome is replaced
    =============  =======================  ========================  =========================

    A model's opinion of success never ends an episode; only requests and the time limit do. Not
    for several threads at once.

    Args:
        instruction: The task; "" where a request is to say it.
        run: Distinguishes this node's episodes from those of others; by default at random.

    Attributes:
        state: Where it is.
        task: The instruction in force: the running or the last episode's, where there is one.
        next_task: That of the next episode.
        outcome: How the last episode ended.
        episode: Unique name of the running or the last episode; "" before the first.
        started: When it started, ns.
        confirmed_by: Who confirmed its outcome; "" where nobody did.
    """

    def __init__(self, instruction: str = "", *, run: str | None = None) -> None:
        self.state = EpisodeState.NONE
        self.task = self.next_task = instruction.strip()
        self.outcome = Outcome.UNDECIDED
        self.episode = ""
        self.started = 0
        self.confirmed_by = ""
        self._run = uuid.uuid4().hex[:8] if run is None else run
        self._count = 0

    @property
    def running(self) -> bool:
        """Whether an episode runs."""
        return self.state is EpisodeState.RUNNING

    @property
    def count(self) -> int:
        """How many episodes were started."""
        return self._count

    def set_task(self, instruction: str) -> Answer:
        """Set the task from the next episode on."""
        instruction = instruction.strip()
        if not instruction:
            return Answer(
                accepted=False,
                message="`instruction` must say what success looks like, got an empty text; write "
                "one sentence such as 'open the drawer'.",
            )
        self.next_task = instruction
        if self.state is EpisodeState.NONE:
            self.task = instruction
        return Answer(
            accepted=True,
            message="It counts from the next episode on." if self.running else "",
        )

    def start(self, now: int, instruction: str = "") -> Answer:
        """Start an episode; one that is running ends undecided.

        Args:
            now: ns.
            instruction: Becomes the task; "" leaves it.
        """
        task = instruction.strip() or self.next_task
        if not task:
            return Answer(
                accepted=False,
                message="An episode needs a task, got none; give `instruction`, or set the task "
                "first.",
            )
        message = f"Episode {self.episode} ended undecided." if self.running else ""
        self.task = self.next_task = task
        self.state, self.outcome = EpisodeState.RUNNING, Outcome.UNDECIDED
        self._count += 1
        self.episode = f"{self._run}-{self._count:04d}"
        self.started = now
        self.confirmed_by = ""
        return Answer(accepted=True, message=message)

    def end(self, outcome: int) -> Answer:
        """End the running episode with one of :class:`Outcome`."""
        if not self.running:
            return Answer(accepted=False, message=f"No episode runs; {self._last()}.")
        if outcome not in set(Outcome):
            return Answer(
                accepted=False,
                message=f"`outcome` must be one of {', '.join(map(str, map(int, Outcome)))}, got "
                f"{outcome}; see OUTCOME_* of kibble_msgs/msg/Reward.",
            )
        self.state, self.outcome = EpisodeState.ENDED, Outcome(outcome)
        return Answer(accepted=True)

    def confirm(self, success: bool, by: str = "") -> Answer:
        """Take a human's word for how the running or the last episode ends."""
        if self.state is EpisodeState.NONE:
            return Answer(accepted=False, message=f"There is nothing to confirm; {self._last()}.")
        replaced = self.outcome if self.state is EpisodeState.ENDED else None
        self.state = EpisodeState.ENDED
        self.outcome = Outcome.SUCCESS if success else Outcome.FAILURE
        self.confirmed_by = by
        changed = replaced not in (None, self.outcome, Outcome.UNDECIDED)
        message = f"It was {replaced.name.lower()} before." if changed and replaced else ""
        return Answer(accepted=True, message=message)

    def expire(self, now: int, limit: int) -> bool:
        """End the running episode as truncated where its time is up.

        Args:
            now: ns; where the clock was set back before the start, or had not begun by then, the
                limit begins anew.
            limit: ns; 0 for none.

        Returns:
            Whether it ended.
        """
        if not self.running:
            return False
        self.started = min(self.started, now) or now
        if not limit or now - self.started < limit:
            return False
        return self.end(Outcome.TRUNCATED).accepted

    def _last(self) -> str:
        if self.state is EpisodeState.NONE:
            return "none was started yet"
        return f"episode {self.episode} has ended ({self.outcome.name.lower()})"
