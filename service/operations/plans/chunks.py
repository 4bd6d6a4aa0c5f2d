"""What a plan is, without an engine: named functions over JSON-able arguments and shared arrays."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar, overload

import numpy as np
import numpy.typing as npt

from service.errors import NumericalError

T_co = TypeVar("T_co", covariant=True)
Json: TypeAlias = Any
"""A value of JSON, in which numeric arrays may stand too."""
Arrays: TypeAlias = Mapping[str, npt.NDArray[np.generic]]
ChunkFunction: TypeAlias = Callable[[Mapping[str, Json], Arrays, Sequence[Json]], Json]
"""``function(arguments, arrays, inputs)``; pure and deterministic."""


class Lazy(Sequence[T_co]):
    """A sequence whose items are made when they are asked for: a plan may have very many chunks.

    Parameters
    ----------
    count : int
    make : callable
        The item at a place from 0 to ``count - 1``; the same whenever it is asked for.
    """

    def __init__(self, count: int, make: Callable[[int], T_co]) -> None:
        self._count = count
        self._make = make

    def __len__(self) -> int:
        """Number of items."""
        return self._count

    @overload
    def __getitem__(self, index: int) -> T_co: ...

    @overload
    def __getitem__(self, index: slice) -> "list[T_co]": ...

    def __getitem__(self, index: int | slice) -> "T_co | list[T_co]":
        """One item, or those of a slice."""
        places = range(self._count)[index]
        return self._make(places) if isinstance(places, int) else [self._make(place) for place in places]


@dataclass(frozen=True, slots=True)
class NamedChunk:
    """One call of a named function.

    Attributes
    ----------
    function : str
    arguments : mapping
    inputs : tuple of int
        Earlier chunks whose results the function receives, in this order.
    """

    function: str
    arguments: Mapping[str, Json]
    inputs: tuple[int, ...] = ()

    def to_json(self) -> Json:
        """The chunk as a planner returns it."""
        return {"function": self.function, "arguments": dict(self.arguments), "inputs": list(self.inputs)}


@dataclass(frozen=True, slots=True)
class ChunkedPlan:
    """Work cut into chunks; the reducer receives ``arguments``, the arrays and the results in order.

    Attributes
    ----------
    chunks : sequence of NamedChunk
    reducer : str
    arguments : mapping
    arrays : mapping
        Shared by all chunks.
    cost_s : float
        Estimated seconds of one core.
    planner : str or None
        Where chunks follow from results: a named function that receives ``arguments`` with ``next_index`` added and the
        results of the last round, and returns the next chunks as `NamedChunk.to_json`; none of them ends the plan.
    referenced : int
        How many of the first chunks the reducer receives as references: their arrays stay where they are stored, and
        the answer names them by `column`.
    """

    chunks: Sequence[NamedChunk]
    reducer: str
    arguments: Mapping[str, Json]
    arrays: Arrays = field(default_factory=dict)
    cost_s: float = 0.0
    planner: str | None = None
    referenced: int = 0


def run_here(plan: ChunkedPlan, functions: Mapping[str, ChunkFunction]) -> Json:
    """Run a plan without planner in this process, chunk after chunk."""
    results: list[Json] = []
    for chunk in plan.chunks:
        inputs = [results[index] for index in chunk.inputs]
        results.append(functions[chunk.function](chunk.arguments, plan.arrays, inputs))
    references = [reference(index, "") for index in range(plan.referenced)]
    answer = functions[plan.reducer](plan.arguments, plan.arrays, [*references, *results[plan.referenced :]])
    return joined(answer, lambda part: results[part["$chunk"]])


def reference(index: int, digest: str) -> Json:
    """What a reducer receives for a chunk whose arrays stay where they are: its place and the hash of its result."""
    return {"$chunk": index, "hash": digest}


def column(parts: Sequence[Json], name: str) -> Json:
    """An array of an answer that is made of the arrays ``name`` of referenced chunks, one after the other."""
    return {"$column": name, "of": list(parts)}


def is_column(value: Json) -> bool:
    """Whether a value was made by `column`."""
    return isinstance(value, Mapping) and value.keys() == {"$column", "of"}


def joined(answer: Json, read: Callable[[Json], Mapping[str, Json]]) -> Json:
    """The answer with the arrays in the place of its columns; ``read`` is called once for each reference."""
    values: dict[int, Mapping[str, Json]] = {}

    def put(value: Json) -> Json:
        if is_column(value):
            for part in value["of"]:
                if part["$chunk"] not in values:
                    values[part["$chunk"]] = read(part)
            return np.concatenate([np.asarray(values[part["$chunk"]][value["$column"]]) for part in value["of"]])
        if isinstance(value, Mapping):
            return {key: put(item) for key, item in value.items()}
        return [put(item) for item in value] if isinstance(value, list) else value

    return put(answer)


def with_nulls(values: npt.NDArray[Any]) -> Json:
    """Nested lists in which what is not finite is null."""
    if values.dtype.kind == "U":
        return values.tolist()
    whole = np.isfinite(values)
    if whole.all():
        return values.tolist()
    boxed = values.astype(object)
    boxed[~whole] = None
    return boxed.tolist()


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
