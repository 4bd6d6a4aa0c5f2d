"""Rows of the table with what they name: models, functions and plans, imported when an operation is first asked for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, TypeAlias

from service.errors import Location
from service.operations.answered import Answered
from service.operations.drawing.canvas import Draw
from service.operations.plans.plan import Work
from service.operations.plans.whole import as_one_chunk
from service.operations.rows import Operation, Place
from service.schemas.base import Wire
from service.schemas.parsing import Parsed, parse_request, validated
from service.settings import Limits

Parse: TypeAlias = Callable[[object, Limits], Parsed[Any]]
Answer: TypeAlias = Callable[[Any, Limits, Location], Answered]


class TableError(Exception):
    """A row of the table names something that is not there."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """An operation that a body asks for, ready to be answered.

    Attributes
    ----------
    row : Operation
    parse : callable
        From a body to the request; `InputError` with locations in the body.
    function : callable or None
        Answers at once.
    work : Work or None
        How it runs in chunks; None for what never becomes a job.
    cost : callable or None
        Seconds of one core that ``function`` takes.
    """

    row: Operation
    parse: Parse
    function: Answer | None
    work: Work[Any] | None
    cost: Callable[[Any], float] | None


@cache
def load(row: Operation) -> Loaded:
    """What a row names, imported once.

    Raises
    ------
    TableError
        If the row names something that is not there.
    """
    parse: Parse = resolved(row, row.parse) if row.parse else _parser(row)
    function: Answer | None = resolved(row, row.function) if row.function else None
    work: Work[Any] | None = resolved(row, row.work) if row.work else None
    if row.job and work is None and function is not None:
        work = as_one_chunk(parse, function)
    return Loaded(row, parse, function, work, resolved(row, row.cost) if row.cost else None)


def requests_of(row: Operation) -> tuple[type[Wire], ...]:
    """The models of its body."""
    return tuple(resolved(row, place) for place in row.requests)


def answers_of(row: Operation) -> tuple[type[Wire], ...]:
    """The models of its answer."""
    return tuple(resolved(row, place) for place in row.answers)


def examples_of(row: Operation) -> Mapping[str, Any]:
    """Title to body of its examples; none where it has none."""
    examples: Mapping[str, Any] = resolved(row, row.examples) if row.examples else {}
    return examples


def description_of(row: Operation) -> str:
    """What the OpenAPI document says about it."""
    return str(resolved(row, row.description)) if row.description else ""


def drawing_of(row: Operation) -> "Draw | None":
    """What draws its answers; None if nothing does."""
    draw: Draw | None = resolved(row, row.draw) if row.draw else None
    return draw


def tensors_of(row: Operation) -> Callable[[Any], bytes] | None:
    """What writes its answers as safetensors; None if nothing does."""
    write: Callable[[Any], bytes] | None = resolved(row, row.tensors) if row.tensors else None
    return write


def resolved(row: Operation, place: Place) -> Any:
    """What stands at a place that a row names; `TableError` if nothing does."""
    module, _, name = place.partition(":")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise TableError(f"{row.name}: {place} is in the table of operations, but {error}") from error


def _parser(row: Operation) -> Parse:
    """How a body is read by the models alone."""
    models = requests_of(row)
    if len(models) > 1:
        return lambda body, _limits: parse_request(models[-1], body)
    return lambda body, _limits: Parsed(validated(models[-1], body), ("problem",))
