"""One reward model with the thread that alone may touch it."""

from __future__ import annotations

import asyncio
import enum
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, final

from kibble.rewards.ending import EndsEpisodes
from kibble.rewards.errors import KibbleError
from kibble.rewards.service.device import check_device
from kibble.rewards.service.failures import Code, ServiceError
from kibble.rewards.service.warm_up import warm_up
from kibble.rewards.types import ModelSpec, RewardModel

__all__ = ["HostedModel", "ModelState"]

_LOGGER = logging.getLogger(__name__)
_FAILURES = 5  # calls in a row after which a model counts as broken

_T = TypeVar("_T")


class ModelState(enum.Enum):
    """Whether a model answers."""

    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


@final
class HostedModel:
    """A model that is opened, proved and called in one thread of its own.

    Args:
        name: Its name on the wire.
        opens: Opens it; called in the thread.
        device: Device that it is to compute on, such as "cuda"; ``None`` takes any.

    Attributes:
        state: Ready once a real forward pass on the right device has worked. Failed if that did
            not, or after five calls in a row that raised; one that works makes it ready again.
        reason: Why it failed.
        device: Where it computes, "" if it cannot say.
        error: The error with which opening it ended, if it did.
    """

    def __init__(
        self, name: str, opens: Callable[[], RewardModel], *, device: str | None = None
    ) -> None:
        self.name = name
        self.state = ModelState.LOADING
        self.reason = ""
        self.device = ""
        self.error: BaseException | None = None
        self._opens = opens
        self._asked_device = device
        self._model: RewardModel | None = None
        self._failures = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"kibble-{name}")

    async def load(self) -> None:
        """Open the model and prove that it works; a failure is its state, not an exception."""
        try:
            self._model = await self._run(self._open)
        # Whatever opening weights raises, the other models are served, and this one says why.
        except Exception as error:
            self.state, self.reason, self.error = ModelState.FAILED, _said(error), error
            _LOGGER.error(
                "model %r cannot be served: %s",
                self.name,
                self.reason,
                exc_info=None if isinstance(error, KibbleError) else error,
            )
        else:
            self.state = ModelState.READY
            _LOGGER.info("model %r is ready on %s", self.name, self.device or "its device")

    @property
    def holds_elsewhere(self) -> bool:
        """Whether the model holds episodes on a server of its own: states cannot be copied."""
        return isinstance(self._model, EndsEpisodes)

    @property
    def spec(self) -> ModelSpec:
        """What the model is.

        Raises:
            ServiceError: ``not_ready`` while it is loading or if it could not be opened.
        """
        if self._model is None or self.error is not None:
            state = "is loading" if self.error is None else f"cannot be served: {self.reason}"
            raise ServiceError(
                Code.NOT_READY, f"Model {self.name!r} {state}", retry_after=self._retry_after
            )
        return self._model.spec

    async def call(self, function: Callable[[RewardModel], _T]) -> _T:
        """Call a function with the model, in its thread."""
        assert self._model is not None
        model = self._model
        return await self._run(lambda: function(model))

    def count(self, failed: bool, reason: str = "") -> None:
        """Note whether a call raised; see ``state``."""
        self._failures = self._failures + 1 if failed else 0
        if self._failures >= _FAILURES and self.state is ModelState.READY:
            self.state, self.reason = ModelState.FAILED, reason
            _LOGGER.error("model %r failed %d times in a row: %s", self.name, _FAILURES, reason)
        elif not failed and self.state is ModelState.FAILED and self._model is not None:
            self.state, self.reason = ModelState.READY, ""
            _LOGGER.info("model %r works again", self.name)

    def give_up(self, error: BaseException) -> None:
        """Note that what hands work to the model has failed: nothing can be read any more."""
        _LOGGER.critical("model %r is served no more", self.name, exc_info=error)
        self.state, self.reason, self.error = ModelState.FAILED, _said(error), error

    def close(self) -> None:
        """Let the thread end once it has nothing to do."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    @property
    def _retry_after(self) -> float | None:
        return 1.0 if self.error is None else 10.0

    async def _run(self, function: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    def _open(self) -> RewardModel:
        model = self._opens()
        warm_up(model)
        self.device = check_device(model, self._asked_device)
        return model


def _said(error: BaseException) -> str:
    text = str(error)
    return text if isinstance(error, KibbleError) else f"{type(error).__name__}: {text}"
