"""`/v1/jobs`: what has been asked for, how far it is, what came out."""

from typing import Annotated, Final, TypeAlias

from fastapi import APIRouter, Header, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from service.jobs.codec import decode
from service.jobs.values import JobState
from service.operations.plans.columns import plain
from service.schemas.jobs import JobList, JobStatus, PartialChunk, PartialResults
from service.web import documentation, openapi_jobs
from service.web.answering.event_streams import HEADERS, EventStream
from service.web.answering.job_views import job_status, result_response
from service.web.answering.jobs import jobs_of, stored
from service.web.cursors import Cursor, Limit, cursor_of, link_next, position_of
from service.web.documentation import COMMON_ERRORS
from service.web.head import is_head
from service.web.known_parameters import StrictRoute
from service.web.openapi_headers import headers, parameter
from service.web.openapi_links import TO_A_JOB
from service.web.preferences import tenant_of
from service.web.responses import json_response
from service.web.runtime import runtime_of

JobId: TypeAlias = Annotated[str, Path(description="Id of the job, as its acceptance and `/v1/jobs` give it.")]
router = APIRouter(prefix="/v1/jobs", tags=["jobs"], route_class=StrictRoute)

JOB_ERRORS: Final = ("not-found", "invalid-input", "engine-unavailable", *COMMON_ERRORS)
EVENTS: Final = "text/event-stream"
MAX_ID: Final = 2**31 - 1
"""The store counts events and chunks in 32 bits."""
LastEvent: TypeAlias = Annotated[
    int, Header(alias="Last-Event-ID", ge=0, le=MAX_ID, description="Id of the last event that was seen.")
]


@router.get(
    "",
    operation_id="list_jobs",
    summary="Jobs, newest first",
    responses={
        **documentation.page(JobList, "One page.", "NextJobs"),
        **documentation.errors("invalid-input", "engine-unavailable", *COMMON_ERRORS),
    },
    response_class=Response,
)
async def get_jobs(
    request: Request,
    limit: Limit = 50,
    cursor: Cursor = None,
    state: Annotated[JobState | None, Query(description="Only jobs in this state.")] = None,
) -> Response:
    """List the caller's jobs page by page."""
    store = jobs_of(request).store
    found = await stored(store.list, tenant_of(request), before=position_of(cursor), limit=limit + 1, state=state)
    page, more = found[:limit], len(found) > limit
    following = cursor_of(page[-1].created_at, page[-1].id) if more else None
    reasons = {} if more else {"next": "this is the last page"}
    answer = json_response(JobList(jobs=[job_status(job) for job in page], next=following, reasons=reasons))
    return link_next(request, answer, following)


@router.get(
    "/{job_id}",
    operation_id="get_job",
    summary="State and progress of a job",
    responses={
        200: {**documentation.answer(JobStatus, "The job.", *TO_A_JOB)[200], "headers": headers("Retry-After")},
        **documentation.errors(*JOB_ERRORS),
    },
    response_class=Response,
)
async def get_job(request: Request, job_id: JobId) -> Response:
    """Tell how far a job is."""
    job = await stored(jobs_of(request).store.get, job_id, tenant_of(request))
    answer = json_response(job_status(job))
    if not job.ended:
        answer.headers["Retry-After"] = "1"
    return answer


@router.get(
    "/{job_id}/results",
    operation_id="get_job_results",
    summary="Result of a job, or what it has so far",
    openapi_extra={"parameters": [parameter("If-None-Match")]},
    responses={
        **openapi_jobs.results(),
        **documentation.errors("job-not-ready", "job-expired", "extra-missing", *JOB_ERRORS),
    },
    response_class=Response,
)
async def get_results(
    request: Request,
    job_id: JobId,
    partial: Annotated[bool, Query(description="Read the chunks that are stored so far.")] = False,
    after: Annotated[int, Query(ge=-1, le=MAX_ID, description="Of `partial`: only chunks behind this one.")] = -1,
    limit: Annotated[int, Query(ge=1, le=1000, description="Of `partial`: chunks at most.")] = 100,
) -> Response:
    """Return the result of a successful job; `partial` reads the chunks of one that still runs."""
    store, tenant = jobs_of(request).store, tenant_of(request)
    if not partial:
        return await stored(result_response, request, *await stored(store.result, job_id, tenant))
    job, steps = await stored(store.partial, job_id, tenant, after, limit)
    following = steps[-1].index if len(steps) == limit else None
    reasons = {} if following is not None else {"next": "no more chunks are stored at present"}
    reasons |= {} if job.chunks_total is not None else {"chunks_total": "not known yet"}
    chunks = [PartialChunk(index=step.index, value=plain(decode(step.payload))) for step in steps]
    return json_response(
        PartialResults(
            state=job.state.value,
            chunks_done=job.chunks_done,
            chunks_total=job.chunks_total,
            chunks=chunks,
            next=following,
            reasons=reasons,
        )
    )


@router.delete(
    "/{job_id}",
    operation_id="delete_job",
    summary="Stop a job, or forget an ended one",
    responses={
        **documentation.answer(JobStatus, "The job is dismissed, or goes on for another subscriber."),
        202: {
            **documentation.answer(JobStatus, "")[200],
            "description": "It is being stopped; the state becomes `dismissed` when its process is gone.",
        },
        204: {"description": "The ended job was removed with request, chunks, results and events."},
        **documentation.errors(*JOB_ERRORS),
    },
    response_class=Response,
)
async def delete_job(request: Request, job_id: JobId) -> Response:
    """Withdraw from a job: an active one stops with its last subscriber, an ended one is removed.

    Without API keys everybody is the same subscriber, so that this stops the job for all.
    """
    tenant = tenant_of(request)
    job = await stored(jobs_of(request).store.dismiss, job_id, tenant, tenant)
    if job is None:
        return Response(status_code=204)
    if job.ended:
        # Nobody drove it, so no driver counts its end.
        runtime_of(request).job_metrics.withdrawn()
    answer = json_response(job_status(job))
    answer.status_code = 202 if job.cancel_requested and not job.ended else 200
    return answer


@router.get(
    "/{job_id}/events",
    operation_id="get_job_events",
    summary="Events of a job as they happen",
    responses={
        200: {
            "description": "Server-sent events `state`, `progress`, ..., each with an id and a JSON object.",
            "content": {EVENTS: {"schema": {"type": "string"}}},
        },
        **documentation.errors(*JOB_ERRORS),
    },
    response_class=Response,
)
async def get_events(request: Request, job_id: JobId, last_event_id: LastEvent = 0) -> Response:
    """Stream what happens to a job until it has ended; `Last-Event-ID` resumes on any replica."""
    # errors must be answered before the stream begins
    tenant = tenant_of(request)
    await stored(jobs_of(request).store.get, job_id, tenant)
    if is_head(request):
        return Response(headers=HEADERS, media_type=EVENTS)
    return EventStream(runtime_of(request).streams, job_id, tenant, last_event_id)
