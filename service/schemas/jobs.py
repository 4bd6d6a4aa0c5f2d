"""Jobs on the wire."""

from typing import Any, Literal

from pydantic import Field

from service.schemas.base import Number, Reasons, Wire

State = Literal["accepted", "running", "successful", "failed", "dismissed"]


class JobFailure(Wire):
    """Why a job failed, and which of its chunks."""

    type: str
    detail: str
    step: str | None = Field(default=None, description="`work`, `plan` or `reduce`.")
    chunk: int | None = Field(default=None, description="Index of the chunk that failed.")
    place: str | None = None


class JobStatus(Wire):
    """One job; `state` has the names of OGC API Processes."""

    id: str = Field(description="Hash of the question: the same question has the same id.")
    operation: str
    state: State
    attempt: int = Field(description="Increases when a failed, dismissed or expired job is submitted again.")
    cancel_requested: bool = Field(description="True while a running job is being stopped.")
    progress: Number | None = Field(description="Share of the chunks that are stored.")
    chunks_done: int
    chunks_total: int | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    expires_at: str | None
    time_limit_s: Number
    cost_estimate_s: Number = Field(description="Estimated seconds of one core.")
    run_as: Literal["inline", "job"]
    run_as_reason: str
    error: JobFailure | None
    reasons: Reasons


class JobList(Wire):
    """One page of jobs, newest first."""

    jobs: list[JobStatus]
    next: str | None = Field(description="Cursor of the next page.")
    reasons: Reasons


class PartialChunk(Wire):
    """The result of one chunk of a job."""

    index: int
    value: Any


class PartialResults(Wire):
    """What a job has stored so far, in the order of its chunks."""

    state: State
    chunks_done: int
    chunks_total: int | None
    chunks: list[PartialChunk]
    next: int | None = Field(description="Pass it as `after` for the next page.")
    reasons: Reasons
