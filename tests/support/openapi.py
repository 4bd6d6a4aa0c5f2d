"""The OpenAPI document under version control, and walks through it."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
FILE: Final = ROOT / "openapi" / "openapi.json"
GENERATOR_OPTIONS: Final = ROOT / "openapi" / "python-client.yaml"
DOCUMENT: Final[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
SCHEMAS: Final[dict[str, Any]] = DOCUMENT["components"]["schemas"]
PROBLEM: Final = "application/problem+json"


def operations() -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Method, path and description of each operation by its id."""
    return {
        operation["operationId"]: (method.upper(), path, operation)
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    }


def resolved(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a reference leads to; anything else as it is."""
    if "$ref" not in value:
        return value
    found: Any = DOCUMENT
    for step in value["$ref"].removeprefix("#/").split("/"):
        found = found[step.replace("~1", "/").replace("~0", "~")]
    return resolved(found)


def parameters_of(operation: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [resolved(parameter) for parameter in operation.get("parameters", ())]


def schema_objects(value: Any = DOCUMENT) -> Iterator[Mapping[str, Any]]:
    """Every schema in the document, the outer before the inner; values that only look like one are passed over."""
    if isinstance(value, list):
        for item in value:
            yield from schema_objects(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name == "schema":
                yield from _within(item)
            elif name == "schemas":
                for schema in item.values():
                    yield from _within(schema)
            elif name not in {"examples", "example"}:
                yield from schema_objects(item)


def _within(schema: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(schema, dict):
        return
    yield schema
    for keyword, item in schema.items():
        if keyword in {"anyOf", "oneOf", "allOf", "prefixItems"}:
            for each in item:
                yield from _within(each)
        elif keyword in {"properties", "$defs", "patternProperties"}:
            for each in item.values():
                yield from _within(each)
        elif keyword in {"items", "additionalProperties", "not", "propertyNames", "contains"}:
            yield from _within(item)
