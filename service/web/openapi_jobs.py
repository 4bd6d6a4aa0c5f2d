"""What running as a job adds to the OpenAPI document: how to ask for it, and where its result is found."""

from typing import Any, Final

from service.operations.loaded import answers_of
from service.operations.rows import Operation
from service.operations.table import OPERATIONS
from service.schemas.base import Wire
from service.schemas.jobs import JobStatus, PartialResults
from service.web import documentation
from service.web.bodies.reading import NPZ
from service.web.drawing import PNG, SAFETENSORS, SVG
from service.web.openapi_headers import headers, parameter
from service.web.openapi_links import TO_A_JOB, links

PREFER: Final[dict[str, Any]] = {"parameters": [parameter("Prefer")]}
OF_A_JOB: Final = ("Location", "Preference-Applied")
OF_A_RESULT: Final = ("ETag", "Content-Location")


def binary_forms(row: Operation) -> list[str]:
    """Forms of an answer beside JSON."""
    return [NPZ] * row.archive + [SVG, PNG] * (row.draw is not None) + [SAFETENSORS] * (row.tensors is not None)


def directly_or_as_a_job(row: Operation) -> dict[int | str, dict[str, Any]]:
    """The successful responses of what may run as a job; what is heavy becomes one by its estimated cost, too."""
    why = "the caller prefers one (`Prefer: respond-async` or `wait=N`)"
    why += ", or its estimated cost exceeds `MINIMA_INLINE_BUDGET_S`" if row.function is None else ""
    described = f"A job was stored: {why}. `Location` leads to it."
    # the status is that of a job that ended without a result while its caller waited
    direct = documentation.answers((*answers_of(row), JobStatus), row.returns, *binary_forms(row))[200]
    stored = documentation.answer(JobStatus, described)[200]
    return {
        200: {**direct, "headers": headers(*OF_A_JOB, *OF_A_RESULT)},
        202: {**stored, "headers": headers(*OF_A_JOB), "links": links(*TO_A_JOB)},
    }


def results() -> dict[int | str, dict[str, Any]]:
    """The successful responses with the result of a job, which is the answer of any operation that runs as one."""
    models: dict[type[Wire], None] = {}
    forms: dict[str, None] = {}
    for row in OPERATIONS:
        if row.job:
            models |= dict.fromkeys(answers_of(row))
            forms |= dict.fromkeys(binary_forms(row))
    described = "The answer of the operation, in the form that `accept` names; with `partial` the chunks stored so far."
    found = documentation.answers((*models, PartialResults), described, *forms)[200]
    known = "The caller has it already: `If-None-Match` names its `ETag`."
    return {
        200: {**found, "headers": headers(*OF_A_RESULT)},
        304: {"description": known, "headers": headers(*OF_A_RESULT)},
    }
