"""Jobs for Prometheus: what this server has done since it started, and what the common store holds now."""

from collections.abc import Iterator
from typing import Final

from prometheus_client import Counter
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request

from service.errors import EngineError
from service.jobs.driver.driver import CHUNKS
from service.jobs.service import JobService
from service.jobs.values import ACTIVE, JobState
from service.web.observation.metrics import Metrics

ENDS: Final = tuple(state for state in JobState if state not in ACTIVE)


class JobMetrics(Collector):
    """Counts of requests that began or withdrew jobs, and a view of driver and store at the time of asking."""

    def __init__(self, metrics: Metrics, service: JobService) -> None:
        self._service = service
        self._metrics = metrics
        self._accepted = Counter(
            "minima_jobs_accepted", "Attempts at jobs begun by requests to this server.", registry=metrics.registry
        )
        self._withdrawn = Counter(
            "minima_jobs_withdrawn",
            "Jobs dismissed before any driver had them; among the ended ones, too.",
            registry=metrics.registry,
        )
        metrics.registry.register(self)

    def accepted(self) -> None:
        """Count a request that began an attempt."""
        self._accepted.inc()

    def withdrawn(self) -> None:
        """Count a job that was dismissed before any driver had it."""
        self._withdrawn.inc()

    def collect(self) -> Iterator[Metric]:
        """Ask the driver's tally and the store; what the store alone knows is left out while it is away."""
        tally = dict(self._service.tally())
        withdrawn = int(self._metrics.total("minima_jobs_withdrawn_total"))
        tally[JobState.DISMISSED] = tally.get(JobState.DISMISSED, 0) + withdrawn
        ended = CounterMetricFamily("minima_jobs_ended", "Jobs ended by this server, by state.", labels=["state"])
        for state in ENDS:
            ended.add_metric([state], tally.get(state, 0))
        yield ended
        yield CounterMetricFamily(
            "minima_job_chunks_stored", "Chunks stored by this server's driver.", value=tally.get(CHUNKS, 0)
        )
        yield from self._of_the_pool()
        yield from self._of_the_store()

    def _of_the_pool(self) -> Iterator[Metric]:
        pool = self._service.pool()
        for name, what, value in (
            ("wanted", "Workers that there should be, where that is known.", pool.wanted),
            ("alive", "Workers that can compute, as this server's driver sees them.", pool.alive),
            ("busy", "Workers that compute now.", pool.busy),
        ):
            if value is not None:
                yield GaugeMetricFamily(f"minima_workers_{name}", what, value=value)

    def _of_the_store(self) -> Iterator[Metric]:
        up = "Whether the store of jobs answers."
        try:
            active, oldest_s = self._service.store.active(), self._service.store.oldest_waiting_s()
        except EngineError:
            yield GaugeMetricFamily("minima_job_store_up", up, value=0)
            return
        yield GaugeMetricFamily("minima_job_store_up", up, value=1)
        waiting, running = active[JobState.ACCEPTED], active[JobState.RUNNING]
        yield GaugeMetricFamily("minima_jobs_waiting", "Jobs in the store that no driver has.", value=waiting)
        yield GaugeMetricFamily("minima_jobs_running", "Jobs in the store that run.", value=running)
        yield GaugeMetricFamily(
            "minima_jobs_oldest_waiting_seconds", "Time that the oldest waiting job has waited.", value=oldest_s
        )


def job_metrics_of(request: Request) -> JobMetrics:
    """The counts of the app that serves ``request``."""
    metrics: JobMetrics = request.app.state.runtime.job_metrics
    return metrics
