"""Every setting of the service, read from ``MINIMA_*`` variables or a ``.env`` file.

`docs/settings.md` lists them; a test compares the two.
"""

import re
from ipaddress import ip_network
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX: Final = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)*")
UNIX: Final = "unix"
"""Stands among trusted proxies for all who may open a socket in the file system."""


class Limits(BaseModel):
    """The largest request that the service accepts; what exceeds one is refused by name."""

    model_config = ConfigDict(frozen=True)

    max_body_bytes: int = Field(
        default=32 * 2**20, ge=1, description="Bytes of a request body, before and after decompression."
    )
    max_samples: int = Field(default=1_000_000, ge=1, description="Samples in the data of one problem.")
    max_data_numbers: int = Field(default=20_000_000, ge=1, description="Numbers in x, or in y after one-hot coding.")
    max_inputs: int = Field(default=2_000, ge=1, description="Inputs d of one problem; the work grows as d^3.")
    max_outputs: int = Field(default=2_000, ge=1, description="Outputs k of one problem.")
    max_width: int = Field(default=10_000_000, ge=1, description="Width of one layer.")
    max_layers: int = Field(default=1_000, ge=1, description="Weight matrices in one network.")
    max_skips: int = Field(default=100, ge=0, description="Skips of one network.")
    max_solution_numbers: int = Field(
        default=20_000_000, ge=1, description="Numbers that a solver may hold at once, factors of wide layers included."
    )
    max_returned_numbers: int = Field(
        default=1_000_000, ge=1, description="Numbers of the weights sent back in one answer."
    )
    max_batch_problems: int = Field(default=1_000, ge=1, description="Problems in one batch.")
    max_batch_values: int = Field(default=1_000_000, ge=1, description="Values of the varied parameter in one batch.")
    max_sweep_points: int = Field(default=10_000_000, ge=1, description="Points of one phase diagram.")
    max_race_steps: int = Field(
        default=100_000_000, ge=1, description="Steps of one race: runs x schemes x optimisers x steps of each."
    )
    max_race_runs: int = Field(
        default=100_000, ge=1, description="Runs of one race: runs x schemes x optimisers, each reported in the answer."
    )
    max_race_weights: int = Field(default=100_000, ge=1, description="Weights of a network that optimisers race on.")
    max_slice_points: int = Field(default=250_000, ge=1, description="Points of one slice of a landscape.")
    max_picture_weights: int = Field(
        default=200_000, ge=1, description="Weights of a network whose landscape is drawn."
    )
    max_picture_work: int = Field(
        default=500_000_000, ge=1, description="Samples x weights of one evaluation for a picture."
    )
    max_picture_steps: int = Field(
        default=1_000_000, ge=1, description="Gradients and products with the Hessian that one picture may take."
    )
    max_flow_weights: int = Field(
        default=20_000, ge=1, description="Weights of a network whose gradient flow is followed."
    )
    max_seconds: float = Field(default=30.0, gt=0, description="Seconds that one answer may take; caps `time_limit_s`.")


class UploadLimits(Limits):
    """The largest data set that the service accepts."""

    max_upload_bytes: int = Field(
        default=2**32, ge=1, description="Bytes of an uploaded file, before and after decompression."
    )
    max_dataset_numbers: int = Field(default=10**9, ge=1, description="Rows x columns of an uploaded data set.")
    max_kept_numbers: int = Field(
        default=1_000_000, ge=0, description="Numbers of the samples that an upload may ask to keep."
    )
    max_datasets: int = Field(default=1_000, ge=1, description="Data sets that one caller may have at once.")
    max_upload_seconds: float = Field(
        default=600.0, gt=0, description="Seconds that reading an uploaded file may take."
    )


