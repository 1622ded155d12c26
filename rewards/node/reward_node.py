"""The reward node without ROS: images in, one reward per period out."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import final

from kibble.rewards.node.camera_watch import Source
from kibble.rewards.node.cameras import Cameras
from kibble.rewards.node.diagnostics import Diagnostic, model_diagnostic, reward_diagnostic
from kibble.rewards.node.episode_account import EpisodeAccount
from kibble.rewards.node.episodes import Answer, EpisodeState
from kibble.rewards.node.goal_picture import read_goal
from kibble.rewards.node.node_clock import NodeClock
from kibble.rewards.node.parameters import NodeParameters
from kibble.rewards.node.reward_message import RewardMessage
from kibble.rewards.node.scorer import Scored, Scorer
from kibble.rewards.node.verdict import Situation, Verdict, judge
from kibble.rewards.ros.clock import Clock, frame_id_of, seconds
from kibble.rewards.types import RewardModel, Status

__all__ = ["RewardNode"]

_NS = 1e9
_NAN = float("nan")


@final
class RewardNode:
    """Reads the newest complete set of images by a model, and says at each tick what it had.

    Three kinds of threads share it. Those of a transport call :meth:`see` and the requests; one
    calls :meth:`wait` and :meth:`read`, which may take as long as the model does; one calls
    :meth:`tick` at the parameters' rate and never waits for the model. Images are decoded only
    when they are read: the newest win, nothing queues up.

    At each tick the potential is renewed by a reading that is OK, no older than the deadline and
    not published before. Otherwise it is held, and the status says why; what recovers is read
    again by itself. No failure stops the node. It is made inactive; see :meth:`activate`.

    Args:
        parameters: What the node is to do.
        model: The reward model.
        clock: The time of stamps; it may jump.
        monotonic: s that never go back.
        run: Distinguishes this node's episodes from those of others; by default at random.

    Attributes:
        surroundings: Returns where the node is and whom it sees, for texts; to be assigned.

    Raises:
        ConfigError: If the model cannot read the parameters' views or goal, or reads whole
            episodes only.
    """

    def __init__(
        self,
        parameters: NodeParameters,
        model: RewardModel,
        clock: Clock,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        run: str | None = None,
    ) -> None:
        parameters.check_model(model.spec)
        self.surroundings: Callable[[], str] = str
        self._parameters = parameters
        self._scorer = Scorer(model, read_goal(parameters))
        self._monotonic = monotonic
        self._changed = threading.Condition()  # guards all that follows
        self._clock = NodeClock(clock, monotonic)
        self._cameras = Cameras(parameters, self._clock.now()[0])
        self._account = EpisodeAccount(parameters, run)
        self._latest: Scored | None = None  # of the running or the last episode
        self._reading_since: float | None = None  # by the monotonic clock
        self._unread = False  # whether images came since the last read
        self._set_back = 0.0  # s, until frames are read again
        self._active = False
        self._said: Counter[Status] = Counter()
        self._verdict = Verdict(status=Status.STALE)

    @property
    def parameters(self) -> NodeParameters:
        """The parameters in force."""
        return self._parameters

    @property
    def active(self) -> bool:
        """Whether images are read and episodes can start."""
        return self._active

    @property
    def fresh(self) -> Scored | None:
        """The reading that the last message was made of; ``None`` where it held an older one."""
        return self._account.shown if self._verdict.status is Status.OK else None

    def now(self) -> int:
        """Return the time of the node's clock, ns."""
        with self._changed:
            return self._now()

    def activate(self) -> None:
        """Begin to read images; the first episode starts here where `auto_start` says so."""
        with self._changed:
            now = self._now()
            self._active = True
            self._cameras.begin(now)
            if self._parameters.auto_start and self._account.episodes.state is EpisodeState.NONE:
                self._start(now, "")

    def deactivate(self) -> None:
        """Stop reading images; a running episode goes on, and its potential is held."""
        with self._changed:
            self._active = False
            self._cameras.forget()
            self._changed.notify_all()

    def close(self) -> None:
        """Let go of the model; to be called when no thread reads any more."""
        self.deactivate()
        self._scorer.close()

    def listen(self, view: str, source: Source) -> None:
        """Learn what delivers a view's images, so that the node can say what is wrong there."""
        self._cameras.listen(view, source)

    def see(self, view: str, message: object) -> None:
        """Take an image message of a view; quick, and for any thread."""
        with self._changed:
            if self._active:
                self._cameras.see(view, message, self._now())
                self._unread = True
                self._changed.notify_all()

    def wait(self, timeout: float) -> None:
        """Wait until there may be something to read, but for so many seconds at most."""
        with self._changed:
            self._changed.wait_for(lambda: self._unread, timeout)

    def read(self) -> Scored | None:
        """Read the newest complete set of images, if an episode runs and there is one."""
        with self._changed:
            self._unread = False
            if not (self._active and self._account.episodes.running):
                return None
            chosen = self._cameras.take()
            if chosen is None:
                return None
            episode, task = self._account.episodes.episode, self._account.episodes.task
            self._reading_since = self._monotonic()
        try:
            frames = self._cameras.decoded(chosen)
            if frames is None:
                return None
            newest = max(chosen.stamps, key=lambda view: chosen.stamps[view])
            scored = self._scorer.read(
                episode,
                task,
                frames,
                stamp=chosen.newest,
                frame_id=frame_id_of(chosen.items[newest]),
            )
        finally:
            self._reading_since = None
        with self._changed:
            if episode == self._account.episodes.episode:
                self._latest, self._set_back = scored, 0.0
        return scored

    def tick(self) -> RewardMessage:
        """Return the message of this period; never waits for the model."""
        self._cameras.look(self.surroundings)
        with self._changed:
            now = self._now()
            limit = round(self._parameters.episode_limit * _NS)
            self._account.expire(now, limit)
            self._verdict = judge(self._situation(now))
            if self._verdict.status is Status.OK and self._latest is not None:
                self._account.take(self._latest)
            if self._account.closing:
                self._cameras.forget()  # nothing is read until the next episode
            self._said[self._verdict.status] += 1
            return self._account.message(now, self._verdict, self._scorer.model.spec)

    def set_task(self, instruction: str) -> Answer:
        """Set the task from the next episode on."""
        with self._changed:
            return self._account.episodes.set_task(instruction)

    def start(self, instruction: str = "") -> tuple[Answer, str]:
        """Start an episode with the next images; return its unique name too, "" if refused."""
        with self._changed:
            if not self._active:
                message = "The node is not active; activate it first."
                return Answer(accepted=False, message=message), ""
            answer = self._start(self._now(), instruction)
            return answer, self._account.episodes.episode if answer.accepted else ""

    def end(self, outcome: int) -> Answer:
        """End the running episode with an outcome of ``kibble_msgs/msg/Reward``."""
        with self._changed:
            return self._account.end(outcome)

    def confirm(self, success: bool, by: str = "") -> Answer:
        """Take a human's word for how the running or the last episode ends."""
        with self._changed:
            return self._account.confirm(success, by)

    def change(self, values: Mapping[str, object]) -> None:
        """Change parameters while the node runs; all or none.

        Raises:
            ConfigError: If one may not be changed now, is unknown, or is out of range.
        """
        with self._changed:
            self._parameters = self._parameters.changed(values)
            self._cameras.change(self._parameters)
            if values.get("instruction"):
                self._account.episodes.set_task(self._parameters.instruction)

    def diagnostics(self) -> list[Diagnostic]:
        """Return an entry for each camera, for the model and for the rewards that were said."""
        with self._changed:
            now = self._now()
            return [
                *self._cameras.diagnostics(now, self._parameters),
                model_diagnostic(self._scorer, self._latest, self._reading_for()),
                reward_diagnostic(
                    self._account.episodes, self._verdict, said=self._said, clock=self._clock
                ),
            ]

    def _now(self) -> int:
        """Return ns, after what follows from a clock that jumped."""
        now, jump = self._clock.now()
        if jump:
            self._cameras.jumped(now)
            self._set_back += max(0.0, -jump)
            if self._latest is not None and self._latest.stamp > now:
                self._latest = None
        return now

    def _start(self, now: int, instruction: str) -> Answer:
        answer = self._account.start(now, instruction)
        if answer.accepted:
            self._cameras.forget()
            self._latest = None
        return answer

    def _reading_for(self) -> float:
        """Return the seconds for which the model has been reading; 0 where it is not."""
        since = self._reading_since
        return 0.0 if since is None else self._monotonic() - since

    def _situation(self, now: int) -> Situation:
        parameters, latest = self._parameters, self._latest
        return Situation(
            trouble=self._cameras.trouble(now, parameters.staleness),
            standstill=self._clock.standstill if parameters.use_sim_time else 0.0,
            idle=self._account.idle if self._active else "the node is not active",
            scored=latest,
            shown=latest is not None and latest is self._account.shown,
            age=_NAN if latest is None else seconds(now - latest.stamp),
            deadline=parameters.deadline,
            waited_for=self._cameras.waited_for(now),
            reading_for=self._reading_for(),
            set_back=self._set_back,
        )
