"""`/v1/examples` and `/v1/theorems`: what the service ships and what it rests on."""

from typing import Annotated, TypeAlias

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from service.operations import examples as example_operations
from service.operations import theorems as theorem_operations
from service.schemas.examples import ExampleAnswer, ExampleList
from service.schemas.theorems import Theorem, TheoremList
from service.vocabulary import Property
from service.web import documentation
from service.web.documentation import COMMON_ERRORS
from service.web.known_parameters import StrictRoute
from service.web.responses import json_response

ExampleName: TypeAlias = Annotated[str, Path(description="Name of the data set, as `/v1/examples` lists it.")]
AboutProperty: TypeAlias = Annotated[
    Property | None, Query(alias="property", description="Only theorems that conclude something about this property.")
]
TheoremId: TypeAlias = Annotated[str, Path(description="Id of the theorem, as answers cite it.")]
router = APIRouter(prefix="/v1", tags=["catalogue"], route_class=StrictRoute)


@router.get(
    "/examples",
    operation_id="list_examples",
    summary="Bundled real data sets",
    responses={
        **documentation.answer(ExampleList, "All data sets with sizes, source and licence.", "Example"),
        **documentation.errors("invalid-input", *COMMON_ERRORS),
    },
    response_class=Response,
)
async def get_examples() -> Response:
    """List the bundled data sets; `{"kind": "example", "name": ...}` uses one in a problem."""
    return json_response(example_operations.examples())


@router.get(
    "/examples/{name}",
    operation_id="get_example",
    summary="One data set with its numbers",
    responses={
        **documentation.answer(ExampleAnswer, "The numbers, ready to stand as `data` in a problem."),
        **documentation.errors("not-found", "invalid-input", *COMMON_ERRORS),
    },
    response_class=Response,
)
async def get_example(
    name: ExampleName, raw: Annotated[bool, Query(description="As published, neither centred nor scaled.")] = False
) -> Response:
    """Return one data set, centred and scaled, or as published with `raw`."""
    return json_response(example_operations.example(name, raw=raw))


@router.get(
    "/theorems",
    operation_id="list_theorems",
    summary="Theorems that answers cite",
    responses={
        **documentation.answer(TheoremList, "The catalogue.", "Theorem"),
        **documentation.errors("invalid-input", *COMMON_ERRORS),
    },
    response_class=Response,
)
async def get_theorems(about: AboutProperty = None) -> Response:
    """List every theorem with statement, source, hypotheses and status, or those about one property."""
    return json_response(theorem_operations.theorems(about))


@router.get(
    "/theorems/{theorem_id}",
    operation_id="get_theorem",
    summary="One theorem",
    responses={
        **documentation.answer(Theorem, "The theorem."),
        **documentation.errors("not-found", "invalid-input", *COMMON_ERRORS),
    },
    response_class=Response,
)
async def get_theorem(theorem_id: TheoremId) -> Response:
    """Return one theorem by its id."""
    return json_response(theorem_operations.theorem(theorem_id))
