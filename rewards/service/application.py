"""The service as an ASGI application: routes, tokens, errors; see ``wire`` for what travels."""

from __future__ import annotations

import contextlib
import hmac
import json
import logging
import math
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import final

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from kibble.rewards.errors import ConfigError
from kibble.rewards.service.answers import (
    Estimates,
    Opened,
    Served,
    encode_error,
    encode_estimates,
    encode_opened,
    encode_served,
)
from kibble.rewards.service.failures import Code, ServiceError
from kibble.rewards.service.hosted_model import HostedModel, ModelState
from kibble.rewards.service.intake import Incoming, Intake
from kibble.rewards.service.metrics import ModelMetrics, ServiceMetrics
from kibble.rewards.service.model_service import ModelService
from kibble.rewards.service.settings import ServiceSettings
from kibble.rewards.service.wire import (
    INSTANCE_HEADER,
    decode_estimate_request,
    decode_open_request,
)
from kibble.rewards.types import RewardModel

__all__ = ["create_application"]

_LOGGER = logging.getLogger(__name__)


def create_application(
    models: Mapping[str, Callable[[], RewardModel]],
    settings: ServiceSettings | None = None,
    *,
    device: str | None = None,
    grace: float = 30.0,
    on_loaded: Callable[[HostedModel], None] | None = None,
) -> FastAPI:
    """Build the service for one or more reward models.

    It loads them when the application starts (ASGI lifespan) and answers ``not_ready`` until each
    is proved by a forward pass.

    Args:
        models: Name on the wire to what opens the model, called in the model's own thread.
        settings: Sizes, times and limits.
        device: Device on which the models are to compute, such as "cuda"; ``None`` takes any.
        grace: Seconds that frames which wait when the service stops may still take.
        on_loaded: Told of each model once it is ready or has failed.

    Returns:
        The application, for uvicorn or any other ASGI server, also under Ray Serve.

    Raises:
        ConfigError: If there is no model, or a name cannot stand in an address.
    """
    if not models:
        raise ConfigError("`models` must name at least one reward model, got none.")
    for name in models:
        if not name or any(sign in name for sign in "/?#% "):
            raise ConfigError(
                f"A model's name must stand in an address, got {name!r}; use letters, digits, "
                "'_', '-' and '.'."
            )
    chosen = ServiceSettings() if settings is None else settings
    service = _Service(models, chosen, device)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await service.start(on_loaded)
        yield
        await service.stop(grace)

    application = FastAPI(
        title="kibble", lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None
    )
    # Plain routes: bodies are binary, so there is nothing for FastAPI to parse before a handler.
    add = application.router.add_route
    add("/health", service.health, methods=["GET"])
    add("/metrics", service.metrics_text, methods=["GET"])
    add("/v1/models", service.served, methods=["GET"])
    add("/v1/models/{model}/estimates", service.estimate, methods=["POST"])
    add("/v1/models/{model}/episodes/{episode}", service.open, methods=["PUT"])
    add("/v1/models/{model}/episodes/{episode}", service.close, methods=["DELETE"])
    application.add_exception_handler(HTTPException, service.no_such_route)
    application.add_exception_handler(Exception, service.defect)
    return application


