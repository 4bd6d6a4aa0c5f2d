"""Counts and times of requests for Prometheus, of one process or of all that serve together.

Where processes serve together, each writes its numbers into a file of a common folder, and the one that is asked
adds them up.
"""

import os
from collections.abc import Iterable
from functools import cache, partial
from pathlib import Path
from typing import Final

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
from prometheus_client.core import Metric
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Which the library reads when it is imported."""
LEAST: Final = ("process_start_time_seconds", "process_max_fds")
"""Numbers of processes of which the least counts; the others add up."""


class Metrics:
    """What `/metrics` shows."""

    def __init__(self) -> None:
        folder = os.environ.get(FOLDER_VARIABLE)
        self._together: Final = AddedUp(Path(folder)) if folder else None
        self.registry: Final = CollectorRegistry() if self._together is None else SharedRegistry()
        PlatformCollector(registry=self.registry)
        if self._together is None:
            ProcessCollector(registry=self.registry)
            GCCollector(registry=self.registry)
        else:
            self.registry.register(self._together)
            self.registry.register(Processes(self._together))
        self._requests = cache(
            Counter(
                "minima_http_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry
            ).labels
        )
        self._seconds = cache(
            Histogram(
                "minima_http_request_seconds", "Time to answer.", ("route",), buckets=BUCKETS, registry=self.registry
            ).labels
        )
        self._refusals = Counter(
            "minima_http_problems", "Requests refused, by kind of error.", ("route", "code"), registry=self.registry
        )
        self.refused = Counter(
            "minima_http_refused", "Requests and connections refused unread.", ("reason",), registry=self.registry
        )
        self.in_progress = Gauge(
            "minima_http_requests_in_progress",
            "Requests being answered.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )

    def observe(self, method: str, route: str, status: int, seconds: float, code: str | None = None) -> None:
        """Count one answered request; ``code`` is that of its problem details."""
        if code is not None:
            self._refusals.labels(route, code).inc()
        self._requests(method, route, str(status)).inc()
        self._seconds(route).observe(seconds)

    def total(self, name: str) -> float:
        """A count of all processes by the name of its samples."""
        registry = self.registry.restricted_registry([name])
        families = registry.collect() if self._together is None else self._together.collect()
        return sum(sample.value for family in families for sample in family.samples if sample.name == name)

    def exposition(self) -> bytes:
        """All metrics in the text format of Prometheus."""
        return generate_latest(self.registry)


class SharedRegistry(CollectorRegistry):
    """A registry that leaves out this process's own counters, because the common folder has them."""

    def register(self, collector: Collector) -> None:
        """Register what computes its numbers when it is asked."""
        if not isinstance(collector, MetricWrapperBase):
            super().register(collector)


class AddedUp(Collector):
    """The numbers in the files of a folder, those of processes that have ended included."""

    def __init__(self, folder: Path) -> None:
        self._folder: Final = folder

    def alive(self) -> list[int]:
        """The processes that write there; forgets what those that have ended were doing."""
        found = {int(file.stem.rpartition("_")[2]) for file in self._folder.glob("*.db")}
        ended = {pid for pid in found if not Path(f"/proc/{pid}").exists()}
        for pid in ended:
            mark_process_dead(pid, str(self._folder))  # type: ignore[no-untyped-call]  # the library leaves it unannotated
        return sorted(found - ended)

    def collect(self) -> Iterable[Metric]:
        """Add up."""
        self.alive()
        untyped = MultiProcessCollector(None, str(self._folder))  # type: ignore[no-untyped-call]  # as above
        found: Iterable[Metric] = untyped.collect()  # type: ignore[no-untyped-call]  # as above
        return found


class Processes(Collector):
    """Memory, processor time and open files of all HTTP processes together."""

    def __init__(self, together: AddedUp) -> None:
        self._together: Final = together

    def collect(self) -> Iterable[Metric]:
        """Ask the system about each process."""
        found: dict[str, Metric] = {}
        for pid in self._together.alive():
            for family in ProcessCollector(pid=partial(int, pid), registry=None).collect():
                if family.name not in found:
                    found[family.name] = family
                else:
                    _add(found[family.name], family)
        return found.values()


def _add(to: Metric, more: Metric) -> None:
    (one,), (other,) = to.samples, more.samples
    value = min(one.value, other.value) if one.name in LEAST else one.value + other.value
    to.samples = [Sample(one.name, one.labels, value)]
