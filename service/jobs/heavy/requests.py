"""What every heavy operation shares: its question as JSON, and plans of the floor below as plans of jobs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from service.errors import LimitExceeded
from service.jobs.plans import Arrays, Chunk, ChunkFunction, Plan
from service.jobs.values import Json
from service.operations.guards import double_precision
from service.operations.plans.chunks import ChunkedPlan, Lazy, NamedChunk
from service.schemas.base import Wire
from service.settings import Limits

UNANSWERED: Final = frozenset({"time_limit_s"})


def question(asked: Wire, limits: Limits) -> dict[str, Json]:
    """Everything that decides the answer: the question with its defaults, and the limits it is held to."""
    return {
        "question": asked.model_dump(mode="json", by_alias=True, exclude=set(UNANSWERED)),
        "limits": Limits.model_validate(limits.model_dump()).model_dump(mode="json"),
    }


def limits_of(request: Mapping[str, Json]) -> Limits:
    """The limits in a question, whose canonical form knows one kind of number."""
    values: Mapping[str, Any] = request["limits"]
    return Limits.model_validate(
        {name: int(value) if float(value).is_integer() else value for name, value in values.items()}
    )


def check_job_time(time_limit_s: float | None, max_job_seconds: float) -> float:
    """Seconds that a job may take; `LimitExceeded` for more than the server allows."""
    if time_limit_s is not None and time_limit_s > max_job_seconds:
        raise LimitExceeded(("time_limit_s",), "max_job_seconds", max_job_seconds, "seconds")
    return time_limit_s or max_job_seconds


def job_plan(build: Callable[[], ChunkedPlan]) -> Plan:
    """The plan of a job from one of the floor below.

    Raises
    ------
    ServiceError
        Whatever the plan refuses; what leaves double precision on the way is a `NumericalError`.
    """
    with double_precision():
        found = build()
    chunks = Lazy(len(found.chunks), lambda index: _chunk(found.chunks[index]))
    return Plan(
        chunks, found.reducer, found.arguments, found.arrays, found.planner, found.cost_s, referenced=found.referenced
    )


def _chunk(chunk: NamedChunk) -> Chunk:
    return Chunk(chunk.function, chunk.arguments, chunk.inputs)


def guarded(functions: Mapping[str, ChunkFunction]) -> dict[str, ChunkFunction]:
    """The same functions, which say `NumericalError` where the computation leaves double precision."""
    return {name: _guarded(function) for name, function in functions.items()}


def _guarded(function: ChunkFunction) -> ChunkFunction:
    def call(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> Json:
        with double_precision():
            return function(arguments, arrays, inputs)

    return call
