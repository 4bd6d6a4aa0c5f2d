"""Counts and times of requests for Prometheus, in a registry of the app's own."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class Metrics:
    """What `/metrics` shows."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self._requests = Counter(
            "minima_http_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "minima_http_request_seconds", "Time to answer.", ("route",), buckets=BUCKETS, registry=self.registry
        )
        self._refusals = Counter(
            "minima_http_problems", "Requests refused, by kind of error.", ("route", "code"), registry=self.registry
        )
        self.in_progress = Gauge("minima_http_requests_in_progress", "Requests being answered.", registry=self.registry)

    def observe(self, method: str, route: str, status: int, seconds: float, code: str | None = None) -> None:
        """Count one answered request; ``code`` is that of a problem document."""
        if code is not None:
            self._refusals.labels(route, code).inc()
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def exposition(self) -> bytes:
        """All metrics in the text format of Prometheus."""
        return generate_latest(self.registry)
