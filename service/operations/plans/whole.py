"""An operation that is never cut as a plan of one chunk, so that any of them can be asked for as a job."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from service.errors import Location
from service.operations.answered import Answered, as_model
from service.operations.plans.plan import Arrays, Chunk, Json, Plan, Work, Written
from service.operations.questions import limits_of, question_of
from service.schemas.base import Wire
from service.schemas.parsing import Parsed
from service.settings import Limits

LONGEST_S: Final = 60.0


def as_one_chunk(
    parse: Callable[[object, Limits], Parsed[Any]], function: Callable[[Any, Limits, Location], Answered]
) -> Work[Any]:
    """The work of a function that answers a request as a whole.

    Parameters
    ----------
    parse : callable
        Reads what `question_of` has stored.
    function : callable
        ``function(request, limits, problem_at)``.
    """

    def make(request: Any, limits: Limits) -> Plan:
        return cut(question_of(request, limits))

    def cut(question: Mapping[str, Json]) -> Plan:
        return Plan([Chunk("answer", question)], "only")

    def answer(arguments: Mapping[str, Json], _arrays: Arrays, _inputs: Sequence[Json]) -> Wire:
        limits = limits_of(arguments)
        return as_model(function(parse(arguments["question"], limits).request, limits, ()))

    return Work(make, {"answer": answer, "only": only}, LONGEST_S, cut)


def only(_arguments: Mapping[str, Json], _arrays: Arrays, inputs: Sequence[Json]) -> Written:
    """The result of the only chunk."""
    return Written(inputs[0])
