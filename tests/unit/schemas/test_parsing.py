from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from service.errors import InputError, Location
from service.operations.loaded import examples_of, load
from service.operations.minima import parse
from service.operations.rows import Operation
from service.operations.table import OPERATIONS
from service.schemas.locations import location_in_body
from service.schemas.parsing import options_of
from service.schemas.problem import DESIGN_EXAMPLE, ProblemDocument
from service.schemas.request import BareMinimaRequest, MinimaRequest
from service.settings import Limits


def test_bare_and_wrapped_are_one_request() -> None:
    options = {"return": {"weights": "full"}, "include": ["layer_norms"], "time_limit_s": 1}
    bare, wrapped = parse({**DESIGN_EXAMPLE, **options}), parse({"problem": DESIGN_EXAMPLE, **options})
    assert bare.request == wrapped.request
    assert (bare.problem_at, wrapped.problem_at) == ((), ("problem",))


def test_the_documented_bare_form_has_the_fields_that_are_read() -> None:
    documented = {field.alias or name for name, field in BareMinimaRequest.model_fields.items()}
    assert documented == options_of(MinimaRequest) | set(ProblemDocument.model_fields)


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        (("network", "layers", 0, "noise", "dropout", "rate"), ("network", "layers", 0, "noise", "rate")),
        (("network", "layers", 0, "noise", "dropout", "dropout"), ("network", "layers", 0, "noise", "dropout")),
        (("data", "samples", "y", "matrix", 3, 0), ("data", "y", 3, 0)),
        (("data", "samples", "samples"), ("data", "samples")),
        (("data", "samples", "evaluation", "moments", "xx", 0), ("data", "evaluation", "xx", 0)),
        (("matrix",), ("matrix",)),
    ],
)
def test_branches_of_unions_are_no_part_of_a_location(
    location: tuple[str | int, ...], expected: tuple[str | int, ...]
) -> None:
    assert location_in_body(ProblemDocument, location) == expected


def leaves(value: Any, path: Location = ()) -> Iterator[Location]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    yield path
    for name, item in entries:
        yield from leaves(item, (*path, name))


def changed(body: Any, path: tuple[Any, ...], value: object) -> Any:
    if not path:
        return value
    copy = dict(body) if isinstance(body, dict) else list(body)
    copy[path[0]] = changed(body[path[0]], path[1:], value)
    return copy


def leads_into(body: Any, location: tuple[Any, ...]) -> bool:
    """Whether all of a location but its last step, which may be missing, stands in a body."""
    for step in location[:-1]:
        if not ((isinstance(body, dict) and step in body) or (isinstance(body, list) and isinstance(step, int))):
            return False
        body = body[step]
    return True


@pytest.mark.parametrize("row", [row for row in OPERATIONS if row.is_posted], ids=lambda row: row.name)
@pytest.mark.parametrize("wrong", [{"wrong": 1}, "wrong", [["wrong"]]], ids=["object", "word", "array"])
def test_whatever_is_wrong_in_an_example_is_said_where_it_stands(row: Operation, wrong: object) -> None:
    parse_body = load(row).parse
    said = 0
    for body in examples_of(row).values():
        for path in leaves(body):
            broken = changed(body, path, wrong)
            try:
                parse_body(broken, Limits())
            except InputError as error:
                for problem in error.fields:
                    assert leads_into(broken, problem.location), (path, problem.location)
                    said += 1
    assert said > 5


def test_integers_may_be_written_with_a_point_and_numbers_without() -> None:
    problem = {**DESIGN_EXAMPLE, "network": {"layers": [{"width": 2.0, "weight_decay": 1}, {"width": 1}]}}
    layer = parse(problem).request.problem.network.layers[0]
    assert (layer.width, type(layer.width)) == (2, int)
    assert (layer.weight_decay, type(layer.weight_decay)) == (1.0, float)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_no_number_that_is_not_finite_gets_in_or_out(value: float) -> None:
    with pytest.raises(InputError, match="finite"):
        parse({**DESIGN_EXAMPLE, "data": {"kind": "moments", "xx": [[value]], "xy": [[1.0]], "yy": 1.0}})
    with pytest.raises(ValidationError):
        ProblemDocument.model_validate(
            DESIGN_EXAMPLE | {"data": {"kind": "moments", "xx": [[1.0]], "xy": [[1]], "yy": value}}
        )
