"""Plans carried out in this process, and functions of chunks that refuse what is not finite."""

from collections.abc import Mapping, Sequence

import numpy as np

from service.errors import NumericalError
from service.operations.plans.columns import joined, reference
from service.operations.plans.plan import Arrays, ChunkFunction, Json, Plan


def run_here(plan: Plan, functions: Mapping[str, ChunkFunction]) -> Json:
    """Run a plan without planner in this process, chunk after chunk."""
    results: list[Json] = []
    for chunk in plan.chunks:
        inputs = [results[index] for index in chunk.inputs]
        results.append(functions[chunk.function](chunk.arguments, plan.arrays, inputs))
    references = [reference(index, "") for index in range(plan.referenced)]
    answer = functions[plan.reducer](plan.arguments, plan.arrays, [*references, *results[plan.referenced :]])
    return joined(answer, lambda part: results[part["$chunk"]])


def in_range(functions: Mapping[str, ChunkFunction]) -> dict[str, ChunkFunction]:
    """The same functions, silent where they overflow and refusing to return what is not finite.

    What they raise is a `NumericalError`: extreme weights and data are legal, their pictures do not exist.
    """
    return {name: _in_range(function) for name, function in functions.items()}


def _in_range(function: ChunkFunction) -> ChunkFunction:
    def call(arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> Json:
        with np.errstate(all="ignore"):
            found = function(arguments, arrays, inputs)
            if not _finite(found):
                raise NumericalError("the computation left the range of double precision")
        return found

    return call


def _finite(value: Json) -> bool:
    if isinstance(value, Mapping):
        return all(map(_finite, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_finite, value))
    return not isinstance(value, float | np.ndarray) or bool(np.all(np.isfinite(value)))
