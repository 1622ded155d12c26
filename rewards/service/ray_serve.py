"""The service under Ray Serve: N replicas of the same application, episodes staying with theirs.

A client names a session in the header ``X-Session-Id``, see :mod:`kibble.rewards.service.wire`;
Ray Serve's consistent hashing sends all its requests to one replica, which holds its episodes.
Where a replica dies, its sessions go to another, which does not know their episodes; the client
opens them again from their start frames, as after a restart.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from fastapi import FastAPI
from ray import serve
from ray.serve.config import RequestRouterConfig
from ray.serve.schema import LoggingConfig

from kibble.rewards.catalogue import open_model
from kibble.rewards.errors import ConfigError, ModelError
from kibble.rewards.service.application import create_application
from kibble.rewards.service.hosted_model import HostedModel, ModelState
from kibble.rewards.service.settings import ServiceSettings
from kibble.rewards.types import RewardModel

if TYPE_CHECKING:
    from ray.serve import Application

__all__ = ["ray_application"]

_ROUTER = "ray.serve.experimental.consistent_hash_router.ConsistentHashRouter"
_POLL = 0.1  # s
_AT_ONCE = 1024  # requests of one replica; the service bounds its own queues and says "busy"


class _Replica:
    """What Ray asks of a replica; requests go straight to the application."""

    app: FastAPI

    async def check_health(self) -> None:
        """Have Ray replace a replica whose model has broken."""
        broken = [m for m in self.app.state.hosted if m.state is ModelState.FAILED]
        if broken:
            raise ModelError(f"model {broken[0].name!r} fails: {broken[0].reason}")


def ray_application(
    models: Mapping[str, str],
    settings: ServiceSettings | None = None,
    *,
    replicas: int = 1,
    gpus: float = 0.0,
    threads: int = 1,
) -> Application:
    """Describe the service to Ray Serve; ``ray.serve.run`` runs it.

    A replica counts as started once every model has read a frame.

    Args:
        models: Name on the wire to the reference of a reward model; paths must hold on every node.
        settings: Sizes, times and limits of each replica.
        replicas: How many there are; each loads every model.
        gpus: GPUs that Ray keeps for each; 0.5 puts two on one.
        threads: Threads that torch uses for each model, and cores that Ray keeps for each replica.

    Raises:
        ConfigError: If a number is out of range.
    """
    if replicas < 1 or threads < 1 or gpus < 0.0:
        raise ConfigError(
            "`replicas` and `threads` must be at least 1, `gpus` 0 or more, got "
            f"{replicas}, {threads} and {gpus}."
        )

    def build() -> FastAPI:  # in each replica
        return _loaded_application(models, settings, gpu=gpus > 0.0, threads=threads)

    configure: Any = RequestRouterConfig  # its fields are typed for pydantic's own checker
    deployment: Any = serve.deployment(
        serve.ingress(build)(_Replica),
        name="rewards",
        num_replicas=replicas,
        max_ongoing_requests=_AT_ONCE,
        ray_actor_options={"num_cpus": threads, "num_gpus": gpus},
        request_router_config=configure(
            request_router_class=_ROUTER,
            request_router_kwargs={"num_fallback_replicas": 0},
        ),
        logging_config=LoggingConfig(enable_access_log=False),
    )
    return cast("Application", deployment.bind())


def _loaded_application(
    models: Mapping[str, str], settings: ServiceSettings | None, *, gpu: bool, threads: int
) -> FastAPI:
    """Build the application such that its start ends when all models are ready."""
    loaded: list[HostedModel] = []
    application = create_application(
        {
            name: partial(_open, reference, gpu=gpu, threads=threads)
            for name, reference in models.items()
        },
        settings,
        device="cuda" if gpu else None,
        on_loaded=loaded.append,
    )
    application.state.hosted = loaded
    lifespan = application.router.lifespan_context

    @contextlib.asynccontextmanager
    async def waiting(app: FastAPI) -> AsyncIterator[None]:
        async with lifespan(app):
            while len(loaded) < len(models):
                await asyncio.sleep(_POLL)
            for hosted in loaded:
                if hosted.error is not None:
                    raise ModelError(f"model {hosted.name!r}: {hosted.reason}")
            yield

    application.router.lifespan_context = waiting
    return application


def _open(reference: str, *, gpu: bool, threads: int) -> RewardModel:
    import torch  # the process that only describes replicas does without

    torch.set_num_threads(threads)
    return open_model(reference, device=torch.device("cuda" if gpu else "cpu"))
