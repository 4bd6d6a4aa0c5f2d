"""Parts of the OpenAPI document that routes state beside themselves."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from service.operations.model_files.sent import LAYOUTS
from service.schemas.base import Wire
from service.schemas.error_kinds import BY_CODE, ERROR_KINDS
from service.schemas.problem_details import ProblemDetails
from service.vocabulary import Activation
from service.web.bodies.reading import JSON, MULTIPART, NPZ
from service.web.openapi_headers import headers
from service.web.openapi_links import links
from service.web.problem_details import HEADERS, MEDIA_TYPE

COMPONENTS: Final = "#/components/schemas/"


class Reference(dict[str, str]):
    """Reference to the schema of a model, which is thereby a part of the document."""

    def __init__(self, model: type[Wire]) -> None:
        super().__init__({"$ref": COMPONENTS + model.__name__})
        self.model: Final = model


def reference(model: type[Wire]) -> Reference:
    """Reference to the schema of a model."""
    return Reference(model)


def documented_models(routes: Iterable[object]) -> list[type[Wire]]:
    """Every model that a route refers to, in the order of the routes."""
    found: dict[type[Wire], None] = {}
    for route in routes:
        for stated in (getattr(route, "openapi_extra", None), getattr(route, "responses", None)):
            found |= dict.fromkeys(_models_in(stated))
    return list(found)


def _models_in(value: object) -> Iterator[type[Wire]]:
    if isinstance(value, Reference):
        yield value.model
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _models_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _models_in(item)


MODEL_PARTS: Final[Mapping[str, Any]] = {
    "model": {
        "type": "string",
        "contentMediaType": "application/octet-stream",
        "description": "The file of a model, safetensors, npz or ONNX: its layers become the network, its arrays the "
        "weights.",
    },
    "layout": {
        "enum": list(LAYOUTS),
        "description": "What the rows of its matrices are: outputs (PyTorch) or inputs (Keras, scikit-learn).",
    },
    "activation": {
        "enum": [str(one) for one in Activation],
        "description": "What follows its hidden layers, where the file does not say.",
    },
    "order": {"type": "string", "description": "Names of its layers in their order, with commas."},
}
LAYER_PARTS: Final[Mapping[str, Any]] = {
    "model": {**MODEL_PARTS["model"], "description": "The file of a model, safetensors, npz or ONNX, as its layers."},
    "layout": MODEL_PARTS["layout"],
    "order": MODEL_PARTS["order"],
    "activations": {
        "type": "string",
        "contentMediaType": "application/octet-stream",
        "description": "An npz file with the inputs of layers: samples as `NAME`, or second moments as `NAME.xx`.",
    },
    "correction_of": {
        "type": "string",
        "contentMediaType": "application/octet-stream",
        "description": "The file of the same model, quantised or pruned, which factors are to correct.",
    },
}
PARTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "": {},
    "point": MODEL_PARTS,
    "snapshot": MODEL_PARTS,
    "layers": LAYER_PARTS,
}
"""Further parts of a form, by what the file of a model becomes."""


def body(
    models: tuple[type[Wire], ...],
    examples: Mapping[str, Any],
    *,
    arrays: bool = True,
    parts: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A required request body that is one of ``models``; with ``arrays`` also in the forms that keep them binary.

    With ``parts`` a form may have the file of a model, and what the file does not say, as these further parts.
    """
    schema = reference(models[0]) if len(models) == 1 else {"anyOf": [reference(model) for model in models]}
    binary = {"schema": {"type": "string", "format": "binary"}}
    form = {
        "schema": {
            "type": "object",
            "required": ["problem"],
            "properties": {
                "problem": {"type": "string", "contentMediaType": JSON},
                **(parts or {}),
            },
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


def answer(model: type[Wire], description: str, *leads_to: str) -> dict[int | str, dict[str, Any]]:
    """The successful response of one form, described by a model, with the names of its links."""
    found: dict[str, Any] = {"description": description, "content": {JSON: {"schema": reference(model)}}}
    return {200: {**found, "links": links(*leads_to)} if leads_to else found}


def answers(models: tuple[type[Wire], ...], description: str, *binary: str) -> dict[int | str, dict[str, Any]]:
    """The successful response of several forms, some of which may be binary."""
    schema = reference(models[0]) if len(models) == 1 else {"anyOf": [reference(model) for model in models]}
    content: dict[str, Any] = {JSON: {"schema": schema}}
    content |= {form: {"schema": {"type": "string", "format": "binary"}} for form in binary}
    return {200: {"description": description, "content": content}}


def page(model: type, description: str, *leads_to: str) -> dict[int | str, dict[str, Any]]:
    """The successful response of a list that is read page by page."""
    described = f"{description} The header `Link` leads to the next page."
    return {200: {**answer(model, described, *leads_to)[200], "headers": headers("Link")}}


def errors(*codes: str) -> dict[int | str, dict[str, Any]]:
    """The problem details that a route may answer with, by status."""
    by_status: dict[int | str, dict[str, Any]] = {}
    for code in codes:
        row = BY_CODE[code]
        content: dict[str, Any] = {"schema": reference(ProblemDetails), "examples": {}}
        entry = by_status.setdefault(row.status, {"description": "", "content": {MEDIA_TYPE: content}})
        entry["content"][MEDIA_TYPE]["examples"][code] = {"$ref": f"#/components/examples/{code}"}
        entry["description"] = "; ".join(filter(None, [entry["description"], f"{row.title} (`{code}`)"]))
        if code in HEADERS:
            entry.setdefault("headers", {}).update(headers(*HEADERS[code]))
    return by_status


def error_examples(prefix: str) -> dict[str, dict[str, Any]]:
    """Problem details of each kind, as callers under a prefix see it."""
    return {
        row.code: {
            "summary": row.code,
            "value": {
                "type": f"{prefix}/problems/{row.code}",
                "title": row.title,
                "status": row.status,
                "detail": row.meaning,
            },
        }
        for row in ERROR_KINDS
    }


BODY_ERRORS: Final = (
    *("malformed-body", "body-too-large", "body-too-slow", "unsupported-media-type"),
    *("invalid-input", "limit-exceeded"),
)
COMPUTING_ERRORS: Final = ("not-covered", "numerical-error", "engine-unavailable")
DATA_ERRORS: Final = ("not-found", "dataset-deleted", "dataset-outdated")
"""Of what takes a problem, whose data may be an upload that is not there."""
COMMON_ERRORS: Final = ("unauthorized", "internal-error")
