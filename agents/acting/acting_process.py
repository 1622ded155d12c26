"""The process that acts: a robot's time is not shared with what learns."""

from __future__ import annotations

import multiprocessing
import pickle
import queue
import signal
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar, cast, final

import gymnasium as gym
import torch
from stable_baselines3.common.vec_env.base_vec_env import CloudpickleWrapper

from kibble.agents.acting.acting_thread import Acting, ActingThread
from kibble.agents.acting.step_stream import Halted, Opening, StepStream, StreamedStep
from kibble.rewards.errors import add_note

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from kibble.agents.acting.policy_copy import Weights

__all__ = ["ActingProcess"]

Env = gym.Env[object, object]
Answer = TypeVar("Answer")
Tell = Callable[[str, object], None]
_PATIENCE = 15.0  # s for a step or reset once the learner is gone


@final
class ActingProcess:
    """An :class:`ActingThread` in a process of its own, to be used likewise.

    Python runs one thread of a process at a time, so a thread that acts waits for those that learn
    now and then; a process does not. It closes its environment, which brings a robot to rest, when
    it is told to and when the process that learns is gone, however that ended. Ctrl-C is left to
    the process that learns.

    Args:
        make: Makes the environment; it is sent to the process.
        stream: Where steps go.
        backlog: See :class:`ActingThread`.
    """

    def __init__(self, make: Callable[[], Env], stream: StepStream, *, backlog: int) -> None:
        self._stream = stream
        self._acting = False
        self._answers: queue.SimpleQueue[tuple[str, object]] = queue.SimpleQueue()
        self._sending = threading.Lock()
        context = multiprocessing.get_context("spawn")  # others copy threads and GL contexts
        orders, self._orders = context.Pipe(duplex=False)
        told, answers = context.Pipe(duplex=False)
        self._process = context.Process(
            target=_work,
            args=(orders, answers, CloudpickleWrapper(make), backlog, torch.get_num_threads()),
            name="acting",
            daemon=True,
        )
        self._process.start()
        orders.close()
        answers.close()
        threading.Thread(target=self._listen, args=(told,), name="steps", daemon=True).start()
        self._answer()

    @property
    def acting(self) -> bool:
        """Whether it was told to begin."""
        return self._acting

    def reset(self, seed: int | None) -> Future[Opening]:
        """Reset the environment before acting begins; its first episode is the result."""
        opened: Future[Opening] = Future()
        self._order("reset", seed)
        try:
            opened.set_result(cast("Opening", self._answer()))
        except Exception as error:  # raised anew by whoever asks for the result
            opened.set_exception(error)
        return opened

    def begin(self, acting: Acting) -> None:
        """Act from here on."""
        self._acting = True
        self._order("begin", CloudpickleWrapper(acting))

    def offer(self, weights: Weights) -> None:
        """Act by these weights of the policy from the next step on."""
        self._order("offer", weights)

    def ask(self, question: Callable[[Env], Answer]) -> Answer:
        """Return what a function says of the environment."""
        self._order("ask", CloudpickleWrapper(question))
        return cast("Answer", self._answer())

    def arrived(self) -> None:
        """A step was taken from the stream."""
        self._order("arrived", None)

    def close(self, patience: float) -> bool:
        """Take no further step, and close the environment; see :meth:`ActingThread.close`."""
        self._order("close", None)
        self._stream.halt()
        self._process.join(patience)
        return not self._process.is_alive()

    def _order(self, kind: str, content: object) -> None:
        try:
            with self._sending:
                self._orders.send((kind, content))
        except OSError:  # it has ended, and said why if there was anything to say
            return

    def _answer(self) -> object:
        kind, content = self._answers.get()
        if kind == "failed":
            raise cast("BaseException", content)
        return content

    def _listen(self, told: Connection) -> None:
        """Hand on what the process says, so that it never waits."""
        while True:
            try:
                kind, content = told.recv()
            except (EOFError, OSError):
                kind, content = "broken", _ended()
            if kind == "step":
                self._stream.put(cast("StreamedStep", content))
            elif kind == "broken":
                self._stream.fail(cast("BaseException", content))
                self._answers.put(("failed", content))
                if isinstance(content, _ProcessEndedError):
                    return
            else:
                self._answers.put((kind, content))


class _ProcessEndedError(RuntimeError):
    """The process that acts is no more."""


def _ended() -> _ProcessEndedError:
    return _ProcessEndedError(
        "The process that acts must go on until it is told to end, and ended; see what it wrote "
        "to its standard error, and see that the robot is at rest."
    )


def _work(
    orders: Connection, answers: Connection, make: CloudpickleWrapper, backlog: int, threads: int
) -> None:
    """Do what the process that learns orders, until it says close or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(threads)
    sending = threading.Lock()

    def tell(kind: str, content: object) -> None:
        with sending:
            try:
                answers.send((kind, content))
            except OSError:  # nobody is left to be told
                return

    stream = StepStream(passed_on=True)
    try:
        thread = ActingThread(make.var, stream, backlog=backlog)
    except BaseException as error:
        tell("failed", _sendable(error))
        return
    tell("answer", None)
    sender = threading.Thread(target=_send_steps, args=(stream, tell), daemon=True)
    sender.start()
    try:
        _obey(orders, thread, stream, tell)
    except (EOFError, OSError):
        pass  # the process that learns is gone
    finally:
        thread.close(_PATIENCE)


def _obey(orders: Connection, thread: ActingThread, stream: StepStream, tell: Tell) -> None:
    while True:
        kind, content = orders.recv()
        if kind == "close":
            return
        if kind == "reset":
            thread.reset(content).add_done_callback(lambda opened: _tell_result(opened, tell))
        elif kind == "begin":
            thread.begin(cast("CloudpickleWrapper", content).var)
        elif kind == "offer":
            thread.offer(content)
        elif kind == "arrived":
            stream.arrived()
        else:
            try:
                answer = cast("CloudpickleWrapper", content).var(thread.env)
            except Exception as error:  # raised anew where it was asked
                tell("failed", _sendable(error))
            else:
                tell("answer", answer)


def _send_steps(stream: StepStream, tell: Tell) -> None:
    """Send steps as they are taken; the thread that acts does not wait for this."""
    while True:
        try:
            step = stream.take()
        except Halted:
            return
        except BaseException as error:  # what ended acting
            tell("broken", _sendable(error))
            return
        tell("step", step)


def _tell_result(opened: Future[Opening], tell: Tell) -> None:
    error = opened.exception()
    if error is None:
        tell("answer", opened.result())
    else:
        tell("failed", _sendable(error))


def _sendable(error: BaseException) -> BaseException:
    """Return the error with where it came from, as another process can have it."""
    where = "".join(traceback.format_exception(error))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # an exception may be made of anything
        error = RuntimeError(f"{type(error).__name__}: {error}")
    add_note(error, f"In the process that acts:\n{where}")
    return error
