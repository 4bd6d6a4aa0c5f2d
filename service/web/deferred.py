"""Analyses that the caller prefers as a job: the explicit table of those that can be one."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from service.jobs.heavy.analyses import minima_request
from service.jobs.heavy.batches import batch_request
from service.jobs.heavy.requests import check_job_time
from service.operations import cost
from service.operations.minima import parse
from service.operations.minima_batch import Batch, parse_batch
from service.settings import Settings
from service.web.jobs import PREFERRED, answer_as_job

Defer: TypeAlias = Callable[[Request, object, Settings], Awaitable[Response]]


async def _minima(request: Request, document: object, settings: Settings) -> Response:
    asked = parse(document).request
    return await answer_as_job(
        request,
        "minima",
        minima_request(asked, settings),
        cost_s=cost.estimate_s(asked),
        reason=PREFERRED,
        time_limit_s=check_job_time(asked.time_limit_s, settings.max_job_seconds),
    )


async def _minima_batch(request: Request, document: object, settings: Settings) -> Response:
    asked = parse_batch(document, settings)
    # What an answer over HTTP may take is no limit of a job.
    limits = settings.model_copy(update={"max_seconds": settings.max_job_seconds})
    return await answer_as_job(
        request,
        "minima_batch",
        batch_request(asked, limits),
        cost_s=asked.estimate_s() if isinstance(asked, Batch) else cost.problem_s(asked.problem),
        reason=PREFERRED,
        time_limit_s=check_job_time(asked.time_limit_s, settings.max_job_seconds),
    )


DEFERRED: Final[Mapping[str, Defer]] = {"minima": _minima, "minima_batch": _minima_batch}
