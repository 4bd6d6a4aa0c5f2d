"""`/v1/sweeps`: phase diagrams."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.schemas.sweeps import SweepsAnswer, SweepsRequest
from service.web import documentation, examples
from service.web.answering.posting import answer
from service.web.bodies.reading import NPZ
from service.web.documentation import BODY_ERRORS, COMMON_ERRORS, SOLVER_ERRORS
from service.web.drawing import PNG, SVG

router = APIRouter(prefix="/v1/sweeps", tags=["heavy"])


@router.post(
    "",
    operation_id="sweeps",
    summary="Phase diagram along one or two parameters",
    openapi_extra=documentation.body((SweepsRequest,), examples.SWEEPS),
    responses={
        **documentation.answers((SweepsAnswer,), "The phase diagram with its boundaries.", NPZ, SVG, PNG),
        **documentation.job(heavy=True),
        **documentation.errors(*BODY_ERRORS, *SOLVER_ERRORS, "extra-missing", "queue-full", *COMMON_ERRORS),
    },
    response_class=Response,
)
async def post_sweeps(request: Request) -> Response:
    """Compute columns over a grid of one or two parameters, and trace the transitions of the global minimum.

    Answers above 4 MB, or with `accept: application/x-npz`, are an archive: each array under its path, all else as
    JSON in the bytes of `__json__`. What is estimated to take long becomes a job.
    With `accept: image/svg+xml` or `image/png` the diagram is a picture.
    """
    return await answer(request, "sweeps")
