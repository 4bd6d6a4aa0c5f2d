"""How a request is answered by a job: wait as long as the caller likes, then show the result or the job."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from service.jobs.service import JobService
from service.jobs.values import Job, JobState
from service.web.addresses import address
from service.web.answering.job_views import job_status, result_response
from service.web.observation.answers import AnswerMetrics
from service.web.observation.job_metrics import job_metrics_of
from service.web.preferences import preference, tenant_of
from service.web.responses import json_response

P = ParamSpec("P")
T = TypeVar("T")


def jobs_of(request: Request) -> JobService:
    """The jobs floor of the app that serves ``request``."""
    service: JobService = request.app.state.jobs
    return service


async def stored(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Ask the store in a thread, because it may wait for a disk."""
    return await asyncio.to_thread(call, *args, **kwargs)


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A job that holds a question, whether asking has begun an attempt, and whether the job had ended already."""

    job_id: str
    begun: bool
    ended: bool

    def counted(self, metrics: AnswerMetrics, operation: str, _seconds: float) -> None:
        """Leave the time to the job."""
        metrics.stored(operation, begun=self.begun, known=self.ended)

    async def sent(self, request: Request) -> Response:
        """The job, or its result if that is there in time."""
        if self.begun:
            job_metrics_of(request).accepted()
        return await answer_with_job(request, self.job_id)


async def answer_with_job(request: Request, job_id: str) -> Response:
    """202 for a job that was stored, or 200 with its result if that is there in time."""
    service, tenant = jobs_of(request), tenant_of(request)
    asked = preference(request)
    stopping: asyncio.Event = request.app.state.stopping
    job = await _wait(service, job_id, tenant, asked.wait_s or 0.0, stopping)
    answer = await _answer(request, service, job, tenant)
    answer.headers["Location"] = address(f"/v1/jobs/{job.id}")
    if asked.wants_job:
        answer.headers["Preference-Applied"] = asked.applied
    return answer


async def _answer(request: Request, service: JobService, job: Job, tenant: str) -> Response:
    if job.state is JobState.SUCCESSFUL:
        return await stored(result_response, request, *await stored(service.store.result, job.id, tenant))
    status = json_response(job_status(job))
    status.status_code = 200 if job.ended else 202
    return status


async def _wait(service: JobService, job_id: str, tenant: str, seconds: float, stopping: asyncio.Event) -> Job:
    """The job once it has ended, or as it is when the time is over or the server stops."""
    deadline = time.monotonic() + seconds
    pause = 0.01
    while True:
        job = await stored(service.store.get, job_id, tenant)
        left = deadline - time.monotonic()
        if job.ended or left <= 0 or stopping.is_set():
            return job
        await asyncio.sleep(min(pause, left))
        pause = min(0.2, 1.5 * pause)
