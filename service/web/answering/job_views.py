"""Jobs as callers see them: state, progress, and the result in the form they ask for."""

import math
from datetime import UTC, datetime
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from service.jobs.codec import JSON, NPZ, decode
from service.jobs.values import Job, JobState, Payload
from service.operations.plans.columns import plain
from service.operations.table import BY_NAME
from service.schemas.jobs import JobFailure, JobStatus
from service.web.addresses import address
from service.web.drawing import FORMS, PNG, SAFETENSORS, SVG, made, names_json, wanted
from service.web.responses import LARGE_BYTES

SUFFIXES: Final = {JSON: "", NPZ: ".npz", SVG: ".svg", PNG: ".png", SAFETENSORS: ".safetensors"}


def result_response(request: Request, job: Job, payload: Payload) -> Response:
    """A result with its hash as ``ETag``: JSON, a picture, or ``.npz`` where asked for, or large; 304 if unchanged.

    Raises
    ------
    service.errors.MissingExtra
        If a picture is asked for and this server cannot draw any.
    """
    accept = request.headers.get("accept", "")
    form = wanted(accept, BY_NAME.get(job.operation))
    if form not in FORMS:
        large = len(payload.body) > LARGE_BYTES and not names_json(accept)
        binary = payload.media_type == NPZ and (large or form == NPZ)
        form = NPZ if binary else JSON
    # Each form is a representation of its own, and has its own tag.
    tag = f'"{job.result_hash}{SUFFIXES[form]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Accept", "Content-Location": _result(job)}
    known = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    if tag in known and request.method == "GET":
        return Response(status_code=304, headers=headers)
    if form in FORMS:
        return Response(made(job.operation, plain(decode(payload)), form), headers=headers, media_type=form)
    if form == NPZ:
        return Response(payload.body, headers=headers, media_type=NPZ)
    body = payload.body if payload.media_type == JSON else orjson.dumps(plain(decode(payload)))
    return Response(body, headers=headers, media_type=JSON)


def _result(job: Job) -> str:
    return address(f"/v1/jobs/{job.id}/results")


def job_status(job: Job) -> JobStatus:
    """A job as callers see it; every number that is missing has its reason."""
    total = job.chunks_total
    progress = 1.0 if job.state is JobState.SUCCESSFUL else job.chunks_done / total if total else None
    started, finished, expires = iso(job.started_at), iso(job.finished_at), iso(job.expires_at)
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
        created_at=iso(job.created_at) or "",
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


def iso(seconds: float | None) -> str | None:
    """A time in seconds since 1970 as callers see it."""
    if seconds is None or not math.isfinite(seconds):
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
