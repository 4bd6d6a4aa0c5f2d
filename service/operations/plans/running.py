"""Plans carried out in this process, and functions of chunks that refuse what is not finite."""

from collections.abc import Mapping, Sequence
from functools import wraps

import numpy as np
from pydantic import ValidationError

from service.errors import NumericalError
from service.operations.guards import is_beyond_range
from service.operations.plans.columns import joined, reference
from service.operations.plans.plan import Arrays, ChunkFunction, Json, Plan, Result, document_of


def run_here(plan: Plan, functions: Mapping[str, ChunkFunction]) -> Json:
    """Run a plan without planner in this process, chunk after chunk; the answer as JSON whose arrays are arrays."""
    results = _chunks_here(plan, functions)
    return joined(document_of(_reduced(plan, functions, results)), lambda part: results[part["$chunk"]])


def answer_here(plan: Plan, functions: Mapping[str, ChunkFunction]) -> Result:
    """Run a plan without planner and without references in this process."""
    return _reduced(plan, functions, _chunks_here(plan, functions))


def _chunks_here(plan: Plan, functions: Mapping[str, ChunkFunction]) -> list[Json]:
    results: list[Json] = []
    for chunk in plan.chunks:
        inputs = [results[index] for index in chunk.inputs]
        results.append(document_of(functions[chunk.function](chunk.arguments, plan.arrays, inputs)))
    return results


def _reduced(plan: Plan, functions: Mapping[str, ChunkFunction], results: Sequence[Json]) -> Result:
    references = [reference(index, "") for index in range(plan.referenced)]
    return functions[plan.reducer](plan.arguments, plan.arrays, [*references, *results[plan.referenced :]])


def in_range(functions: Mapping[str, ChunkFunction]) -> dict[str, ChunkFunction]:
    """The same functions, silent where they overflow and refusing to return what is not finite.

    What they raise is a `NumericalError`: extreme weights and data are legal, their pictures do not exist.
    """
    return {name: _in_range(function) for name, function in functions.items()}


def _in_range(function: ChunkFunction) -> ChunkFunction:
    @wraps(function)
    def call(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> Result:
        try:
            with np.errstate(all="ignore"):
                return function(arguments, arrays, inputs)
        except ValidationError as error:
            if not is_beyond_range(error):
                raise
            raise NumericalError("the computation left the range of double precision") from error

    return call
