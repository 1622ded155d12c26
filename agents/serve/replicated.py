"""``kibble serve replicas=4``: the same service in several processes, on one machine or many."""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
from collections.abc import Iterable, Iterator, Mapping

from kibble.agents.ray_session import ray_session
from kibble.agents.serve.config import ServeConfig
from kibble.rewards.errors import ModelError
from kibble.rewards.reference import ModelReference
from kibble.rewards.service.server import TlsFiles, open_listener
from kibble.rewards.service.settings import ServiceSettings

__all__ = ["serve_replicas"]

_NAME = "rewards"


def serve_replicas(
    config: ServeConfig,
    references: Mapping[str, ModelReference],
    settings: ServiceSettings,
    *,
    tls: TlsFiles | None,
) -> None:
    """Serve by Ray until SIGINT or SIGTERM.

    Args:
        config: What ``kibble serve`` was asked for.
        references: Name on the wire to what is served under it.
        settings: Of each replica.
        tls: Files for https, or ``None`` for http; on a cluster they lie on every node.

    Raises:
        ConfigError: If the address is taken, or needs a token.
        ModelError: If no replica could open its models.
    """
    with open_listener(config.host, config.port, token=settings.token) as listener:
        port = listener.getsockname()[1]  # Ray opens it anew: its proxies are other processes
    with ray_session(config.ray):
        _serve(config, references, settings, tls=tls, port=port)


@contextlib.contextmanager
def _signals() -> Iterator[threading.Event]:
    """Take SIGINT and SIGTERM as a wish to stop; Ray has set handlers of its own before."""
    stop = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stop.set())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _serve(
    config: ServeConfig,
    references: Mapping[str, ModelReference],
    settings: ServiceSettings,
    *,
    tls: TlsFiles | None,
    port: int,
) -> None:
    from ray import serve

    from kibble.rewards.service.ray_serve import ray_application

    http: dict[str, object] = {"host": config.host, "port": port}
    if tls is not None:
        http |= {"ssl_certfile": str(tls.certificate), "ssl_keyfile": str(tls.key)}
    logging.getLogger("ray.serve").setLevel(logging.ERROR)
    application = ray_application(
        {name: str(reference) for name, reference in references.items()},
        settings,
        replicas=config.replicas,
        gpus=config.gpus,
        threads=max(1, config.threads),
    )
    serve.start(
        proxy_location="HeadOnly" if config.ray is None else "EveryNode", http_options=http
    )
    try:
        with _signals() as stop:
            try:
                serve.run(application, name=_NAME, route_prefix="/")
            except RuntimeError as error:
                raise ModelError(
                    "Replicas must open their models and read a frame, but they do not: "
                    f"{error} Try the same without replicas= to see why."
                ) from error
            _say_where(config, references, f"http{'s' if tls else ''}://{config.host}:{port}")
            stop.wait()
    finally:
        if config.ray is None:
            serve.shutdown()  # type: ignore[no-untyped-call]
        else:
            serve.delete(_NAME)
    if not config.quiet:
        print("Stopped.", flush=True)


def _say_where(config: ServeConfig, names: Iterable[str], url: str) -> None:
    if config.quiet:
        return
    print(f"{config.replicas} replicas are ready at {url}.", flush=True)
    for name in names:
        address = f"remote@{url}/{name}?sessions={2 * config.replicas}"
        print(f"Clients: reward=remote 'reward.weights={address}'", flush=True)
