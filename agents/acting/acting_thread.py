"""The thread that owns an environment and acts in it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar, cast, final

import gymnasium as gym
import numpy as np
import torch

from kibble.agents.acting.executed import ACTION
from kibble.agents.acting.policy_copy import PolicyCopy, Weights
from kibble.agents.acting.step_stream import Opening, StepStream, StreamedStep

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Acting", "ActingThread", "Chooser"]

_LOGGER = logging.getLogger(__name__)

Env = gym.Env[object, object]
Answer = TypeVar("Answer")
Info = dict[str, object]


class Chooser(Protocol):
    """What acts."""

    def begin(self) -> None:
        """An episode begins."""
        ...

    def choose(self, observation: NDArray[np.generic]) -> tuple[NDArray[np.generic], Info]:
        """Return an action, and what to add to the step's info."""
        ...


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Acting:
    """What is to be done.

    Args:
        chooser: What acts.
        policy: The policy by which it does, to be kept up to date; or ``None``.
        steps: Steps to take.
        episodes: Episodes to finish at most, or ``None``; after the last there is no reset.
    """

    chooser: Chooser
    policy: PolicyCopy | None = None
    steps: int
    episodes: int | None = None


@final
class ActingThread:
    """Makes an environment, resets it when asked to and, once told to begin, acts in it.

    All that is done to the environment is done in this thread: rendering contexts belong to the
    thread that made them, and a robot has one master. When the thread ends, for whatever reason,
    the environment is closed first, which brings a robot to rest.

    Args:
        make: Makes the environment.
        stream: Where steps go.
        backlog: The most steps in the stream where an episode begins; with more, it begins later.

    Attributes:
        env: The environment; to be looked at, not stepped.
        waits: Times that an episode began later because of ``backlog``.
    """

    env: Env

    def __init__(self, make: Callable[[], Env], stream: StepStream, *, backlog: int) -> None:
        self.waits = 0
        self._make = make
        self._stream = stream
        self._backlog = backlog
        self._orders: list[Callable[[], None]] = []
        self._ordered = threading.Condition()
        self._closing = False
        self._acting: Acting | None = None
        self._opening: Opening | None = None
        self._threads = torch.get_num_threads()
        made: Future[None] = Future()
        self._thread = threading.Thread(
            target=self._work, args=(made,), name="acting", daemon=True
        )
        self._thread.start()
        made.result()

    @property
    def acting(self) -> bool:
        """Whether it was told to begin."""
        return self._acting is not None

    def reset(self, seed: int | None) -> Future[Opening]:
        """Reset the environment before acting begins; its first episode is the result."""
        assert not self.acting, "the thread itself begins all episodes but the first"
        opened: Future[Opening] = Future()

        def work() -> None:
            try:
                self._opening = self._open(seed)
            except BaseException as error:  # raised anew where the reset was asked for
                opened.set_exception(error)
            else:
                opened.set_result(self._opening)

        self._order(work)
        return opened

    def begin(self, acting: Acting) -> None:
        """Act from here on."""
        self._acting = acting
        self._order(lambda: self._act(acting.chooser, acting.steps, acting.episodes))

    def offer(self, weights: Weights) -> None:
        """Act by these weights of the policy from the next step on."""
        if self._acting is not None and self._acting.policy is not None:
            self._acting.policy.offer(weights)

    def ask(self, question: Callable[[Env], Answer]) -> Answer:
        """Return what a function says of the environment, which it must leave as it is."""
        return question(self.env)

    def arrived(self) -> None:
        """Do nothing: a step that was taken from the stream is no longer on its way."""

    def close(self, patience: float) -> bool:
        """Take no further step, and close the environment.

        An environment that offers ``halt()``, to be called from any thread, is halted at once, so
        that a step or reset that waits for somebody ends.

        Args:
            patience: Seconds to wait for the step or reset that is being done.

        Returns:
            Whether the thread has ended.
        """
        with self._ordered:
            self._closing = True
            self._ordered.notify_all()
        self._stream.halt()
        halt = getattr(self.env.unwrapped, "halt", None)
        if callable(halt) and self._thread.is_alive():
            halt()
        self._thread.join(patience)
        return not self._thread.is_alive()

    def _order(self, work: Callable[[], None]) -> None:
        with self._ordered:
            self._orders.append(work)
            self._ordered.notify_all()

    def _work(self, made: Future[None]) -> None:
        torch.set_num_threads(self._threads)  # a new thread may otherwise take every core
        try:
            self.env = self._make()
        except BaseException as error:  # raised anew where the thread was made
            made.set_exception(error)
            return
        made.set_result(None)
        try:
            while (work := self._next()) is not None:
                work()
        except BaseException as error:  # raised anew where steps are taken
            self._stream.fail(error)
        finally:
            self.env.close()

    def _next(self) -> Callable[[], None] | None:
        with self._ordered:
            while not self._orders and not self._closing:
                self._ordered.wait()
            return None if self._closing else self._orders.pop(0)

    def _act(self, chooser: Chooser, steps: int, episodes: int | None) -> None:
        opening = self._opening
        assert opening is not None, "the environment is reset before acting begins"
        taken = ended = 0
        observation = opening.observation
        chooser.begin()
        while taken < steps and ended != episodes and not self._closing:
            action, told = chooser.choose(observation)
            observed, reward, terminated, truncated, info = self.env.step(action)
            observation = _array(observed)
            taken += 1
            following = None
            if terminated or truncated:
                ended += 1
                if taken == steps or ended == episodes:
                    following = _nothing(opening, observation, info)
                elif not self._closing:
                    following = opening = self._open_later()
                    chooser.begin()
                else:
                    return
            self._stream.put(
                StreamedStep(
                    observation=observation,
                    reward=float(reward),
                    terminated=terminated,
                    truncated=truncated,
                    info={ACTION: action, **told, **info},
                    following=following,
                )
            )
            if following is not None:
                observation = following.observation

    def _open_later(self) -> Opening:
        if self._stream.wait_until_at_most(self._backlog):
            self.waits += 1
            if self.waits & (self.waits - 1) == 0:  # often enough to be seen, no flood
                _LOGGER.warning(
                    "Learning is more than `acting.backlog`=%d steps behind: the next episode "
                    "began later; so far %d times. Take fewer agent.gradient_steps, or score "
                    "fewer frames by shaping.query_every.",
                    self._backlog,
                    self.waits,
                )
        return self._open(None)

    def _open(self, seed: int | None) -> Opening:
        observation, info = self.env.reset(seed=seed)
        generator = cast("dict[str, object]", self.env.unwrapped.np_random.bit_generator.state)
        return Opening(observation=_array(observation), info=info, generator=generator)


def _array(observation: object) -> NDArray[np.generic]:
    return np.array(observation)  # a copy: the environment may write into its own again


def _nothing(opening: Opening, observation: NDArray[np.generic], info: Info) -> Opening:
    """Return the opening of an episode that is not to be: the last one seen again."""
    told = dict(opening.info)
    if "frames" in info:
        told["frames"] = info["frames"]
    return Opening(observation=observation, info=told, generator=opening.generator)
