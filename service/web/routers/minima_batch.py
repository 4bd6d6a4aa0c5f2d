"""`/v1/minima/batch`: many minima in one request."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.schemas.batch import ProblemsAnswer, ProblemsRequest, ProblemsTable, SweepAnswer, SweepRequest
from service.web import documentation, examples
from service.web.answering.posting import answer
from service.web.bodies.reading import NPZ
from service.web.documentation import BODY_ERRORS, COMMON_ERRORS, SOLVER_ERRORS

router = APIRouter(prefix="/v1/minima", tags=["minima"])

RESPONSES = {
    **documentation.answers(
        (SweepAnswer, ProblemsAnswer, ProblemsTable), "Columns or answers in the order of the request.", NPZ
    ),
    **documentation.job(),
    **documentation.errors(*BODY_ERRORS, *SOLVER_ERRORS, "queue-full", *COMMON_ERRORS),
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

    Independent problems come back as full answers; with `"return": [...]` beside them as columns, solved and certified
    together.

    With `accept: application/x-npz` columns come back as arrays, and the rest as the text `answer`.
    """
    return await answer(request, "minima_batch")
