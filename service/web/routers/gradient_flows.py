"""`/v1/gradient-flows`: the flow that shows what the rank predictions say."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.schemas.flows import FlowAnswer, FlowRequest
from service.web import documentation, examples
from service.web.answering.posting import answer
from service.web.documentation import BODY_ERRORS, COMMON_ERRORS, SOLVER_ERRORS

router = APIRouter(prefix="/v1/gradient-flows", tags=["heavy"])


@router.post(
    "",
    operation_id="gradient_flows",
    summary="Gradient flow beside what theory predicts of it",
    openapi_extra=documentation.body((FlowRequest,), examples.FLOWS),
    responses={
        **documentation.answer(FlowAnswer, "Trajectories, each with its bound, and the predicted ranks."),
        **documentation.job(heavy=True),
        **documentation.errors(*BODY_ERRORS, *SOLVER_ERRORS, "queue-full", *COMMON_ERRORS),
    },
    response_class=Response,
)
async def post_gradient_flows(request: Request) -> Response:
    """Follow gradient flow to losses that no double can hold, or to where it rests.

    What is estimated to take long becomes a job that goes on from its last stored state, whatever stops it.
    """
    return await answer(request, "gradient_flows")
