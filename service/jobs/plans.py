"""Plans: a job as an ordered list of bounded chunks of named functions, and a reducer over their results."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from service.jobs.values import Json

Arrays: TypeAlias = Mapping[str, npt.NDArray[np.generic]]
ChunkFunction: TypeAlias = Callable[[Mapping[str, Json], Arrays, Sequence[Json]], Json]
"""``function(arguments, arrays, inputs) -> value``; pure, deterministic, silent; value as `codec.encode` takes it."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One bounded piece of work.

    Attributes
    ----------
    function : str
        A name in the operation's table of functions.
    arguments : mapping
        JSON-able arguments.
    inputs : tuple of int
        Indices of earlier chunks whose stored results the function receives, in this order; the chunk, and those
        behind it, wait until they are stored.
    """

    function: str
    arguments: Mapping[str, Json] = field(default_factory=dict)
    inputs: tuple[int, ...] = ()

    def to_json(self) -> Json:
        """Return the chunk as a planner must return it."""
        return {"function": self.function, "arguments": dict(self.arguments), "inputs": list(self.inputs)}

    @classmethod
    def from_json(cls, value: Json) -> "Chunk":
        """Invert `to_json`."""
        return cls(str(value["function"]), value["arguments"], tuple(int(index) for index in value["inputs"]))


@dataclass(frozen=True, slots=True)
class Plan:
    """What an operation makes of a request; the same request always gives the same plan.

    Attributes
    ----------
    chunks : sequence of Chunk
        The chunks known beforehand; may be lazy, is indexed and never copied.
    reducer : str
        Named function that receives ``arguments``, the arrays and every stored chunk result in index order.
    arguments : mapping
        What reducer and planner receive.
    arrays : mapping
        Arrays every chunk may read; they travel once to each worker, by hash.
    planner : str, optional
        Makes the plan adaptive: when every planned chunk is stored, this named function receives ``arguments``
        with ``round`` and ``next_index`` added and the results of the last round, and returns the next round as a
        list of `Chunk.to_json`; an empty list ends the plan.
    cost_s : float
        Estimated seconds of one core for the whole plan.
    referenced : int
        How many of the first chunks the reducer receives as references (place and hash): large arrays then are stored
        once, as chunks, and the result names them.
    """

    chunks: Sequence[Chunk]
    reducer: str
    arguments: Mapping[str, Json] = field(default_factory=dict)
    arrays: Arrays = field(default_factory=dict)
    planner: str | None = None
    cost_s: float = 0.0
    referenced: int = 0


@dataclass(frozen=True, slots=True)
class Operation:
    """One kind of heavy work: a row of the explicit table of job operations.

    Attributes
    ----------
    name : str
        What clients call it.
    plan : callable
        Turns a canonical request into a `Plan`; cheap, and raises `LimitExceeded` before anything starts.
    functions : mapping
        Every function that chunks, planner and reducer may name.
    longest_chunk_s : float
        Upper estimate for one chunk; a chunk that runs ten times longer (at least ``chunk_limit_s``) is stopped.
    chunk_limit_s : float
        Seconds after which one chunk is held to be stuck and the job fails.
    """

    name: str
    plan: Callable[[Mapping[str, Json]], Plan]
    functions: Mapping[str, ChunkFunction]
    longest_chunk_s: float = 2.0
    chunk_limit_s: float = 120.0

    @property
    def stuck_after_s(self) -> float:
        """Seconds after which a running chunk is held to be stuck."""
        return max(self.chunk_limit_s, 10.0 * self.longest_chunk_s)


OperationTable: TypeAlias = Mapping[str, Operation]
