"""Jobs on the wire."""

from typing import Any, Literal

from pydantic import Field

from service.schemas.base import Number, Reasons, Wire

State = Literal["accepted", "running", "successful", "failed", "dismissed"]


class JobFailure(Wire):
    """Why a job failed, and which of its chunks."""

    type: str = Field(description="Class of the error.")
    detail: str = Field(description="What went wrong.")
    step: str | None = Field(
        default=None, description="What failed: `work` (a chunk), `plan` or `reduce`; null for the job as a whole."
    )
    chunk: int | None = Field(default=None, description="Index of the chunk that failed; null if none did.")
    place: str | None = Field(
        default=None, description="Function and line of the code that raised it; null if that is unknown."
    )


class JobStatus(Wire):
    """One job; `state` has the names of OGC API Processes."""

    id: str = Field(description="Hash of the question: the same question has the same id.")
    operation: str = Field(description="Name of the operation, as in the list of operations.")
    state: State = Field(description="State of the job; `successful`, `failed` and `dismissed` are final.")
    attempt: int = Field(description="Increases when a failed, dismissed or expired job is submitted again.")
    cancel_requested: bool = Field(description="True while a running job is being stopped.")
    progress: Number | None = Field(
        description="Share of the chunks that are stored, from 0 to 1; null with a reason while their number is "
        "unknown."
    )
    chunks_done: int = Field(description="Number of chunks whose results are stored.")
    chunks_total: int | None = Field(description="Number of all chunks; null with a reason while it is unknown.")
    created_at: str = Field(description="Time of acceptance, in UTC (ISO 8601).")
    started_at: str | None = Field(description="Time at which work began, in UTC; null with a reason before that.")
    finished_at: str | None = Field(description="Time of the end, in UTC; null with a reason before that.")
    expires_at: str | None = Field(
        description="Time at which the result is removed, in UTC; null with a reason before the end."
    )
    time_limit_s: Number = Field(
        description="Seconds of computation after which the job fails; a certified search ends with the best "
        "network and bound that it has."
    )
    cost_estimate_s: Number = Field(description="Estimated seconds of one core.")
    run_as: Literal["inline", "job"] = Field(description="Always `job`.")
    run_as_reason: str = Field(
        description="Why it runs as a job: the caller's preference, or the estimated time and the budget."
    )
    error: JobFailure | None = Field(description="Why it failed; null with a reason unless it did.")
    reasons: Reasons


class JobList(Wire):
    """One page of jobs, newest first."""

    jobs: list[JobStatus] = Field(description="The jobs of this page.")
    next: str | None = Field(description="Cursor of the next page; null on the last one.")
    reasons: Reasons


class PartialChunk(Wire):
    """The result of one chunk of a job."""

    index: int = Field(description="Index of the chunk, from 0.")
    value: Any = Field(description="What the chunk found, in the form of its operation.")


class PartialResults(Wire):
    """What a job has stored so far, in the order of its chunks."""

    state: State = Field(description="State of the job.")
    chunks_done: int = Field(description="Number of chunks whose results are stored.")
    chunks_total: int | None = Field(description="Number of all chunks; null with a reason while it is unknown.")
    chunks: list[PartialChunk] = Field(description="The chunks of this page.")
    next: int | None = Field(description="Value of `after` for the next page; null on the last one.")
    reasons: Reasons
