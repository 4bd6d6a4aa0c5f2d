"""A plan: work as an ordered list of bounded chunks of named functions, and a reducer over their results.

A plan knows no engine: chunks are JSON-able arguments and shared arrays, so that whatever computes them gives the same
answer, in this process, in another one, or after a stop from what was stored.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeAlias, TypeVar, overload

import numpy as np
import numpy.typing as npt

from service.operations.guards import double_precision, finite_answer
from service.schemas.base import Wire
from service.settings import Limits

T_co = TypeVar("T_co", covariant=True)
RequestT = TypeVar("RequestT")
Json: TypeAlias = Any
"""A value of JSON, in which numeric arrays may stand too."""
Arrays: TypeAlias = Mapping[str, npt.NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Written:
    """An answer made of results that chunks have stored: typed there, and passed on without being read again."""

    document: Json


Result: TypeAlias = "Wire | Sequence[Wire] | Sequence[Chunk] | Written"
"""What a function of a plan returns: an answer or a part of one, or the next chunks.

Functions receive results of others as they were stored: as JSON whose arrays are arrays.
"""
ChunkFunction: TypeAlias = Callable[[Mapping[str, Json], Arrays, Sequence[Json]], Result]
"""``function(arguments, arrays, inputs)``; pure, deterministic and silent."""


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
class Chunk:
    """One bounded piece of work: a call of a named function.

    Attributes
    ----------
    function : str
        A name among the functions of the `Work`.
    arguments : mapping
        JSON-able.
    inputs : tuple of int
        Places of earlier chunks whose results the function receives, in this order; the chunk, and those behind it,
        wait until they are stored.
    """

    function: str
    arguments: Mapping[str, Json] = field(default_factory=dict)
    inputs: tuple[int, ...] = ()

    def to_json(self) -> Json:
        """The chunk as it is stored where a planner has returned it."""
        return {"function": self.function, "arguments": dict(self.arguments), "inputs": list(self.inputs)}

    @classmethod
    def from_json(cls, value: Json) -> "Chunk":
        """Invert `to_json`."""
        return cls(str(value["function"]), value["arguments"], tuple(int(index) for index in value["inputs"]))


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done for one request; the same request always gives the same plan.

    Attributes
    ----------
    chunks : sequence of Chunk
        The chunks known beforehand; may be lazy, is indexed and never copied.
    reducer : str
        Named function that receives ``arguments``, the arrays and every chunk's result in order.
    arguments : mapping
        What reducer and planner receive.
    arrays : mapping
        Arrays that every chunk may read; they travel once to each worker, by hash.
    cost_s : float
        Estimated seconds of one core for the whole plan.
    planner : str or None
        Where chunks follow from results: a named function that, once every planned chunk is stored, receives
        ``arguments`` with ``round`` and ``next_index`` added and the results of the last round, and returns the next
        chunks; none of them ends the plan.
    referenced : int
        How many of the first chunks the reducer receives as references (place and hash): their arrays stay where they
        are stored, and the answer names them by a `StoredColumn`.
    anytime : bool
        Whether the reducer can answer from whatever is stored once the first chunk is: such a plan has an answer when
        its time is over, and only a first chunk that takes next to no time.
    """

    chunks: Sequence[Chunk]
    reducer: str
    arguments: Mapping[str, Json] = field(default_factory=dict)
    arrays: Arrays = field(default_factory=dict)
    cost_s: float = 0.0
    planner: str | None = None
    referenced: int = 0
    anytime: bool = False


@dataclass(frozen=True, slots=True)
class Work(Generic[RequestT]):
    """How the requests of one operation are cut into chunks.

    Attributes
    ----------
    make : callable
        From a request and the limits to its plan; cheap, deterministic, and raises what is wrong with the request
        before anything is computed.
    functions : mapping
        Every function that chunks, planner and reducer may name.
    longest_chunk_s : float
        Upper estimate for one chunk.
    cut : callable or None
        From a stored question to its plan, where the chunks read it themselves and the driver does not.
    """

    make: Callable[[RequestT, Limits], Plan]
    functions: Mapping[str, ChunkFunction]
    longest_chunk_s: float = 2.0
    cut: Callable[[Mapping[str, Json]], Plan] | None = None

    def plan(self, request: RequestT, limits: Limits) -> Plan:
        """The plan of a request.

        Raises
        ------
        ServiceError
            Whatever the plan refuses; what leaves double precision on the way is a `NumericalError`.
        """
        with double_precision(), finite_answer():
            return self.make(request, limits)

    def guarded(self) -> dict[str, ChunkFunction]:
        """The functions, which raise a `NumericalError` where the computation leaves double precision."""
        return {name: partial(_guarded, function) for name, function in self.functions.items()}


def document_of(result: Result) -> Json:
    """A result as it is stored: JSON whose arrays are arrays."""
    if isinstance(result, Wire):
        return result.document()
    if isinstance(result, Written):
        return result.document
    return [each.document() if isinstance(each, Wire) else each.to_json() for each in result]


def _guarded(function: ChunkFunction, arguments: Mapping[str, Json], arrays: Arrays, inputs: Sequence[Json]) -> Result:
    # what overflows is seen in the result, which is refused unless it is finite; a warning would tell nobody
    with double_precision(), finite_answer(), np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return function(arguments, arrays, inputs)
