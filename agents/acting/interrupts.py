"""Ctrl-C while a robot moves: it comes to rest at once, and what was learned is kept."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from kibble.rewards.errors import add_note

if TYPE_CHECKING:
    from kibble.agents.acting.acting_vec_env import ActingVecEnv

__all__ = ["kept_where_it_ends"]


@contextlib.contextmanager
def _halting(acting: ActingVecEnv | None) -> Iterator[None]:
    """Have the first Ctrl-C halt the environment, and the learner stop between two steps.

    The learner then meets :class:`kibble.agents.acting.step_stream.Halted`, with every step that
    it took stored whole. A second Ctrl-C interrupts at once, as does one before the environment
    acts.

    Args:
        acting: The environment, or ``None``: nothing is changed then.
    """
    if acting is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)

    def halt(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        if not acting.acting:
            raise KeyboardInterrupt
        acting.halt()

    signal.signal(signal.SIGINT, halt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def kept_where_it_ends(
    acting: ActingVecEnv | None, save: Callable[[], object], *, run: Path
) -> Iterator[None]:
    """Save what was learned where Ctrl-C or the environment itself ends acting.

    Both are met between two steps, with nothing half done; other errors are not, and leave the
    last checkpoint as it is.

    Args:
        acting: The environment, or ``None``: nothing is saved then.
        save: Writes a checkpoint.
        run: The run directory, for what is said.
    """
    try:
        with _halting(acting):
            yield
    except BaseException as error:
        if acting is not None and acting.ended_by(error):
            save()
            add_note(
                error,
                "The environment was closed and a checkpoint was written. Go on with: kibble "
                f"train run={run} resume=true",
            )
        raise
