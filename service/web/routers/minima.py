"""`/v1/minima`: certified global minima."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.schemas.minima import MinimaAnswer
from service.schemas.request import BareMinimaRequest, MinimaRequest
from service.web import documentation, examples
from service.web.answering.posting import answer
from service.web.documentation import BODY_ERRORS, COMMON_ERRORS, SOLVER_ERRORS

router = APIRouter(prefix="/v1/minima", tags=["minima"])


@router.post(
    "",
    operation_id="minima",
    summary="Certified global minimum of a network on data",
    openapi_extra=documentation.body((BareMinimaRequest, MinimaRequest), examples.MINIMA),
    responses={
        **documentation.answer(MinimaAnswer, "The minimum, its landscape and its certificate."),
        **documentation.job(),
        **documentation.errors(*BODY_ERRORS, *SOLVER_ERRORS, "queue-full", *COMMON_ERRORS),
    },
    response_class=Response,
)
async def post_minima(request: Request) -> Response:
    """Return the exact global minimum with stationary points, thresholds and a certificate.

    The body is a problem, or `{"problem": ..., "return": ..., ...}`. Losses come back in the caller's convention.
    """
    return await answer(request, "minima")
