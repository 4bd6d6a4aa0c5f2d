"""From a parsed JSON body to a request; what is wrong is said by field and never repeats a value."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Generic, TypeVar

from pydantic import ValidationError

from service.errors import FieldError, InputError, Location
from service.schemas.base import MAX_REPORTED, Wire, WireT
from service.schemas.locations import location_in_body, names_beside
from service.schemas.suggestions import kind_of, of_choice, of_unknown

RequestT_co = TypeVar("RequestT_co", covariant=True)

MAX_NAME: Final = 100

MESSAGES: Final[Mapping[str, str]] = {
    "missing": "is required",
    "extra_forbidden": "is not a known field",
    "finite_number": "must be finite and within the range of double precision",
    "float_type": "must be a number within the range of double precision",
    "int_type": "must be an integer",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_parsing": "must be an integer",
    "string_type": "must be a string",
    "list_type": "must be an array",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "enum": "must be one of {expected}",
    "literal_error": "must be one of {expected}",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be greater than {gt}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "string_too_long": "must not be longer than {max_length} characters",
    "union_tag_invalid": "must be one of {expected_tags}",
    "union_tag_not_found": "is required and says which fields the object has",
}

KINDS_OF_VALUES: Final = frozenset(
    {
        "float_type",
        "int_type",
        "bool_type",
        "string_type",
        "list_type",
        "dict_type",
        "model_type",
        "model_attributes_type",
    }
)
"""Errors whose message says what kind of value was sent."""


@dataclass(frozen=True, slots=True)
class Parsed(Generic[RequestT_co]):
    """A request, and where its problem stands in the body as it was sent."""

    request: RequestT_co
    problem_at: Location


def parse_request(model: type[WireT], body: object) -> Parsed[WireT]:
    """Read a bare problem or ``{"problem": ..., options}``.

    Parameters
    ----------
    model : type
        A request model with the field ``problem`` and one field for each option that stands beside it.
    body : object
        Parsed JSON.

    Raises
    ------
    InputError
        With locations in ``body`` as it was sent.
    """
    if not isinstance(body, dict):
        raise InputError.at((), "must be an object")
    if "problem" in body:
        return Parsed(validated(model, body), ("problem",))
    options = options_of(model)
    problem = {name: value for name, value in body.items() if name not in options}
    wrapped = {name: value for name, value in body.items() if name in options}
    return Parsed(validated(model, {"problem": problem, **wrapped}, unwrap=True), ())


@cache
def options_of(model: type[Wire]) -> frozenset[str]:
    """Names of the fields of a request that stand beside its problem."""
    return frozenset(field.alias or name for name, field in model.model_fields.items()) - {"problem"}


def validated(model: type[WireT], value: object, at: Location = (), *, unwrap: bool = False) -> WireT:
    """Validate; `InputError` with locations below ``at``, without a leading ``problem`` if it was not sent."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise InputError(_field_errors(model, error, at, unwrap=unwrap)) from None


def message_of(kind: str, context: Mapping[str, Any]) -> str:
    """What to say about one kind of error; never repeats a value."""
    said = MESSAGES.get(kind, "is not valid").format_map(context)
    return said.removesuffix("ies") + "y" if said.endswith(" 1 entries") else said


def _field_errors(model: type[Wire], error: ValidationError, at: Location, *, unwrap: bool) -> list[FieldError]:
    found = error.errors(include_url=False)
    problems = [_field_problem(model, item, at, unwrap=unwrap) for item in found[:MAX_REPORTED]]
    if len(found) > MAX_REPORTED:
        problems.append(FieldError(at, "has more errors, which are not listed"))
    return problems


def _field_problem(model: type[Wire], item: Mapping[str, Any], at: Location, *, unwrap: bool) -> FieldError:
    kind, context = item["type"], item.get("ctx", {})
    location = location_in_body(model, item["loc"])
    if unwrap and location[:1] == ("problem",):
        location = location[1:]
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        location = (*location, "kind")
    detail = message_of(kind, context) + _helpful(model, item, unwrap=unwrap)
    if location and isinstance(location[-1], str) and len(location[-1]) > MAX_NAME:
        location, detail = location[:-1], "has an unknown field with a very long name"
    return FieldError((*at, *location), detail)


def _helpful(model: type[Wire], item: Mapping[str, Any], *, unwrap: bool) -> str:
    """What may have been meant, and what kind of value was sent; never the value."""
    kind, at = item["type"], item["loc"]
    if kind == "extra_forbidden":
        known = names_beside(model, at)
        if unwrap and len(at) == 2:
            known += sorted(options_of(model))
        return of_unknown(str(at[-1]), known)
    if kind in ("enum", "literal_error"):
        return of_choice(item["input"], str(item.get("ctx", {}).get("expected", "")))
    if kind == "union_tag_invalid":
        context = item["ctx"]
        return of_choice(context.get("tag"), str(context.get("expected_tags", "")))
    return f", not {kind_of(item['input'])}" if kind in KINDS_OF_VALUES else ""
