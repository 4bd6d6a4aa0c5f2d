"""The frozen values of the jobs floor: what a job is, what a driver holds, what an event says."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias

from service.jobs.seal import Seal

Json: TypeAlias = Any
"""A value that JSON can carry: null, bool, number, string, list or object of such values."""


class JobState(StrEnum):
    """The states of OGC API Processes."""

    ACCEPTED = "accepted"
    RUNNING = "running"
    SUCCESSFUL = "successful"
    FAILED = "failed"
    DISMISSED = "dismissed"


ACTIVE: Final = frozenset({JobState.ACCEPTED, JobState.RUNNING})


class StepKind(StrEnum):
    """What a unit of remote work is: a chunk, the planning of the next round, or the reduction."""

    WORK = "work"
    PLAN = "plan"
    REDUCE = "reduce"


@dataclass(frozen=True, slots=True)
class Submission:
    """What a caller asks for, complete and canonical.

    Attributes
    ----------
    operation : str
        Name in the table of operations.
    request : mapping
        Everything that can change the result, defaults filled in.
    tenant, subscriber : str
        Whose job it is, and who of them asks.  Without API keys both are ``anonymous``.
    time_limit_s : float
        Seconds from the first claim of an attempt to its end.
    weight : int
        Share of the pool against other jobs, at least 1.
    seal : Seal or None
        Of the plan that was priced; `JobService.submit` puts it here.
    """

    operation: str
    request: Mapping[str, Json]
    tenant: str = "anonymous"
    subscriber: str = "anonymous"
    time_limit_s: float = 3600.0
    weight: int = 1
    cost_estimate_s: float = 0.0
    reason: str = ""
    seal: Seal | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One row of the store as callers may see it; times are seconds since 1970 by the database's clock."""

    id: str
    operation: str
    tenant: str
    engine_version: str
    state: JobState
    attempt: int
    epoch: int
    cancel_requested: bool
    expired: bool
    weight: int
    time_limit_s: float
    cost_estimate_s: float
    reason: str
    chunks_total: int | None
    chunks_done: int
    created_at: float
    started_at: float | None
    finished_at: float | None
    updated_at: float
    expires_at: float | None
    error: Mapping[str, Json] | None
    result_hash: str | None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to this attempt."""
        return self.state not in ACTIVE


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A driver's right to write to one job while its lease lasts, with the question and the seal of its plan."""

    job_id: str
    attempt: int
    owner: str
    epoch: int
    operation: str
    request: Mapping[str, Json]
    weight: int
    seal: Seal | None


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a job; ids rise within a job over all its attempts."""

    id: int
    name: str
    data: Mapping[str, Json]
    at: float


@dataclass(frozen=True, slots=True)
class Payload:
    """An encoded value: JSON, or ``.npz`` where it holds arrays."""

    media_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class StoredStep:
    """A checkpoint: the result of one chunk or of one planning step."""

    kind: StepKind
    index: int
    payload: Payload
    seconds: float
