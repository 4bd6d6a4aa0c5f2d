"""State and version of the service on the wire."""

from typing import Literal

from service.schemas.base import Wire


class Health(Wire):
    """Whether the process runs, or can answer."""

    status: Literal["alive", "ready"]


class Version(Wire):
    """Which engine answers, and on what."""

    name: str
    engine_version: str
    api_version: str
    python: str
    numpy: str
    scipy: str
