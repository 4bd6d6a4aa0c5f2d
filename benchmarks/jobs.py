"""Jobs: how soon they start, how many chunks a second are made durable, what a second worker and idleness cost.

The targets are absolute, so the reference of most rows is the target itself; the second worker is compared with one.
"""

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil  # type: ignore[import-untyped]  # ships no annotations

from benchmarks.comparison import Comparison
from service.jobs.config import JobsConfig
from service.jobs.service import JobService
from service.jobs.values import Job, JobState, Submission
from tests.support.job_operations import PLACE

TENANT = "anonymous"
SUBMISSIONS = 40
CHUNKS = 1000
BUSY_CHUNKS = 24
IDLE_S = 10.0


@contextmanager
def running(workers: int) -> Iterator[JobService]:
    """A service with a warm pool on a store of its own."""
    with tempfile.TemporaryDirectory() as folder:
        service = JobService(JobsConfig(f"sqlite:///{folder}/jobs.db", workers=workers, table=PLACE))
        service.start()
        ended(service, "count", chunks=8)
        try:
            yield service
        finally:
            service.stop()


def ended(service: JobService, operation: str, **request: object) -> Job:
    """Run a job to its end."""
    job, _ = service.submit(Submission(operation, request))
    job = service.wait(job.id, TENANT, 120.0)
    assert job.state is JobState.SUCCESSFUL, job
    return job


def seconds(job: Job) -> float:
    """Time from the first claim to the end."""
    assert job.started_at is not None
    assert job.finished_at is not None
    return job.finished_at - job.started_at


def processor_s() -> float:
    """Processor time of this process and all below it."""
    me = psutil.Process()
    return float(sum(sum(process.cpu_times()[:2]) for process in [me, *me.children(recursive=True)]))


def compare() -> list[Comparison]:
    """Measure one pool of two workers, then one of a single worker."""
    acknowledged, started = [], []
    with running(2) as service:
        for seed in range(SUBMISSIONS):
            began = time.perf_counter()
            job, _ = service.submit(Submission("count", {"chunks": 1, "seed": seed}))
            acknowledged.append(time.perf_counter() - began)
            job = ended(service, "count", chunks=1, seed=seed)
            assert job.started_at is not None
            started.append(job.started_at - job.created_at)
        rate = CHUNKS / seconds(ended(service, "count", chunks=CHUNKS, seed=SUBMISSIONS))
        before = processor_s()
        time.sleep(IDLE_S)
        idle = (processor_s() - before) / IDLE_S
        two = seconds(ended(service, "busy", chunks=BUSY_CHUNKS, seconds=0.25))
    with running(1) as service:
        one = seconds(ended(service, "busy", chunks=BUSY_CHUNKS, seconds=0.25))
    work = f"{BUSY_CHUNKS} chunks of 0.25 s"
    return [
        Comparison("submission acknowledged, median", statistics.median(acknowledged), "target", 0.02, "s", 1.0, False),
        Comparison("job started, median", statistics.median(started), "target", 0.15, "s", 1.0, False),
        Comparison("durable chunks, two workers", rate, "target", 100.0, "1/s", 1.0, True),
        Comparison("idle service", idle, "target", 0.1, "cores", 1.0, False),
        Comparison(f"{work}, two workers", work_rate(two), "one worker", work_rate(one), "1/s", 1.8, True),
    ]


def work_rate(taken_s: float) -> float:
    """Chunks a second."""
    return BUSY_CHUNKS / taken_s
