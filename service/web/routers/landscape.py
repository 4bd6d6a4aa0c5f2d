"""`/v1/landscape`: theorems, verdicts and stationary points."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.schemas.landscape import BareLandscapeRequest, LandscapeAnswer, LandscapeRequest
from service.web import documentation, examples
from service.web.answering.posting import answer
from service.web.documentation import BODY_ERRORS, COMMON_ERRORS, PICTURE_ERRORS
from service.web.drawing import PNG, SVG

router = APIRouter(prefix="/v1/landscape", tags=["landscape"])


@router.post(
    "",
    operation_id="landscape",
    summary="What is known about the landscape of a network on data",
    openapi_extra=documentation.body((BareLandscapeRequest, LandscapeRequest), examples.LANDSCAPE),
    responses={
        **documentation.answers(
            (LandscapeAnswer,), "Verdicts, the theorems behind them, and the stationary points.", SVG, PNG
        ),
        **documentation.job(),
        **documentation.errors(*BODY_ERRORS, *PICTURE_ERRORS, "queue-full", *COMMON_ERRORS),
    },
    response_class=Response,
)
async def post_landscape(request: Request) -> Response:
    """Try every theorem of the catalogue on the problem and return what follows.

    The body is a problem, linear or not, with data or without, or `{"problem": ..., "include": [...]}`.
    With `accept: image/svg+xml` or `image/png` what can be drawn of the answer is a picture.
    """
    return await answer(request, "landscape")
