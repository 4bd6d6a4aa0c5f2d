"""`/v1/ranks`: ranks that training will give the weight matrices."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.schemas.ranks import BareRanksRequest, RanksAnswer, RanksRequest
from service.web import documentation, examples
from service.web.answering.posting import answer
from service.web.documentation import BODY_ERRORS, COMMON_ERRORS, DATA_ERRORS

router = APIRouter(prefix="/v1/ranks", tags=["ranks"])


@router.post(
    "",
    operation_id="ranks",
    summary="Ranks that training will give the weight matrices",
    openapi_extra=documentation.body((BareRanksRequest, RanksRequest), examples.RANKS),
    responses={
        **documentation.answer(RanksAnswer, "For each matrix its rank or bounds, and the rule behind them."),
        **documentation.job(),
        **documentation.errors(
            *BODY_ERRORS, *DATA_ERRORS, "numerical-error", "engine-unavailable", "queue-full", *COMMON_ERRORS
        ),
    },
    response_class=Response,
)
async def post_ranks(request: Request) -> Response:
    """Predict the rank of every weight matrix, and measure how far recorded weights have come.

    The body is a problem with `training`, or `{"problem": ..., "training": ..., "snapshots": ...}`. A rule is silent
    where one of its hypotheses is false.
    """
    return await answer(request, "ranks")
