"""`/v1/connectivity`: paths between two minima, and what width changes."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.schemas.connectivity import ConnectivityAnswer, ConnectivityRequest
from service.web import documentation, examples
from service.web.answering.posting import answer
from service.web.bodies.reading import NPZ
from service.web.documentation import BODY_ERRORS, COMMON_ERRORS, PICTURE_ERRORS
from service.web.drawing import PNG, SVG

router = APIRouter(prefix="/v1/connectivity", tags=["heavy"])


@router.post(
    "",
    operation_id="connectivity",
    summary="Paths between two minima, and what width changes",
    openapi_extra=documentation.body((ConnectivityRequest,), examples.CONNECTIVITY),
    responses={
        **documentation.answers((ConnectivityAnswer,), "Losses along each path, with its barrier.", NPZ, SVG, PNG),
        **documentation.job(heavy=True),
        **documentation.errors(*BODY_ERRORS, *PICTURE_ERRORS, "queue-full", *COMMON_ERRORS),
    },
    response_class=Response,
)
async def post_connectivity(request: Request) -> Response:
    """Look between two points along a straight line, along a curve bent to be low, and along the path of the theory.

    What is estimated to take long becomes a job; the same seed gives the same answer.

    With `accept: image/svg+xml` or `image/png` the answer, or the result of the job, is a picture.
    """
    return await answer(request, "connectivity")
