"""`/v1/diagnose`: where given weights stand, and the way out."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.schemas.diagnose import BareDiagnoseRequest, DiagnoseAnswer, DiagnoseRequest
from service.web import documentation, examples
from service.web.answering.posting import answer
from service.web.documentation import BODY_ERRORS, COMMON_ERRORS, SOLVER_ERRORS

router = APIRouter(prefix="/v1/diagnose", tags=["minima"])


@router.post(
    "",
    operation_id="diagnose",
    summary="Where weights of a linear network stand, and the way out",
    openapi_extra=documentation.body((BareDiagnoseRequest, DiagnoseRequest), examples.DIAGNOSE),
    responses={
        **documentation.answer(DiagnoseAnswer, "Loss, gap, class, curvature, directions and a step down."),
        **documentation.job(),
        **documentation.errors(*BODY_ERRORS, *SOLVER_ERRORS, "queue-full", *COMMON_ERRORS),
    },
    response_class=Response,
)
async def post_diagnose(request: Request) -> Response:
    """Classify the point by its exact gradient and Hessian, and measure it against the global minimum.

    The body is a problem with `weights` (and `biases`) beside it, or `{"problem": ..., "weights": ...}`. Losses,
    gradients and eigenvalues come back in the caller's convention.
    """
    return await answer(request, "diagnose")
