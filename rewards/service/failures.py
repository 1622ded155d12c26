"""What can go wrong between a client and the service, by name."""

from __future__ import annotations

import enum

from kibble.rewards.errors import KibbleError

__all__ = ["Code", "ServiceError"]


class Code(enum.Enum):
    """Why a request, or one frame of it, was not answered; with its HTTP status.

    ======================  ====  =================================================================
    ``malformed``           400   The body is not what :mod:`kibble.rewards.service.wire` says.
    ``unauthorised``        401   The token is missing or wrong.
    ``unknown_model``       404   No model of that name is served.
    ``unknown_episode``     404   Never opened here: open it (again). So after a restart.
    ``slow_client``         408   The body did not arrive in time.
    ``out_of_order``        409   The step was answered before, with other frames or too long ago.
    ``stale_episode``       410   Unused for too long and closed: open it again.
    ``too_large``           413   Body, picture or number of pictures beyond the limit.
    ``wrong_content_type``  415   Not ``application/x-kibble-frames``.
    ``bad_picture``         422   A picture cannot be decoded, or is not what the header says.
    ``unsuitable``          422   The model cannot use it: a view or goal frames are missing.
    ``too_many_episodes``   429   Close some, or wait for stale ones to be closed.
    ``model_failed``        500   The model raised an error; the service goes on.
    ``internal``            500   A defect of the service, which is in its log.
    ``busy``                503   The queue is full: wait ``Retry-After`` seconds.
    ``not_ready``           503   Models are loading, or the service is stopping.
    ``late``                504   Not read before the deadline; the episode has not seen it.
    ======================  ====  =================================================================
    """

    MALFORMED = "malformed"
    UNAUTHORISED = "unauthorised"
    UNKNOWN_MODEL = "unknown_model"
    UNKNOWN_EPISODE = "unknown_episode"
    SLOW_CLIENT = "slow_client"
    OUT_OF_ORDER = "out_of_order"
    STALE_EPISODE = "stale_episode"
    TOO_LARGE = "too_large"
    WRONG_CONTENT_TYPE = "wrong_content_type"
    BAD_PICTURE = "bad_picture"
    UNSUITABLE = "unsuitable"
    TOO_MANY_EPISODES = "too_many_episodes"
    MODEL_FAILED = "model_failed"
    INTERNAL = "internal"
    BUSY = "busy"
    NOT_READY = "not_ready"
    LATE = "late"

    @property
    def http_status(self) -> int:
        """Status of an HTTP answer with this code."""
        return _HTTP_STATUS[self]

    @property
    def passes(self) -> bool:
        """Whether the same request may succeed later, without anything being mended."""
        return self in _PASSING

    @property
    def reopens(self) -> bool:
        """Whether the client has to open the episode again."""
        return self in (Code.UNKNOWN_EPISODE, Code.STALE_EPISODE)


_HTTP_STATUS = {
    Code.MALFORMED: 400,
    Code.UNAUTHORISED: 401,
    Code.UNKNOWN_MODEL: 404,
    Code.UNKNOWN_EPISODE: 404,
    Code.SLOW_CLIENT: 408,
    Code.OUT_OF_ORDER: 409,
    Code.STALE_EPISODE: 410,
    Code.TOO_LARGE: 413,
    Code.WRONG_CONTENT_TYPE: 415,
    Code.BAD_PICTURE: 422,
    Code.UNSUITABLE: 422,
    Code.TOO_MANY_EPISODES: 429,
    Code.MODEL_FAILED: 500,
    Code.INTERNAL: 500,
    Code.BUSY: 503,
    Code.NOT_READY: 503,
    Code.LATE: 504,
}
_PASSING = frozenset(
    {Code.SLOW_CLIENT, Code.TOO_MANY_EPISODES, Code.BUSY, Code.NOT_READY, Code.LATE}
)


class ServiceError(KibbleError, RuntimeError):
    """A request that was not answered, or one frame of it.

    Args:
        code: Why.
        message: Rule, received value, remedy.
        retry_after: Seconds after which to try again, where the service says so.
    """

    def __init__(self, code: Code, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after = retry_after
