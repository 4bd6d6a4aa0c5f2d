"""Where in a body an error of validation stands: the library's location without the branches of unions it names."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from service.errors import Location
from service.schemas.base import Wire

CoreSchema: TypeAlias = Mapping[str, Any]
INSIDE: Final = "schema"
"""Under which most kinds of schemas hold the one that they wrap."""
ITEMS: Final[Mapping[str, str]] = {"list": "items_schema", "dict": "values_schema"}


def location_in_body(model: type[Wire], location: Location) -> Location:
    """The location without the names of union branches, which are not part of the body.

    Parameters
    ----------
    model : type
        What was validated: its own schema says where a union stands and what its branches are called.
    location : tuple of str and int
        From the library.
    """
    return tuple(step for step, _ in _steps(model, location))


def names_beside(model: type[Wire], location: Location) -> list[str]:
    """The names of the fields that the object at the end of a location knows, where the last step is a name in it."""
    schema = next((holder for _, holder in reversed(list(_steps(model, location)))), None)
    if schema is None or schema["type"] != "model-fields":
        return []
    return [field.get("validation_alias", name) for name, field in schema["fields"].items()]


def _steps(model: type[Wire], location: Location) -> Iterator[tuple[str | int, CoreSchema | None]]:
    """The steps that are part of the body, each with the schema of what holds it."""
    definitions: dict[str, CoreSchema] = {}
    schema: CoreSchema | None = model.__pydantic_core_schema__
    for step in location:
        schema = _reached(schema, definitions)
        if schema is not None and schema["type"] in ("union", "tagged-union"):
            schema = _branch(schema, step)
            continue
        yield step, schema
        schema = None if schema is None else _below(schema, step)


def _reached(schema: CoreSchema | None, definitions: dict[str, CoreSchema]) -> CoreSchema | None:
    """The schema that takes the next step, inside whatever wraps it."""
    while schema is not None and schema["type"] not in ("union", "tagged-union", "model-fields", *ITEMS):
        if schema["type"] == "definitions":
            definitions |= {each["ref"]: each for each in schema["definitions"]}
        schema = definitions.get(schema["schema_ref"]) if "schema_ref" in schema else schema.get(INSIDE)
    return schema


def _branch(schema: CoreSchema, name: str | int) -> CoreSchema | None:
    """A branch by the name that the library gives it, None if its name says too little."""
    choices = schema["choices"]
    if isinstance(choices, Mapping):
        found: CoreSchema | None = choices.get(name)
        return found
    labelled = [each if isinstance(each, tuple) else (each, each.get("cls", type(None)).__name__) for each in choices]
    return next((choice for choice, label in labelled if label == name), None)


def _below(schema: CoreSchema, step: str | int) -> CoreSchema | None:
    """What stands at a field or an entry; None where the body has something unknown."""
    if schema["type"] in ITEMS:
        entry: CoreSchema | None = schema.get(ITEMS[schema["type"]])
        return entry
    for name, field in schema["fields"].items():
        if step in (name, field.get("validation_alias")):
            below: CoreSchema = field
            return below
    return None