class Settings(UploadLimits, BaseSettings):
    """What the environment decides."""

    model_config = SettingsConfigDict(env_prefix="MINIMA_", env_file=".env", extra="ignore", frozen=True)

    api_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(), description="Accepted API keys, separated by commas; if there are none, no key is needed."
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Origins of other sites whose pages may call the service, separated by commas."
    )
    root_path: str = Field(
        default="",
        description="Path under which a proxy serves this service, such as /minima, whether or not the proxy takes it "
        "away; empty for the root of a host.",
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Addresses or networks of proxies whose header X-Forwarded-Prefix is believed, separated by "
        "commas; `unix` for those on the socket of --uds.",
    )
    max_header_bytes: int = Field(
        default=32 * 2**10, ge=1024, description="Bytes of the address and all headers of a request; more get 431."
    )
    header_s: float = Field(
        default=10.0, gt=0, description="Seconds within which the headers of a request must be complete; then 408."
    )
    idle_s: int = Field(
        default=75,
        ge=1,
        description="Seconds that a connection is kept without a request; longer than a proxy keeps it.",
    )
    max_connections: int = Field(
        default=2_000,
        ge=1,
        description="Connections of one HTTP process; more get 503, more than twice as many nothing.",
    )
    shutdown_grace_s: int = Field(
        default=5,
        ge=0,
        description="Seconds that requests have to end when the server stops; event streams end at once.",
    )
    event_loop_budget_s: float = Field(
        default=0.003,
        ge=0,
        description="Estimated seconds of work above which a request leaves the event loop for another process.",
    )
    large_body_bytes: int = Field(
        default=2**20, ge=0, description="Bytes above which a body is read and answered in a process of its own."
    )
    min_body_rate: int = Field(
        default=4_096, ge=1, description="Bytes a second that a body must bring on average while it is waited for."
    )
    body_grace_s: float = Field(
        default=20.0, gt=0, description="Seconds that a body may be waited for beyond those of `min_body_rate`."
    )
    max_waiting: int = Field(default=64, ge=0, description="Requests that may wait to be computed; more get 503.")
    max_wait_s: float = Field(
        default=10.0, gt=0, description="Seconds that a request may wait to be computed; after that it gets 503."
    )
    processes: int = Field(
        default=2, ge=1, description="Processes that compute what would hold up the event loop, one request each."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level that is logged."
    )
    log_format: Literal["json", "console"] = Field(
        default="json",
        description="Log lines of the server and its own pool: one JSON object each, or text for people.",
    )

    # uploads
    upload_folder: str = Field(
        default="",
        description="Folder for pipes and for what cannot be read in order; empty for the system's temporary folder.",
    )
    uploads_at_once: int = Field(
        default=4, ge=1, description="Uploads that may be received or read at the same time; more get 503."
    )

    slow_upload_rate: int = Field(
        default=65_536,
        ge=0,
        description="Bytes a second below which an upload gives its place to another when all are taken.",
    )

    # jobs
    database_url: str = Field(
        default="",
        description="Where jobs and data sets are stored: sqlite:///path or postgresql://...; empty for a file of "
        "SQLite in the user's data folder.",
    )
    scheduler_address: str | None = Field(
        default=None, description="A Dask scheduler, tcp:// or tls://; none for a pool of this server's own."
    )
    allow_insecure_scheduler: bool = Field(
        default=False, description="Accept a scheduler that is neither on this machine nor behind TLS."
    )
    tls_ca: str | None = Field(default=None, description="Certificate authority of a tls:// scheduler, a PEM file.")
    tls_certificate: str | None = Field(default=None, description="Certificate shown to it, a PEM file.")
    tls_key: str | None = Field(default=None, description="Key of that certificate, a PEM file.")
    workers: int | None = Field(
        default=None,
        ge=0,
        description="Worker processes of the own pool, or those to expect at a scheduler of others; none for one a "
        "core, 0 to compute no jobs.",
    )
    worker_memory_bytes: int = Field(
        default=0, ge=0, description="Memory at which a worker is stopped; 0 for its share of the machine."
    )
    job_table: str = Field(
        default="service.jobs.kinds:KINDS", description="Table of operations that run as jobs, module:NAME."
    )
    lease_s: float = Field(
        default=5.0, gt=0, description="Seconds a replica may be silent before another continues its jobs."
    )
    stuck_after_s: float = Field(default=20.0, gt=0, description="Seconds after which a silent driver is replaced.")
    max_worker_deaths: int = Field(
        default=3, ge=0, description="Deaths of workers under one chunk that its job survives."
    )
    job_retention_s: float = Field(default=604_800.0, gt=0, description="Seconds that an ended job is kept.")
    dataset_retention_s: float = Field(
        default=2_592_000.0, gt=0, description="Seconds that a data set is kept after it was uploaded or last used."
    )
    collect_every_s: float = Field(
        default=60.0, gt=0, description="Seconds between two removals of expired jobs and data sets."
    )
    queue_limit: int = Field(default=10_000, ge=1, description="Jobs that may wait or run at once.")
    jobs_at_once: int = Field(default=16, ge=1, description="Jobs that one replica drives at once.")
    max_job_seconds: float = Field(default=86_400.0, gt=0, description="Seconds that one job may take.")
    max_event_streams: int = Field(
        default=1_000,
        ge=0,
        le=30_000,
        description="Streams of events of jobs that one process keeps open; more get 503.",
    )
    inline_budget_s: float = Field(
        default=2.0, ge=0, description="Estimated seconds of one core above which an operation runs as a job."
    )

    @field_validator("*", mode="before")
    @classmethod
    def _read(cls, value: object, info: ValidationInfo) -> object:
        """Split lists; what is set but empty is a mistake where nothing at all means less protection, or a default."""
        default = cls.model_fields[info.field_name or ""].default
        if not isinstance(value, str) or default not in ((), None):
            return value
        entries = tuple(part.strip() for part in value.split(",") if part.strip())
        if not entries:
            raise ValueError("is set but empty; leave the variable out, or give it a value")
        return entries if default == () else value

    @field_validator("root_path")
    @classmethod
    def _is_a_prefix(cls, value: str) -> str:
        found = clean_prefix(value)
        if found is None:
            raise ValueError("must be a path such as /minima, of letters, digits and . _ ~ -")
        return found

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            if entry != UNIX:
                ip_network(entry, strict=False)
        return value


def clean_prefix(text: str) -> str | None:
    """A path without its last slash, or None if it cannot stand before the paths of the service."""
    found = text.strip().rstrip("/")
    return found if PREFIX.fullmatch(found) else None
