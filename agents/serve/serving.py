"""Opens reward models and answers for them until it is stopped."""

from __future__ import annotations

import logging
import os
import signal
from functools import partial
from pathlib import Path

import torch

from kibble.agents.devices import resolve_device
from kibble.agents.serve.config import ServeConfig
from kibble.agents.serve.models import named_models
from kibble.rewards.catalogue import open_model
from kibble.rewards.errors import KibbleError, ModelError
from kibble.rewards.reference import ModelReference
from kibble.rewards.service.application import create_application
from kibble.rewards.service.hosted_model import HostedModel
from kibble.rewards.service.server import Server, TlsFiles, open_listener
from kibble.rewards.service.settings import ServiceSettings
from kibble.rewards.service.wire import Limits
from kibble.rewards.types import RewardModel

__all__ = ["run_service"]

_LOGGER = logging.getLogger(__name__)
_MB = 2**20


def run_service(config: ServeConfig) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        ConfigError: If a setting is not usable.
        WeightsError: If no model could be opened.
    """
    device = resolve_device(config.device)
    references = named_models(config.model)
    token = os.environ.get(config.token_env) or None
    settings = _settings(config, token)
    tls = (
        TlsFiles(certificate=Path(config.certificate), key=Path(config.key))
        if config.certificate is not None and config.key is not None
        else None
    )
    if config.by_ray:
        from kibble.agents.serve.replicated import serve_replicas

        serve_replicas(config, references, settings, tls=tls)
        return
    threads = config.threads or max(1, (_cores() - 1) // len(references))
    loaded: list[HostedModel] = []

    def on_loaded(hosted: HostedModel) -> None:
        loaded.append(hosted)
        if hosted.error is None:
            _say(config, f"{hosted.name} is ready{f' on {hosted.device}' * bool(hosted.device)}.")
        if len(loaded) == len(references) and all(model.error for model in loaded):
            server.stop()

    application = create_application(
        {name: partial(_open, ref, device, threads) for name, ref in references.items()},
        settings,
        device=str(device) if config.device != "auto" else None,
        grace=config.grace,
        on_loaded=on_loaded,
    )
    with open_listener(config.host, config.port, token=token) as listener:
        server = Server(application, listener, tls=tls, grace=config.grace)
        _say(config, f"Listening at {server.url}, {'with' if token else 'without'} a token.")
        for name in references:
            _say(config, f"Clients: reward=remote reward.weights=remote@{server.url}/{name}")
        if token is not None and tls is None:
            _LOGGER.warning(
                "the token and all pictures travel unencrypted; give certificate= and key=, or "
                "keep the service within a trusted network"
            )
        _run(server)
    _raise_if_none_was_opened(loaded, len(references))
    _say(config, "Stopped; all requests were answered.")


def _run(server: Server) -> None:
    """Run, and take SIGTERM and SIGINT as a wish to stop rather than as an error."""
    before = signal.signal(signal.SIGTERM, lambda *_: None)  # uvicorn raises it again at its end
    try:
        server.run()
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)


def _raise_if_none_was_opened(loaded: list[HostedModel], expected: int) -> None:
    errors = [hosted.error for hosted in loaded if hosted.error is not None]
    if len(errors) < expected:
        return
    if isinstance(errors[0], KibbleError):
        raise errors[0]
    raise ModelError(
        "A model must open and read a frame to be served, none did: "
        + "; ".join(f"{hosted.name}: {hosted.reason}" for hosted in loaded)
    ) from errors[0]


def _open(reference: ModelReference, device: torch.device, threads: int) -> RewardModel:
    torch.set_num_threads(threads)  # holds for the thread that it is called in
    return open_model(reference, device=device)


def _cores() -> int:
    known = getattr(os, "sched_getaffinity", None)
    return len(known(0)) if known is not None else os.cpu_count() or 1


def _settings(config: ServeConfig, token: str | None) -> ServiceSettings:
    pixels = int(config.picture_megapixels * 1e6)
    return ServiceSettings(
        batch=config.batch,
        batch_wait=config.batch_wait,
        queue=config.queue,
        episodes=config.episodes,
        expiry=config.expiry,
        deadline=config.deadline,
        body_timeout=config.body_timeout,
        body_memory=config.memory_mb * _MB,
        cache=config.cache_mb * _MB,
        decoders=config.decoders,
        token=token,
        limits=Limits(
            body_bytes=config.body_mb * _MB,
            picture_pixels=pixels,
            request_pixels=max(pixels, Limits().request_pixels),
        ),
    )


def _say(config: ServeConfig, text: str) -> None:
    if not config.quiet:
        print(text, flush=True)
