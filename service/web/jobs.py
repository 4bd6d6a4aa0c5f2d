"""Jobs over HTTP: what callers prefer, how a job is shown, and how a question is answered by one."""

import asyncio
import hashlib
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final, ParamSpec, TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import Response

from service.errors import LimitExceeded
from service.jobs.codec import NPZ, decode, encode, plain
from service.jobs.heavy.requests import check_job_time
from service.jobs.inline import StoppedError, run_inline
from service.jobs.plans import Operation
from service.jobs.service import JobService
from service.jobs.values import Job, JobState, Json, Payload, Submission
from service.schemas.jobs import JobFailure, JobStatus
from service.web.responses import json_response
from service.web.runtime import runtime_of

P = ParamSpec("P")
T = TypeVar("T")

JSON: Final = "application/json"
MAX_WAIT_S: Final = 60.0
LARGE_BYTES: Final = 4_000_000
ANONYMOUS: Final = "anonymous"
PREFERRED: Final = "the caller prefers a job"


@dataclass(frozen=True, slots=True)
class Preference:
    """What the header ``Prefer`` of RFC 7240 asks for; preferences that are not understood are ignored."""

    respond_async: bool = False
    wait_s: float | None = None

    @property
    def wants_job(self) -> bool:
        """Whether the caller asks for a job where an inline answer would do."""
        return self.respond_async or self.wait_s is not None

    @property
    def applied(self) -> str:
        """Value of ``Preference-Applied``."""
        parts = ["respond-async"] if self.respond_async else []
        parts += [f"wait={self.wait_s:g}"] if self.wait_s is not None else []
        return ", ".join(parts)


def preference(request: Request) -> Preference:
    """Read every ``Prefer`` header of a request."""
    tokens = [token.strip().lower() for line in request.headers.getlist("prefer") for token in line.split(",")]
    names = {token.partition(";")[0].strip() for token in tokens}
    waits = [name.partition("=")[2].strip().strip('"') for name in names if name.startswith("wait")]
    wait_s = next((float(text) for text in waits if text.isdecimal()), None)
    return Preference("respond-async" in names, None if wait_s is None else min(wait_s, MAX_WAIT_S))


def tenant_of(request: Request) -> str:
    """Whose jobs a request may see: a tenant for each API key, one for all where no keys are asked for."""
    if not request.app.state.runtime.settings.api_keys:
        return ANONYMOUS
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    key = token if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")
    return tenant_of_key(key)


def tenant_of_key(key: str | None) -> str:
    """Name of the tenant of an API key, from which the key cannot be had back."""
    return ANONYMOUS if key is None else hashlib.sha256(key.strip().encode()).hexdigest()[:32]


def jobs_of(request: Request) -> JobService:
    """The jobs floor of the app that serves ``request``."""
    service: JobService = request.app.state.jobs
    return service


