"""The OpenAPI document: the routes' own part, and the schemas of all that travels."""

from collections.abc import Sequence
from copy import deepcopy
from functools import lru_cache
from typing import Any, Final

import orjson
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from service.schemas.base import Wire
from service.schemas.json_schema import WireSchema
from service.version import ENGINE_VERSION
from service.web import examples
from service.web.bodies.reading import JSON
from service.web.documentation import COMPONENTS, documented_models, error_examples
from service.web.openapi_headers import HEADERS, PARAMETERS
from service.web.openapi_links import LINKS

TITLE: Final = "Analytic Minima"
DESCRIPTION: Final = """Exact global minima of neural networks, with certificates.

Send a network and data (or only the moments of the data) and get the global minimum of the regularised loss in closed
form, its stationary points and phase transitions, and a certificate: an upper and a lower bound that meet.

Every error is an RFC 9457 document of type `application/problem+json`. Each of its `errors` has a `pointer` into the
body, or the name of a `parameter` of the path or query, or of a `header`.
Arrays may also be sent in binary form: as `application/x-npz`, an archive with the entry `request` (the JSON as text)
and arrays named by their dotted path in it (`data.x`, `problem.data.x`, `vary.decay_scale`), or as
`multipart/form-data` with a JSON part `problem` and `.npy` parts named in the same way. Where weights are asked for, a
part `model` may hold the file of a model instead: safetensors, npz or ONNX."""
MAX_PREFIXES: Final = 8
FRAMEWORK_ERRORS: Final = ("HTTPValidationError", "ValidationError")


def document(app: FastAPI, prefix: str = "") -> dict[str, Any]:
    """The OpenAPI 3.1 document of an app under a prefix; each call gives one of its own, for the caller to change."""
    found = get_openapi(
        title=TITLE,
        version=ENGINE_VERSION,
        description=DESCRIPTION,
        routes=app.routes,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        servers=[{"url": prefix or "/"}],
    )
    models = documented_models(route for router in app.state.routers for route in router.routes)
    found["components"] = {
        "schemas": dict(sorted({**_of_parameters(found), **_of_models(models)}.items())),
        "parameters": dict(PARAMETERS),
        "headers": dict(HEADERS),
        "links": dict(LINKS),
        "examples": error_examples(prefix),
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, where the server asks for one."},
            "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same key."},
        },
    }
    _drop_framework_errors(found)
    for path, methods in found["paths"].items():
        for operation in methods.values():
            if operation["operationId"] in examples.KEPT:
                shown = examples.kept(examples.KEPT[operation["operationId"]])
                operation["responses"]["200"]["content"][JSON]["example"] = shown
            if path.startswith("/v1"):
                operation["security"] = [{}, {"bearer": []}, {"key": []}]
    # parts of it are constants that every document shares
    return deepcopy(found)


def _of_models(models: Sequence[type[Wire]]) -> dict[str, Any]:
    """Schemas of all that travels as a body."""
    # what is left out when it does not apply is optional, which is how the validation schemas describe it
    _, schemas = models_json_schema(
        [(model, "validation") for model in models],
        ref_template=COMPONENTS + "{model}",
        schema_generator=WireSchema,
    )
    made: dict[str, Any] = schemas["$defs"]
    return made


def _of_parameters(found: dict[str, Any]) -> dict[str, Any]:
    """Schemas that the framework made of parameters."""
    made = found.get("components", {}).get("schemas", {})
    return {name: schema for name, schema in made.items() if name not in FRAMEWORK_ERRORS}


def _drop_framework_errors(found: dict[str, Any]) -> None:
    """Take away the answer that the framework adds to each route with parameters: errors have problem details here.

    A route whose parameters can be refused says so itself.
    """
    for methods in found["paths"].values():
        for operation in methods.values():
            refused = operation["responses"].get("422", {}).get("content", {})
            if refused.get(JSON, {}).get("schema") == {"$ref": COMPONENTS + FRAMEWORK_ERRORS[0]}:
                del operation["responses"]["422"]


def as_json(app: FastAPI, prefix: str = "") -> bytes:
    """The document as bytes, indented and with a final line break, so that it can be kept under version control.

    Made once an app and prefix, when first asked for: at start it would take longer than anything but imports.
    """
    if not hasattr(app.state, "openapi_json"):
        app.state.openapi_json = lru_cache(MAX_PREFIXES)(lambda wanted: _written(document(app, wanted)))
    made: bytes = app.state.openapi_json(prefix)
    return made


def _written(made: dict[str, Any]) -> bytes:
    return orjson.dumps(made, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
