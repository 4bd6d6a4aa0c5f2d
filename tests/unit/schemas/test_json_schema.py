from typing import Annotated, Any

import pytest
from pydantic import Field

from service.schemas.base import Integer, Number, Wire
from service.schemas.json_schema import WireSchema


class Start(Wire):
    scale: Number = 0.5


class Bounded(Wire):
    plain: Integer = Field(ge=1, lt=9)
    optional: Integer | None = Field(default=None, ge=1, le=8)
    entries: list[Annotated[Integer, Field(gt=0)]] = Field(default=[])
    start: Start | Annotated[Integer, Field(lt=3)] = Start()
    ge: Number = Field(default=0.0, ge=0, description="A field may have the name of a bound.")


FIELDS = Bounded.model_json_schema(schema_generator=WireSchema)["properties"]


@pytest.mark.parametrize(
    ("field", "schema"),
    [
        ("plain", {"minimum": 1, "exclusiveMaximum": 9, "type": "integer"}),
        ("optional", {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 8}, {"type": "null"}], "default": None}),
        ("entries", {"type": "array", "items": {"type": "integer", "exclusiveMinimum": 0}, "default": []}),
        ("start", {"anyOf": [{"$ref": "#/$defs/Start"}, {"type": "integer", "exclusiveMaximum": 3}]}),
        ("ge", {"type": "number", "minimum": 0, "default": 0.0}),
    ],
)
def test_bounds_are_those_of_json_schema_and_objects_are_no_defaults(field: str, schema: dict[str, Any]) -> None:
    found = {keyword: value for keyword, value in FIELDS[field].items() if keyword not in {"title", "description"}}
    assert found == schema