async def stored(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Ask the store in a thread, because it may wait for a disk."""
    return await asyncio.to_thread(call, *args, **kwargs)


async def answer_as_job(
    request: Request, operation: str, question: dict[str, Json], *, cost_s: float, reason: str, time_limit_s: float
) -> Response:
    """Store a question and answer 202, or 200 with the result if it is there in time.

    Raises
    ------
    QueueFull
        If too many jobs wait.
    EngineError
        If the store is away; nothing was accepted then.
    """
    service, tenant = jobs_of(request), tenant_of(request)
    submission = Submission(
        operation,
        question,
        tenant=tenant,
        subscriber=tenant,
        time_limit_s=time_limit_s,
        cost_estimate_s=cost_s,
        reason=reason,
    )
    asked = preference(request)
    job, _ = await stored(service.submit, submission)
    if asked.wait_s:
        job = await _wait(service, job, tenant, asked.wait_s)
    answer = await _answer(request, service, job, tenant)
    answer.headers["Location"] = f"/v1/jobs/{job.id}"
    if asked.wants_job:
        answer.headers["Preference-Applied"] = asked.applied
    return answer


async def answer_heavy(
    request: Request, operation: str, question: dict[str, Json], *, time_limit_s: float | None = None
) -> Response:
    """Answer a heavy operation: inline if its estimated cost is within the budget and no job is asked for.

    Either way the answer says which and why: the field ``execution`` inline, ``run_as`` and ``run_as_reason`` of a job.

    Raises
    ------
    LimitExceeded
        If the plan is larger than the server accepts, or the time limit longer; nothing has started then.
    """
    service, runtime = jobs_of(request), runtime_of(request)
    settings = runtime.settings
    job_limit_s = check_job_time(time_limit_s, settings.max_job_seconds)
    cost_s = (await runtime.compute.run(math.inf, None, service.plan, operation, question)).cost_s
    budget_s = settings.inline_budget_s
    if cost_s > budget_s:
        reason = f"an estimated {cost_s:.3g} s exceed the inline budget of {budget_s:g} s"
        return await answer_as_job(request, operation, question, cost_s=cost_s, reason=reason, time_limit_s=job_limit_s)
    if preference(request).wants_job:
        return await answer_as_job(
            request, operation, question, cost_s=cost_s, reason=PREFERRED, time_limit_s=job_limit_s
        )
    reason = f"an estimated {cost_s:.3g} s are within the inline budget of {budget_s:g} s"
    inline_limit_s = min(job_limit_s, settings.max_seconds)
    render = partial(_render_inline, service.table[operation], question, inline_limit_s, reason, _wants_npz(request))
    body, media_type = await runtime.compute.run(math.inf, inline_limit_s, render)
    return Response(body, media_type=media_type, headers={"Vary": "Accept"})


def _render_inline(
    operation: Operation, question: Mapping[str, Json], limit_s: float, reason: str, wants_npz: bool
) -> tuple[bytes, str]:
    """Compute and write an answer; an estimate is no promise, so what takes too long stops between two chunks."""
    deadline = time.monotonic() + limit_s
    try:
        payload = run_inline(operation, question, lambda: time.monotonic() > deadline)
    except StoppedError:
        raise LimitExceeded(("time_limit_s",), "max_seconds", limit_s, "seconds") from None
    answer = {**decode(payload), "execution": {"run_as": "inline", "reason": reason}}
    if payload.media_type == NPZ and (wants_npz or len(payload.body) > LARGE_BYTES):
        return encode(answer).body, NPZ
    return orjson.dumps(plain(answer)), JSON


async def _answer(request: Request, service: JobService, job: Job, tenant: str) -> Response:
    if job.state is JobState.SUCCESSFUL:
        return await stored(result_response, request, *await stored(service.store.result, job.id, tenant))
    status = json_response(job_status(job))
    status.status_code = 200 if job.ended else 202
    return status


async def _wait(service: JobService, job: Job, tenant: str, seconds: float) -> Job:
    deadline = time.monotonic() + seconds
    pause = 0.01
    while not job.ended and time.monotonic() < deadline:
        await asyncio.sleep(min(pause, max(0.0, deadline - time.monotonic())))
        pause = min(0.2, 1.5 * pause)
        job = await stored(service.store.get, job.id, tenant)
    return job


def result_response(request: Request, job: Job, payload: Payload) -> Response:
    """A result with its hash as ``ETag``: JSON, or ``.npz`` where it is large or asked for; 304 if unchanged."""
    binary = payload.media_type == NPZ and (len(payload.body) > LARGE_BYTES or _wants_npz(request))
    # The two forms are two representations, and have two tags.
    tag = f'"{job.result_hash}{".npz" if binary else ""}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Accept", "Content-Location": _result(job)}
    known = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    if tag in known and request.method == "GET":
        return Response(status_code=304, headers=headers)
    if binary:
        return Response(payload.body, headers=headers, media_type=NPZ)
    body = payload.body if payload.media_type == JSON else orjson.dumps(plain(decode(payload)))
    return Response(body, headers=headers, media_type=JSON)


def _wants_npz(request: Request) -> bool:
    return NPZ in request.headers.get("accept", "")


def _result(job: Job) -> str:
    return f"/v1/jobs/{job.id}/results"


def job_status(job: Job) -> JobStatus:
    """A job as callers see it; every number that is missing has its reason."""
    total = job.chunks_total
    progress = 1.0 if job.state is JobState.SUCCESSFUL else job.chunks_done / total if total else None
    started, finished, expires = _iso(job.started_at), _iso(job.finished_at), _iso(job.expires_at)
    unknown = "not started yet" if job.started_at is None else "the number of chunks is decided as results arrive"
    missing = {
        "progress": unknown if progress is None else None,
        "chunks_total": unknown if total is None else None,
        "started_at": None if started else "it never started" if job.ended else "not started yet",
        "finished_at": None if finished else "not ended yet",
        "expires_at": None if expires else "kept at least until it has ended",
    }
    return JobStatus(
        id=job.id,
        operation=job.operation,
        state=job.state.value,
        attempt=job.attempt,
        cancel_requested=job.cancel_requested and not job.ended,
        progress=progress,
        chunks_done=job.chunks_done,
        chunks_total=total,
        created_at=_iso(job.created_at) or "",
        started_at=started,
        finished_at=finished,
        expires_at=expires,
        time_limit_s=job.time_limit_s,
        cost_estimate_s=job.cost_estimate_s,
        run_as="job",
        run_as_reason=job.reason,
        error=None if job.error is None else JobFailure.model_validate(dict(job.error)),
        reasons={name: why for name, why in missing.items() if why is not None},
    )


def _iso(seconds: float | None) -> str | None:
    if seconds is None or not math.isfinite(seconds):
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
