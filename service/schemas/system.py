"""State and version of the service on the wire."""

from typing import Literal

from pydantic import Field

from service.schemas.base import Reasons, Wire


class Health(Wire):
    """Whether the process runs."""

    status: Literal["alive"]


class Readiness(Wire):
    """Whether the service can answer, and what of it works: inline answers need neither store nor driver."""

    status: Literal["ready"]
    store: bool = Field(description="Whether jobs can be stored and read now; if not, requests for jobs get 503.")
    driver: bool | None = Field(description="Whether this server's job driver has reported recently.")
    reasons: Reasons


class Version(Wire):
    """Which engine answers, and on what."""

    name: str
    engine_version: str
    api_version: str
    python: str
    numpy: str
    scipy: str
