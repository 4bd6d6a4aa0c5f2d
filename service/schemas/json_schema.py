"""JSON Schemas of the models on the wire, as validators and generators of clients understand them."""

from collections.abc import Mapping
from typing import Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

KEYWORDS: Final[Mapping[str, str]] = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
}
"""Bounds as pydantic names them, and as JSON Schema does.

On a type with a validator of its own, such as `service.schemas.base.Integer`, pydantic writes its own name of a bound,
which nobody else knows."""


class WireSchema(GenerateJsonSchema):
    """What differs from pydantic's own schemas."""

    def generate_inner(self, schema: core_schema.CoreSchema) -> JsonSchemaValue:
        """Write the schema of one type, its bounds in the words of JSON Schema."""
        made = super().generate_inner(schema)
        return {KEYWORDS.get(keyword, keyword): value for keyword, value in made.items()}

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Leave out a default that is an object: its fields have defaults of their own, and generators refuse it."""
        made = super().default_schema(schema)
        return {
            keyword: value for keyword, value in made.items() if keyword != "default" or not isinstance(value, dict)
        }
