"""What drivers and workers know of one kind of job."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from service.jobs.values import Json
from service.operations.plans.plan import ChunkFunction, Plan


@dataclass(frozen=True, slots=True)
class JobKind:
    """One kind of job.

    Attributes
    ----------
    name : str
        What clients call it.
    plan : callable
        Turns a stored question into a `Plan`; cheap, and raises `LimitExceeded` before anything starts.
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


KindTable: TypeAlias = Mapping[str, JobKind]
