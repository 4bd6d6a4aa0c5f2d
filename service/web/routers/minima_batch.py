"""`/v1/minima/batch`: many minima in one request."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.operations.minima_batch import Batch, minima_batch, minima_sweep, parse_batch
from service.schemas.batch import ProblemsAnswer, ProblemsRequest, SweepAnswer, SweepRequest
from service.web import documentation, examples
from service.web.bodies import NPZ, read_document
from service.web.documentation import BODY_ERRORS, COMMON_ERRORS, SOLVER_ERRORS
from service.web.middleware import shapes
from service.web.responses import json_response, sweep_response
from service.web.runtime import runtime_of

router = APIRouter(prefix="/v1/minima", tags=["minima"])

RESPONSES = {
    **documentation.answers((SweepAnswer, ProblemsAnswer), "Columns or answers in the order of the request.", NPZ),
    **documentation.errors(*BODY_ERRORS, *SOLVER_ERRORS, *COMMON_ERRORS),
}


@router.post(
    "/batch",
    operation_id="minima_batch",
    summary="Many global minima: independent problems, or one with a parameter that varies",
    openapi_extra=documentation.body((SweepRequest, ProblemsRequest), examples.BATCH),
    responses=RESPONSES,
    response_class=Response,
)
async def post_minima_batch(request: Request) -> Response:
    """Solve `{"problems": [...]}`, or `{"problem": ..., "vary": {...}, "return": [...]}` in one vectorised call.

    With `accept: application/x-npz` the columns of a sweep come back as arrays, and the rest as the text `answer`.
    """
    runtime = runtime_of(request)
    limits, run = runtime.settings, runtime.compute.run
    asked = parse_batch(await read_document(request, limits.max_body_bytes), limits)
    if isinstance(asked, Batch):
        shapes(request.scope, problems=len(asked.problems))
        return json_response(await run(asked.estimate_s(), asked.time_limit_s, minima_batch, asked, limits))
    shapes(request.scope, data=asked.problem.data.kind, layers=len(asked.problem.network.layers))
    # a sweep always leaves the event loop: building its table alone is longer than the budget
    return sweep_response(request, await run(float("inf"), asked.time_limit_s, minima_sweep, asked, limits))
