"""`/v1/landscape`: theorems, verdicts and stationary points."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.operations import cost
from service.operations.landscape import landscape, parse
from service.schemas.landscape import BareLandscapeRequest, LandscapeAnswer, LandscapeRequest
from service.web import documentation, examples
from service.web.bodies import read_document
from service.web.documentation import BODY_ERRORS, COMMON_ERRORS, SOLVER_ERRORS
from service.web.middleware import shapes
from service.web.responses import json_response
from service.web.runtime import runtime_of

router = APIRouter(prefix="/v1/landscape", tags=["landscape"])


@router.post(
    "",
    operation_id="landscape",
    summary="What is known about the landscape of a network on data",
    openapi_extra=documentation.body((BareLandscapeRequest, LandscapeRequest), examples.LANDSCAPE),
    responses={
        **documentation.answer(LandscapeAnswer, "Verdicts, the theorems behind them, and the stationary points."),
        **documentation.errors(*BODY_ERRORS, *SOLVER_ERRORS, *COMMON_ERRORS),
    },
    response_class=Response,
)
async def post_landscape(request: Request) -> Response:
    """Try every theorem of the catalogue on the problem and return what follows.

    The body is a problem, linear or not, with data or without, or `{"problem": ..., "include": [...]}`.
    """
    runtime = runtime_of(request)
    limits = runtime.settings
    parsed = parse(await read_document(request, limits.max_body_bytes))
    asked = parsed.request
    shapes(request.scope, data=asked.problem.data.kind, layers=len(asked.problem.network.layers))
    answer = await runtime.compute.run(
        cost.landscape_s(asked), asked.time_limit_s, landscape, asked, limits, parsed.problem_at
    )
    return json_response(answer)
