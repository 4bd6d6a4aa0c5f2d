"""`/v1/minima`: certified global minima."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.jobs.heavy.analyses import minima_request
from service.operations import cost
from service.operations.minima import minima, parse
from service.schemas.minima import MinimaAnswer
from service.schemas.request import BareMinimaRequest, MinimaRequest
from service.web import documentation, examples
from service.web.bodies import read_document
from service.web.documentation import BODY_ERRORS, COMMON_ERRORS, SOLVER_ERRORS
from service.web.jobs import answer_as_job, preference
from service.web.middleware import shapes
from service.web.responses import json_response
from service.web.runtime import runtime_of

router = APIRouter(prefix="/v1/minima", tags=["minima"])


@router.post(
    "",
    operation_id="minima",
    summary="Certified global minimum of a network on data",
    openapi_extra=documentation.body((BareMinimaRequest, MinimaRequest), examples.MINIMA),
    responses={
        **documentation.answer(MinimaAnswer, "The minimum, its landscape and its certificate."),
        **documentation.errors(*BODY_ERRORS, *SOLVER_ERRORS, *COMMON_ERRORS),
    },
    response_class=Response,
)
async def post_minima(request: Request) -> Response:
    """Return the exact global minimum with stationary points, thresholds and a certificate.

    The body is a problem, or `{"problem": ..., "return": ..., ...}`. Losses come back in the caller's convention.
    """
    runtime = runtime_of(request)
    limits = runtime.settings
    parsed = parse(await read_document(request, limits.max_body_bytes))
    asked = parsed.request
    cost_s = cost.estimate_s(asked)
    if preference(request).wants_job:
        question = minima_request(asked, limits)
        limit_s = asked.time_limit_s or limits.max_job_seconds
        return await answer_as_job(
            request, "minima", question, cost_s=cost_s, reason="the caller prefers a job", time_limit_s=limit_s
        )
    shapes(request.scope, data=asked.problem.data.kind, layers=len(asked.problem.network.layers))
    answer = await runtime.compute.run(cost_s, asked.time_limit_s, minima, asked, limits, parsed.problem_at)
    return json_response(answer)
