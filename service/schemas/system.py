"""State and version of the service on the wire."""

from typing import Literal

from pydantic import Field

from service.schemas.base import Reasons, Wire


class Health(Wire):
    """Whether the process runs."""

    status: Literal["alive"] = Field(description="Always `alive`; a process that is not does not answer.")


class JobWorkers(Wire):
    """The processes that compute jobs, as this server's driver sees them."""

    ready: bool = Field(description="Whether a job that is sent now can be computed: store, driver and a worker work.")
    wanted: int | None = Field(
        description="Workers that there should be; null for a cluster of others, unless `MINIMA_WORKERS` says how many."
    )
    alive: int = Field(ge=0, description="Workers that can compute.")
    busy: int = Field(ge=0, description="Workers that compute now.")


class Readiness(Wire):
    """Whether the service can answer, and what of it works: inline answers need neither store nor driver."""

    status: Literal["ready"] = Field(description="Always `ready`; a service that is not answers 503.")
    store: bool = Field(description="Whether jobs can be stored and read now; if not, requests for jobs get 503.")
    driver: bool | None = Field(
        description="Whether this server's job driver has reported recently; null with a reason where it has none."
    )
    jobs: JobWorkers = Field(description="Whether jobs are computed.")
    reasons: Reasons


class Version(Wire):
    """Which engine answers, and on what."""

    name: str = Field(description="Name of the service.")
    engine_version: str = Field(description="Version of the engine that computes.")
    api_version: str = Field(description="Version of the interface.")
    python: str = Field(description="Version of Python.")
    numpy: str = Field(description="Version of numpy.")
    scipy: str = Field(description="Version of scipy.")
