"""Parts of the OpenAPI document that routes state beside themselves."""

from collections.abc import Mapping
from typing import Any, Final

from service.web.bodies.reading import JSON, MULTIPART, NPZ
from service.web.openapi_headers import headers
from service.web.problem_details import HEADERS
from service.web.problem_types import BY_CODE, MEDIA_TYPE, PROBLEM_TYPES

COMPONENTS: Final = "#/components/schemas/"


def reference(model: type) -> dict[str, str]:
    """Reference to the schema of a model."""
    return {"$ref": COMPONENTS + model.__name__}


def body(models: tuple[type, ...], examples: Mapping[str, Any], *, arrays: bool = True) -> dict[str, Any]:
    """A required request body that is one of ``models``; with ``arrays`` also in the forms that keep them binary."""
    schema = reference(models[0]) if len(models) == 1 else {"anyOf": [reference(model) for model in models]}
    binary = {"schema": {"type": "string", "format": "binary"}}
    form = {
        "schema": {
            "type": "object",
            "required": ["problem"],
            "properties": {"problem": {"type": "string", "contentMediaType": JSON}},
            "additionalProperties": {"type": "string", "contentMediaType": "application/octet-stream"},
        }
    }
    shown = {name: {"summary": name, "value": value} for name, value in examples.items()}
    return {
        "requestBody": {
            "required": True,
            "content": {
                JSON: {"schema": schema, "examples": shown},
                **({NPZ: binary, MULTIPART: form} if arrays else {}),
            },
        }
    }


def answer(model: type, description: str) -> dict[int | str, dict[str, Any]]:
    """The successful response of one form, described by a model."""
    return {200: {"description": description, "content": {JSON: {"schema": reference(model)}}}}


def answers(models: tuple[type, ...], description: str, *binary: str) -> dict[int | str, dict[str, Any]]:
    """The successful response of several forms, some of which may be binary."""
    schema = reference(models[0]) if len(models) == 1 else {"anyOf": [reference(model) for model in models]}
    content: dict[str, Any] = {JSON: {"schema": schema}}
    content |= {form: {"schema": {"type": "string", "format": "binary"}} for form in binary}
    return {200: {"description": description, "content": content}}


def page(model: type, description: str) -> dict[int | str, dict[str, Any]]:
    """The successful response of a list that is read page by page."""
    told = f"{description} The header `Link` leads to the next page."
    return {200: {**answer(model, told)[200], "headers": headers("Link")}}


def job(*, heavy: bool = False) -> dict[int | str, dict[str, Any]]:
    """The response of what may also run as a job; what is heavy becomes one by its estimated cost, too."""
    why = "the caller prefers one (`Prefer: respond-async` or `wait=N`)"
    why += ", or its estimated cost exceeds `MINIMA_INLINE_BUDGET_S`" if heavy else ""
    told = f"A job was stored: {why}. `Location` leads to it."
    schema = {"$ref": COMPONENTS + "JobStatus"}
    return {202: {"description": told, "content": {JSON: {"schema": schema}}}}


def errors(*codes: str) -> dict[int | str, dict[str, Any]]:
    """The problem documents that a route may answer with, by status."""
    by_status: dict[int | str, dict[str, Any]] = {}
    for code in codes:
        row = BY_CODE[code]
        content = {"schema": {"$ref": COMPONENTS + "ProblemDetails"}, "examples": {}}
        entry = by_status.setdefault(row.status, {"description": "", "content": {MEDIA_TYPE: content}})
        entry["content"][MEDIA_TYPE]["examples"][code] = {"$ref": f"#/components/examples/{code}"}
        entry["description"] = "; ".join(filter(None, [entry["description"], f"{row.title} (`{code}`)"]))
        if code in HEADERS:
            entry.setdefault("headers", {}).update(headers(*HEADERS[code]))
    return by_status


def error_examples() -> dict[str, dict[str, Any]]:
    """A problem document of each kind."""
    return {
        row.code: {
            "summary": row.code,
            "value": {"type": f"/problems/{row.code}", "title": row.title, "status": row.status, "detail": row.meaning},
        }
        for row in PROBLEM_TYPES
    }


BODY_ERRORS: Final = ("malformed-body", "body-too-large", "unsupported-media-type", "invalid-input", "limit-exceeded")
COMPUTING_ERRORS: Final = ("not-covered", "numerical-error", "engine-unavailable")
DATA_ERRORS: Final = ("not-found", "dataset-deleted", "dataset-outdated")
"""Of what takes a problem, whose data may be an upload that is not there."""
SOLVER_ERRORS: Final = (*COMPUTING_ERRORS, *DATA_ERRORS)
PICTURE_ERRORS: Final = ("numerical-error", "extra-missing", "engine-unavailable", *DATA_ERRORS)
COMMON_ERRORS: Final = ("unauthorized", "internal-error")
