"""`/v1/ranks`: ranks that training will give the weight matrices."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.operations import cost
from service.operations.ranks import parse, ranks
from service.schemas.ranks import BareRanksRequest, RanksAnswer, RanksRequest
from service.web import documentation
from service.web.bodies import read_document
from service.web.documentation import BODY_ERRORS, COMMON_ERRORS
from service.web.middleware import shapes
from service.web.responses import json_response
from service.web.runtime import runtime_of

router = APIRouter(prefix="/v1/ranks", tags=["ranks"])

SEPARABLE = {
    "network": {"layers": [{"width": 4}, {"width": 3}, {"width": 1}]},
    "data": {
        "kind": "samples",
        "x": [[1.25, 1.0], [2.0, -0.5], [-1.0, -0.75], [-0.5, -1.25]],
        "y": [1, 1, -1, -1],
        "task": "classification",
    },
    "objective": {"loss": "exponential"},
    "training": {"dynamics": "gradient_flow", "initial_loss": "below_chance"},
}


@router.post(
    "",
    operation_id="ranks",
    summary="Ranks that training will give the weight matrices",
    openapi_extra=documentation.body((BareRanksRequest, RanksRequest), {"separable classes": SEPARABLE}),
    responses={
        **documentation.answer(RanksAnswer, "For each matrix its rank or bounds, and the rule behind them."),
        **documentation.errors(*BODY_ERRORS, "numerical-error", "engine-unavailable", *COMMON_ERRORS),
    },
    response_class=Response,
)
async def post_ranks(request: Request) -> Response:
    """Predict the rank of every weight matrix, and measure how far recorded weights have come.

    The body is a problem with `training`, or `{"problem": ..., "training": ..., "snapshots": ...}`. A rule is silent
    where one of its hypotheses is false.
    """
    runtime = runtime_of(request)
    limits = runtime.settings
    parsed = parse(await read_document(request, limits.max_body_bytes))
    asked = parsed.request
    shapes(request.scope, data=asked.problem.data.kind, layers=len(asked.problem.network.layers))
    estimate = cost.ranks_s(asked)
    answer = await runtime.compute.run(estimate, asked.time_limit_s, ranks, asked, limits, parsed.problem_at)
    return json_response(answer)
