"""`/v1/slices`: losses on a grid through a point of the landscape."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.schemas.slices import SlicesAnswer, SlicesRequest
from service.web import documentation, examples
from service.web.answering.posting import answer
from service.web.bodies.reading import NPZ
from service.web.documentation import BODY_ERRORS, COMMON_ERRORS, PICTURE_ERRORS
from service.web.drawing import PNG, SVG

router = APIRouter(prefix="/v1/slices", tags=["heavy"])


@router.post(
    "",
    operation_id="slices",
    summary="Losses on a grid through a point of the landscape",
    openapi_extra=documentation.body((SlicesRequest,), examples.SLICES),
    responses={
        **documentation.answers((SlicesAnswer,), "The losses, ready to be drawn.", NPZ, SVG, PNG),
        **documentation.job(heavy=True),
        **documentation.errors(*BODY_ERRORS, *PICTURE_ERRORS, "queue-full", *COMMON_ERRORS),
    },
    response_class=Response,
)
async def post_slices(request: Request) -> Response:
    """Evaluate the loss on a plane, along lines, towards another point, or at growing distance.

    Answers above 4 MB, or with `accept: application/x-npz`, are an archive: each array under its path, all else as
    JSON in the bytes of `__json__`. What is estimated to take long becomes a job; the same seed gives the same answer.

    With `accept: image/svg+xml` or `image/png` the answer, or the result of the job, is a picture.
    """
    return await answer(request, "slices")
