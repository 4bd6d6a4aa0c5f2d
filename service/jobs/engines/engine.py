"""The port to whatever computes: it takes calls, reports how they ended, and can make one stop."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from service.jobs.values import Payload


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a named function, made of strings and bytes only.

    Attributes
    ----------
    operation, function : str
        Where the function stands in the explicit table of operations.
    arguments : str
        JSON.
    arrays : str or None
        Hash under which the plan's arrays were given to `Engine.share`.
    inputs : tuple of Payload
        Stored results the function receives.
    urgent : bool
        Goes before whatever else waits: a job's end must not queue behind other jobs' chunks.
    """

    operation: str
    function: str
    arguments: str
    arrays: str | None = None
    inputs: tuple[Payload, ...] = ()
    urgent: bool = False


class Ending(StrEnum):
    """How a call ended."""

    DONE = "done"
    RAISED = "raised"
    LOST = "lost"
    """Its worker died under it."""
    UNSTARTED = "unstarted"
    """The pool lost it before, or without knowing whether, it began; nobody is to blame."""


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """The end of one call; ``payload`` and ``seconds`` when done, ``error`` when it raised."""

    key: str
    ending: Ending
    payload: Payload | None = None
    seconds: float = 0.0
    error: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PoolCensus:
    """Workers that there should be (None where others decide), that can compute, and that do."""

    wanted: int | None = None
    alive: int = 0
    busy: int = 0

    @property
    def short(self) -> bool:
        """Whether workers are missing."""
        return self.wanted is not None and self.alive < self.wanted


class Engine(Protocol):
    """A pool of workers as one driver sees it.

    Laws, which the contract suite tests: a submitted key yields exactly one outcome unless it is dropped; a dropped
    key yields none; ``running`` names a key while a process is, or may be, computing it, dropped or not; after ``kill``
    it soon stops to do so.  No method blocks for longer than a fraction of a second, and none raises when the pool is
    away: ``workers`` is zero then, and every outstanding call ends as ``UNSTARTED``.
    """

    def workers(self) -> int:
        """Count the workers that can compute now."""
        ...

    def census(self) -> PoolCensus:
        """Tell what was last seen of the workers."""
        ...

    def share(self, address: str, body: bytes) -> None:
        """Make arrays available to calls, once for each worker."""
        ...

    def unshare(self, address: str) -> None:
        """Forget shared arrays."""
        ...

    def submit(self, key: str, call: Call) -> None:
        """Queue a call."""
        ...

    def outcomes(self, timeout_s: float) -> list[CallOutcome]:
        """Return what has ended since the last time, waiting at most ``timeout_s`` for the first."""
        ...

    def drop(self, keys: Collection[str]) -> None:
        """Forget calls; those that have not begun never will."""
        ...

    def running(self, keys: Collection[str]) -> Mapping[str, float]:
        """Tell which calls a process computes now, and for how many seconds."""
        ...

    def kill(self, keys: Collection[str]) -> None:
        """Kill the processes that compute these calls, and only those."""
        ...

    def evict(self, prefix: str) -> Collection[str]:
        """Drop what drivers before this one left behind under a prefix of keys; return the keys still running."""
        ...

    def close(self) -> None:
        """Stop what this engine started."""
        ...
