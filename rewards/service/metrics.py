"""Figures of a service for Prometheus; each is defined in ``docs/metrics.md``."""

from __future__ import annotations

from typing import final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

__all__ = ["ModelMetrics", "ServiceMetrics"]

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_FRAMES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


@final
class ServiceMetrics:
    """All figures of one service, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._answered: dict[tuple[str, str, str], tuple[Counter, Histogram]] = {}
        only = self.registry
        self.requests = Counter(
            "kibble_requests", "Requests answered.", ["model", "route", "code"], registry=only
        )
        self.request_seconds = Histogram(
            "kibble_request_seconds",
            "From a request's arrival to its answer.",
            ["model", "route"],
            buckets=_SECONDS,
            registry=only,
        )
        self.frames = Counter(
            "kibble_frames", "Frames answered.", ["model", "outcome"], registry=only
        )
        self.cached = Counter(
            "kibble_cached_answers", "Answers that needed no model.", ["model"], registry=only
        )
        self.cache_bytes = Gauge(
            "kibble_cache_bytes", "Bytes of answers and states kept.", ["model"], registry=only
        )
        self.batch_frames = Histogram(
            "kibble_batch_frames",
            "Frames in one call of the model.",
            ["model"],
            buckets=_FRAMES,
            registry=only,
        )
        self.wait_seconds = Histogram(
            "kibble_wait_seconds",
            "From a frame's arrival to the call of the model.",
            ["model"],
            buckets=_SECONDS,
            registry=only,
        )
        self.model_seconds = Histogram(
            "kibble_model_seconds",
            "One call of the model.",
            ["model", "call"],
            buckets=_SECONDS,
            registry=only,
        )
        self.waiting = Gauge(
            "kibble_waiting_frames", "Frames that wait for the model.", ["model"], registry=only
        )
        self.episodes = Gauge(
            "kibble_open_episodes", "Episodes that are open.", ["model"], registry=only
        )
        self.expired = Counter(
            "kibble_expired_episodes", "Episodes closed as stale.", ["model"], registry=only
        )
        self.ready = Gauge(
            "kibble_model_ready", "1 once a forward pass has worked.", ["model"], registry=only
        )

    def count_request(self, model: str, route: str, code: str, seconds: float) -> None:
        """Count one answered request."""
        key = (model, route, code)
        children = self._answered.get(key)
        if children is None:  # looking them up is dear
            children = self.requests.labels(*key), self.request_seconds.labels(model, route)
            self._answered[key] = children
        children[0].inc()
        children[1].observe(seconds)

    def text(self) -> bytes:
        """Return all figures in Prometheus' text format."""
        return generate_latest(self.registry)


@final
class ModelMetrics:
    """Those of one model."""

    def __init__(self, metrics: ServiceMetrics, model: str) -> None:
        self._metrics = metrics
        self._model = model
        self._outcomes: dict[str, Counter] = {}
        self.cached = metrics.cached.labels(model)
        self.cache_bytes = metrics.cache_bytes.labels(model)
        self.batch_frames = metrics.batch_frames.labels(model)
        self.wait_seconds = metrics.wait_seconds.labels(model)
        self.begin_seconds = metrics.model_seconds.labels(model, "begin")
        self.estimate_seconds = metrics.model_seconds.labels(model, "estimate")
        self.waiting = metrics.waiting.labels(model)
        self.episodes = metrics.episodes.labels(model)
        self.expired = metrics.expired.labels(model)
        self.ready = metrics.ready.labels(model)

    def count_frame(self, outcome: str) -> None:
        """Count one answered frame by its status or code."""
        child = self._outcomes.get(outcome)
        if child is None:  # looking one up is dear
            child = self._outcomes[outcome] = self._metrics.frames.labels(self._model, outcome)
        child.inc()
