"""`/v1/races`: optimisers against the known minimum."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.schemas.races import RacesAnswer, RacesRequest
from service.web import documentation, examples
from service.web.answering.posting import answer
from service.web.documentation import BODY_ERRORS, COMMON_ERRORS, SOLVER_ERRORS

router = APIRouter(prefix="/v1/races", tags=["heavy"])


@router.post(
    "",
    operation_id="races",
    summary="Optimisers from many starts against the known minimum",
    openapi_extra=documentation.body((RacesRequest,), examples.RACES),
    responses={
        **documentation.answer(RacesAnswer, "Success rates, curves, where each run ended, and advice."),
        **documentation.job(heavy=True),
        **documentation.errors(*BODY_ERRORS, *SOLVER_ERRORS, "queue-full", *COMMON_ERRORS),
    },
    response_class=Response,
)
async def post_races(request: Request) -> Response:
    """Race optimisers from several initialisation schemes, and say which schemes start trapped.

    What is estimated to take long becomes a job; the same seed gives the same race, however it is computed.
    """
    return await answer(request, "races")
