"""A thread that takes samples of a reader until it is told to end."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, final

from cyclonedds.core import (
    GuardCondition,
    InstanceState,
    ReadCondition,
    SampleState,
    ViewState,
    WaitSet,
)
from cyclonedds.sub import DataReader
from cyclonedds.util import duration

from kibble.rewards.ros.dds.participant import Participant

__all__ = ["Listening"]

_logger = logging.getLogger(__name__)
_LONGEST_WAIT = duration(seconds=10)
_AT_ONCE = 16


@final
class Listening:
    """Hands each sample of a reader to a function, one after another, on a thread of its own.

    A wait set is used and not the package's listeners: those would run Python on the threads that
    receive the network's packets.

    Args:
        participant: The reader's.
        reader: Of raw samples.
        receive: Takes a sample; what it raises is logged.
        name: The thread's name.
    """

    def __init__(
        self,
        participant: Participant,
        reader: DataReader[Any],
        *,
        receive: Callable[[Any], None],
        name: str,
    ) -> None:
        self._reader = reader
        self._receive = receive
        self._name = name
        self._ending = False
        self._end = GuardCondition(participant.entity)
        self._condition = ReadCondition(
            reader, ViewState.Any | SampleState.NotRead | InstanceState.Any
        )
        self._waits = WaitSet(participant.entity)
        self._waits.attach(self._condition)
        self._waits.attach(self._end)
        self._thread = threading.Thread(target=self._run, name=f"dds {name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread; a function that is running ends first, unless it is what calls this."""
        if self._ending:
            return
        self._ending = True
        self._end.set(True)
        if self._thread is not threading.current_thread():
            self._thread.join()
            self._waits.detach(self._condition)
            self._waits.detach(self._end)
            del self._waits, self._condition, self._end, self._reader

    def _run(self) -> None:
        waits, condition, reader = self._waits, self._condition, self._reader
        while not self._ending:
            waits.wait(_LONGEST_WAIT)
            while not self._ending:
                samples = reader.take(_AT_ONCE, condition=condition)
                if not samples:
                    break
                for sample in samples:
                    if self._ending:
                        break
                    if sample.sample_info.valid_data:
                        self._hand_on(sample)

    def _hand_on(self, sample: Any) -> None:
        try:
            self._receive(sample)
        except Exception:  # a boundary: one message must not end the topic
            _logger.exception("a message on %s could not be dealt with", self._name)
