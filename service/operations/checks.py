"""Faults of the table of operations, in words: what a row leaves out, and where it disagrees with what it names.

A test asks for all of them; a row that names something that does not exist stops the server from starting.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from inspect import Parameter, signature
from typing import Any, Final, get_args, get_type_hints

from service.errors import ServiceError
from service.operations.loaded import (
    TableError,
    answers_of,
    description_of,
    drawing_of,
    examples_of,
    load,
    requests_of,
    resolved,
    tensors_of,
)
from service.operations.plans.plan import Work
from service.operations.rows import Operation
from service.operations.table import OPERATIONS
from service.schemas.base import Wire
from service.settings import Limits

UNIQUE: Final = ("name", "route", "command")


def faults(rows: Iterable[Operation] = OPERATIONS) -> list[str]:
    """Everything that is wrong with a table, a sentence each; none if it is right."""
    rows = tuple(rows)
    found = [fault for row in rows for fault in _of_row(row)]
    for name in UNIQUE:
        counted = Counter(getattr(row, name) for row in rows)
        found += [f"two rows have the {name} {value}" for value, times in counted.items() if value and times > 1]
    return found


def _of_row(row: Operation) -> Iterator[str]:
    try:
        for fault in (*_of_what_is_named(row), *(_of_posted(row) if row.requests else ())):
            yield f"{row.name}: {fault}"
    except TableError as error:
        yield str(error)


def _of_what_is_named(row: Operation) -> Iterator[str]:
    if row.function is None and row.work is None:
        yield "it has neither function nor work, so that nothing answers"
    if not row.answers:
        yield "it names no answers"
    models: tuple[object, ...] = (*requests_of(row), *answers_of(row))
    for model in models:
        if not (isinstance(model, type) and issubclass(model, Wire)):
            yield f"{model} is not a model of the wire"
    if row.function is not None:
        yield from _of_function(row, resolved(row, row.function))


def _of_function(row: Operation, function: Callable[..., Any]) -> Iterator[str]:
    """Whether a function takes what is read and returns what is promised."""
    if not row.requests:
        return
    places = [each for each in signature(function).parameters.values() if each.kind is Parameter.POSITIONAL_OR_KEYWORD]
    if len(places) != 3:
        yield f"{row.function} must take (request, limits, problem_at)"
    elif row.parse is None:
        hints = get_type_hints(function)
        if hints[places[0].name] is not requests_of(row)[-1]:
            yield f"{row.function} does not take {row.requests[-1]}"
        returned = hints["return"]
        if not set(get_args(returned) or (returned,)) <= {*answers_of(row)}:
            yield f"{row.function} does not return one of {', '.join(row.answers)}"


def _of_posted(row: Operation) -> Iterator[str]:
    """What a route, a command, a job and the document need."""
    for name in ("route", "tag", "summary", "returns", "description", "examples"):
        if not getattr(row, name):
            yield f"it has no {name}"
    if row.function is not None and row.cost is None:
        yield "its function has no cost, by which it is decided where it runs"
    if row.work is not None and not isinstance(resolved(row, row.work), Work):
        yield f"{row.work} is not a Work"
    if row.function is None and not row.job:
        yield "it runs by a plan, so that it must be allowed to become a job"
    drawing_of(row)
    tensors_of(row)
    description_of(row)
    loaded = load(row)
    for title, body in examples_of(row).items():
        try:
            request = loaded.parse(body, Limits()).request
        except ServiceError as error:
            yield f"the example {title!r} is refused: {error}"
            continue
        for name in row.logged:
            if len(loaded.row.requests) == 1 and not hasattr(request, name):
                yield f"its request has no {name} to be logged"
