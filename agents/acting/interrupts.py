"""Ctrl-C while a robot moves: it comes to rest at once, and what was learned is kept."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kibble.agents.acting.acting_vec_env import ActingVecEnv

__all__ = ["halting"]


@contextlib.contextmanager
def halting(acting: ActingVecEnv | None) -> Iterator[None]:
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
