"""`/v1/problems`: generated test problems with a known minimum."""

from typing import Annotated, TypeAlias

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from service.operations import problems as operations
from service.schemas.generated import GeneratedList, GeneratedProblem
from service.web import documentation
from service.web.bodies.reading import NPZ
from service.web.documentation import COMMON_ERRORS, COMPUTING_ERRORS
from service.web.known_parameters import StrictRoute
from service.web.problem_details import blamed_on_parameter
from service.web.responses import json_response
from service.web.runtime import runtime_of

ProblemId: TypeAlias = Annotated[
    str, Path(description="Id of the problem, which carries its parameters; see `url` of a problem.")
]
router = APIRouter(prefix="/v1/problems", tags=["catalogue"], route_class=StrictRoute)


@router.get(
    "",
    operation_id="list_problems",
    summary="Standard suite of test problems",
    responses={
        **documentation.answer(GeneratedList, "Parameters and id of each.", "Problem"),
        **documentation.errors("invalid-input", *COMMON_ERRORS),
    },
    response_class=Response,
)
async def get_problems() -> Response:
    """List the suite; the parameters of any other problem go to `POST`."""
    return json_response(operations.problems())


@router.get(
    "/{problem_id}",
    operation_id="get_problem",
    summary="One test problem with its minimum",
    responses={
        **documentation.answers((GeneratedProblem,), "The problem, its minimum and a program for PyTorch.", NPZ),
        **documentation.errors("not-found", "invalid-input", "limit-exceeded", *COMPUTING_ERRORS, *COMMON_ERRORS),
    },
    response_class=Response,
)
async def get_problem(request: Request, problem_id: ProblemId) -> Response:
    """Make a problem of the suite by its id, or any other at the `url` of its answer; as `.npz` if that is accepted."""
    runtime = runtime_of(request)
    accept = request.headers.get("accept", "")
    with blamed_on_parameter("problem_id"):
        made = await runtime.computing.problem(problem_id, accept)
    return made.response()
