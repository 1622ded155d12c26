"""Answers of the service: small JSON objects, typed on both ends."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from kibble.rewards.errors import ModelError
from kibble.rewards.service.failures import Code, ServiceError
from kibble.rewards.service.wire import Limits
from kibble.rewards.types import ModelSpec, Status

__all__ = [
    "Estimates",
    "Opened",
    "Outcome",
    "Served",
    "decode_error",
    "decode_estimates",
    "decode_opened",
    "decode_served",
    "encode_error",
    "encode_estimates",
    "encode_opened",
    "encode_served",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one frame.

    Args:
        status: What the model said; anything but ``OK`` means that the figures are NaN.
        progress: In [0, 1].
        success: Probability in [0, 1].
        confidence: In [0, 1].
        disagreement: What the model left in its episode's memory under that name, else NaN.
        code: Why the model was not asked, or raised an error; ``None`` if it answered. With a
            code the status is ``TIMEOUT`` for ``late``, else ``MODEL_ERROR``.
        message: What went wrong, for the log.
    """

    status: Status
    progress: float = math.nan
    success: float = math.nan
    confidence: float = math.nan
    disagreement: float = math.nan
    code: Code | None = None
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An episode is open.

    Args:
        instance: Identity of the running service.
        version: Fingerprint of the model's weights.
        progress: Estimate of the start frames, in [0, 1].
    """

    instance: str
    version: str
    progress: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """Outcomes of a request, in its order; ``instance`` and ``version`` as in :class:`Opened`."""

    instance: str
    version: str
    outcomes: Sequence[Outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What a service offers.

    Args:
        instance: Identity of the running service.
        models: Name on the wire to what the model is; those that are ready.
        limits: What a request may be at most.
    """

    instance: str
    models: Mapping[str, ModelSpec]
    limits: Limits


def encode_opened(opened: Opened) -> bytes:
    """Encode the answer to ``PUT …/episodes/EPISODE``."""
    return _text(asdict(opened))


def decode_opened(body: bytes) -> Opened:
    """Decode it.

    Raises:
        ModelError: If it is not such an answer.
    """
    try:
        return Opened(**json.loads(body))
    except (ValueError, TypeError) as error:
        raise _unreadable(body, error) from error


def encode_estimates(estimates: Estimates) -> bytes:
    """Encode the answer to ``POST …/estimates``."""
    rows = [
        {
            "status": outcome.status.name,
            **{
                name: value
                for name in ("progress", "success", "confidence", "disagreement")
                if math.isfinite(value := getattr(outcome, name))
            },
            **({} if outcome.code is None else {"code": outcome.code.value}),
            **({"message": outcome.message} if outcome.message else {}),
        }
        for outcome in estimates.outcomes
    ]
    return _text({"instance": estimates.instance, "version": estimates.version, "estimates": rows})


def decode_estimates(body: bytes, count: int) -> Estimates:
    """Decode the answer to a request of ``count`` frames.

    Raises:
        ModelError: If it is not such an answer.
    """
    try:
        values = json.loads(body)
        rows = values["estimates"]
        if len(rows) != count:
            raise ValueError(f"{len(rows)} outcomes for {count} frames")
        return Estimates(
            instance=values["instance"],
            version=values["version"],
            outcomes=[
                Outcome(
                    **{
                        **row,
                        "status": Status[row["status"]],
                        "code": Code(row["code"]) if "code" in row else None,
                    }
                )
                for row in rows
            ],
        )
    except (ValueError, TypeError, KeyError) as error:
        raise _unreadable(body, error) from error


def encode_served(served: Served) -> bytes:
    """Encode the answer to ``GET /v1/models``."""
    return _text(
        {
            "instance": served.instance,
            "models": {name: asdict(spec) for name, spec in served.models.items()},
            "limits": asdict(served.limits),
        }
    )


def decode_served(body: bytes) -> Served:
    """Decode it.

    Raises:
        ModelError: If it is not such an answer.
    """
    try:
        values = json.loads(body)
        return Served(
            instance=values["instance"],
            models={name: _spec(spec) for name, spec in values["models"].items()},
            limits=Limits(**values["limits"]),
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _unreadable(body, error) from error


def encode_error(instance: str, error: ServiceError) -> bytes:
    """Encode the answer to a request that failed as a whole."""
    return _text({"instance": instance, "code": error.code.value, "message": str(error)})


def decode_error(body: bytes, *, retry_after: str | None = None) -> ServiceError | None:
    """Decode it; None if it is no answer of this service, but of something in between.

    Args:
        body: The body.
        retry_after: The header of that name, if there is one.
    """
    try:
        values = json.loads(body)
        return ServiceError(
            Code(values["code"]),
            str(values["message"]),
            retry_after=None if retry_after is None else float(retry_after),
        )
    except (ValueError, TypeError, KeyError):
        return None


def _spec(values: dict[str, object]) -> ModelSpec:
    size, views, required = values["image_size"], values["views"], values["required_views"]
    if not isinstance(views, list) or not isinstance(required, list):
        raise TypeError("views must be lists")
    height_width = None if size is None else (int(size[0]), int(size[1]))  # type: ignore[index]
    return ModelSpec(
        name=str(values["name"]),
        version=str(values["version"]),
        views=tuple(map(str, views)),
        required_views=tuple(map(str, required)),
        image_size=height_width,
        needs_goal=bool(values["needs_goal"]),
        causal=bool(values["causal"]),
    )


def _text(values: object) -> bytes:
    return json.dumps(values, separators=(",", ":"), allow_nan=False).encode()


def _unreadable(body: bytes, error: Exception) -> ModelError:
    return ModelError(
        f"The service must answer as kibble.rewards.service.wire says, got {body[:80]!r} "
        f"({type(error).__name__}: {error}); is something else listening there?"
    )