@final
class _Service:
    """The endpoints."""

    def __init__(
        self,
        models: Mapping[str, Callable[[], RewardModel]],
        settings: ServiceSettings,
        device: str | None,
    ) -> None:
        self._opens = dict(models)
        self._settings = settings
        self._device = device
        self._instance = uuid.uuid4().hex
        self._intake = Intake(settings)
        self._metrics = ServiceMetrics()
        self._models: dict[str, ModelService] = {}
        self._decoders: ThreadPoolExecutor | None = None
        self._stopping = False

    async def start(self, on_loaded: Callable[[HostedModel], None] | None) -> None:
        """Open the models, each in its own thread."""
        self._decoders = ThreadPoolExecutor(self._settings.decoders, "kibble-decode")
        for name, opens in self._opens.items():
            self._models[name] = ModelService(
                HostedModel(name, opens, device=self._device),
                self._settings,
                ModelMetrics(self._metrics, name),
                self._decoders,
            )
        for model in self._models.values():
            await model.start(on_loaded)

    async def stop(self, grace: float) -> None:
        """Answer what waits, refuse what comes."""
        self._stopping = True
        for model in self._models.values():
            await model.stop(grace)
        if self._decoders is not None:
            self._decoders.shutdown(wait=False, cancel_futures=True)

    async def health(self, _: Request) -> Response:
        """Answer ``GET /health``."""
        states = {name: model.hosted.state for name, model in self._models.items()}
        ready = not self._stopping and all(s is ModelState.READY for s in states.values())
        body = {
            "instance": self._instance,
            "ready": ready,
            "models": {
                name: {"state": state.value, "device": self._models[name].hosted.device}
                for name, state in states.items()
            },
        }
        return self._json(json.dumps(body).encode(), 200 if ready else 503)

    async def metrics_text(self, request: Request) -> Response:
        """Answer ``GET /metrics``."""

        async def answer(_: Incoming) -> bytes:
            for model in self._models.values():
                model.refresh_metrics()
            return self._metrics.text()

        response = await self._answered(request, "", "metrics", answer)
        if response.status_code == 200:
            response.headers["content-type"] = "text/plain; version=0.0.4; charset=utf-8"
        return response

    async def served(self, request: Request) -> Response:
        """Answer ``GET /v1/models``."""

        async def answer(_: Incoming) -> bytes:
            ready = {
                name: model.hosted.spec
                for name, model in self._models.items()
                if model.hosted.state is not ModelState.LOADING and model.hosted.error is None
            }
            return encode_served(
                Served(instance=self._instance, models=ready, limits=self._settings.limits)
            )

        return await self._answered(request, "", "models", answer)

    async def open(self, request: Request) -> Response:
        """Answer ``PUT /v1/models/MODEL/episodes/EPISODE``."""
        arrived, model = time.monotonic(), request.path_params["model"]
        episode = request.path_params["episode"]

        async def answer(incoming: Incoming) -> bytes:
            service = self._model(model)
            opening = decode_open_request(await incoming.body(), self._settings.limits)
            for part in (opening.start, opening.goal, opening.reference, opening.demonstration):
                for column in (part or {}).values():
                    incoming.add_pixels(column)
            deadline = arrived + (opening.timeout or self._settings.deadline)
            version, progress = await service.open(episode, opening, deadline)
            return encode_opened(
                Opened(instance=self._instance, version=version, progress=progress)
            )

        return await self._answered(request, model, "open", answer)

    async def estimate(self, request: Request) -> Response:
        """Answer ``POST /v1/models/MODEL/estimates``."""
        arrived, model = time.monotonic(), request.path_params["model"]

        async def answer(incoming: Incoming) -> bytes:
            service = self._model(model)
            asked = decode_estimate_request(await incoming.body(), self._settings.limits)
            for frame in asked.frames:
                incoming.add_pixels(frame.pictures.values())
            deadline = arrived + (asked.timeout or self._settings.deadline)
            outcomes = await service.estimate(asked, deadline)
            return encode_estimates(
                Estimates(
                    instance=self._instance,
                    version=service.hosted.spec.version,
                    outcomes=outcomes,
                )
            )

        return await self._answered(request, model, "estimate", answer)

    async def close(self, request: Request) -> Response:
        """Answer ``DELETE /v1/models/MODEL/episodes/EPISODE``."""
        model, episode = request.path_params["model"], request.path_params["episode"]

        async def answer(_: Incoming) -> bytes:
            closed = await self._model(model).close(episode)
            return json.dumps({"instance": self._instance, "closed": closed}).encode()

        return await self._answered(request, model, "close", answer)

    async def no_such_route(self, _: Request, error: Exception) -> Response:
        """Answer an address or a method that there is not."""
        status = error.status_code if isinstance(error, HTTPException) else 404
        text = "The address and method must be one of the wire format's, see its module; got none."
        return self._failed(ServiceError(Code.MALFORMED, text), status=status)

    async def defect(self, _: Request, error: Exception) -> Response:
        """Answer a request on which the service itself failed."""
        return self._failed(
            ServiceError(
                Code.INTERNAL, f"The service failed ({type(error).__name__}); see its log."
            )
        )

    async def _answered(
        self,
        request: Request,
        model: str,
        route: str,
        answer: Callable[[Incoming], Awaitable[bytes]],
    ) -> Response:
        """Check the token, answer, count, and turn errors into typed answers."""
        begin = time.monotonic()
        known = model if model in self._models else ""
        incoming = Incoming(request, self._intake)
        try:
            self._check_token(request)
            if self._stopping:
                raise ServiceError(
                    Code.NOT_READY, "The service is stopping; try again.", retry_after=1.0
                )
            with incoming:
                response = self._json(await answer(incoming))
            code = "ok"
        except ServiceError as error:
            code = error.code.value
            whole = error.code is not Code.SLOW_CLIENT and await incoming.drain()
            response = self._failed(error, close=not whole)
        except ClientDisconnect:
            code, response = "gone", Response(status_code=400)
        self._metrics.count_request(known, route, code, time.monotonic() - begin)
        return response

    def _check_token(self, request: Request) -> None:
        token = self._settings.token
        if token is None:
            return
        brought = request.headers.get("authorization", "")
        if not hmac.compare_digest(brought.encode(), f"Bearer {token}".encode()):
            raise ServiceError(
                Code.UNAUTHORISED,
                "`Authorization` must be 'Bearer TOKEN' with the service's token, got "
                f"{'another' if brought else 'none'}; set the token that it was started with.",
            )

    def _model(self, name: str) -> ModelService:
        if name not in self._models:
            raise ServiceError(
                Code.UNKNOWN_MODEL,
                f"The model must be one of {', '.join(self._models)}, got {name[:80]!r}.",
            )
        return self._models[name]

    def _failed(
        self, error: ServiceError, *, close: bool = False, status: int | None = None
    ) -> Response:
        response = self._json(encode_error(self._instance, error), error.code.http_status)
        if status is not None:
            response.status_code = status
        if error.retry_after is not None:
            response.headers["retry-after"] = str(math.ceil(error.retry_after))
        if error.code is Code.UNAUTHORISED:
            response.headers["www-authenticate"] = "Bearer"
        if close:
            response.headers["connection"] = "close"
        return response

    def _json(self, body: bytes, status: int = 200) -> Response:
        return Response(
            body,
            status_code=status,
            media_type="application/json",
            headers={INSTANCE_HEADER: self._instance},
        )
