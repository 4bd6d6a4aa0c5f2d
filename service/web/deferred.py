"""Analyses that the caller prefers as a job: the explicit table of those that can be one."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from service.jobs.heavy.analyses import minima_request
from service.operations import cost
from service.operations.minima import parse
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
        time_limit_s=asked.time_limit_s or settings.max_job_seconds,
    )


DEFERRED: Final[Mapping[str, Defer]] = {"minima": _minima}
