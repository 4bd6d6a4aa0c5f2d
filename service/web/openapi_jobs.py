"""What running as a job adds to the OpenAPI document: how to ask for it, and where the result is told."""

from collections.abc import Mapping
from typing import Any, Final

from service.web.bodies.reading import JSON
from service.web.openapi_headers import headers, parameter

STATUS: Final = {"$ref": "#/components/schemas/JobStatus"}
RESULTS: Final = "get_job_results"
OF_A_JOB: Final = ("Location", "Preference-Applied")
OF_A_RESULT: Final = ("ETag", "Content-Location")


def declare_jobs(paths: Mapping[str, Mapping[str, dict[str, Any]]]) -> None:
    """Complete the operations that may run as jobs, and the one that returns their results, which has the same content.

    An operation may run as a job if its 202 is a `JobStatus`.
    """
    found = {operation["operationId"]: operation for methods in paths.values() for operation in methods.values()}
    results = found[RESULTS]["responses"]
    answers: list[dict[str, str]] = []
    forms: dict[str, Any] = {}
    for operation in found.values():
        if "requestBody" in operation and STATUS in _forms(operation, "202"):
            answers += _forms(operation, "200")
            forms |= operation["responses"]["200"]["content"]
            _declare_job(operation)
    told = {"schema": {"anyOf": [*answers, *_forms(found[RESULTS], "200")]}}
    results["200"] |= {"content": {**results["200"]["content"], **forms, JSON: told}, "headers": headers(*OF_A_RESULT)}
    results["304"] |= {"headers": headers(*OF_A_RESULT)}


def _declare_job(operation: dict[str, Any]) -> None:
    operation["parameters"] = [*operation.get("parameters", ()), parameter("Prefer")]
    responses = operation["responses"]
    responses["202"]["headers"] = headers(*OF_A_JOB)
    responses["200"]["headers"] = headers(*OF_A_JOB, *OF_A_RESULT)
    # the status: of a job that ended without a result while its caller waited
    responses["200"]["content"][JSON]["schema"] = {"anyOf": [*_forms(operation, "200"), STATUS]}


def _forms(operation: Mapping[str, Any], status: str) -> list[dict[str, str]]:
    """Schemas that the JSON of an answer may have."""
    schema = operation["responses"].get(status, {}).get("content", {}).get(JSON, {}).get("schema", {})
    return list(schema.get("anyOf", [schema]))
