"""What one connection may take before its request reaches the app, and what is sent when the server stops."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from prometheus_client import Counter

from service.settings import Settings

STATE: Final = "bounds"
"""Where the app leaves them for the server, in the state of its lifespan."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds of a connection.

    Attributes
    ----------
    max_header_bytes : int
        Of the address and all headers of one request.
    header_s : float
        Seconds from the first byte of a request, or from the connection, until its headers are complete.
    max_connections : int
        Of one process; more are answered 503, and from twice as many on ended at once.
    root_path : str
        Under which the refusals name their kind.
    refused : Counter
        Refusals by ``reason``.
    stop : callable
        Called when the server begins to stop, so that what would go on for long comes to its end.
    """

    max_header_bytes: int
    header_s: float
    max_connections: int
    root_path: str
    refused: Counter
    stop: Callable[[], None]

    @classmethod
    def of(cls, settings: Settings, refused: Counter, stop: Callable[[], None]) -> "Bounds":
        """The bounds that the settings state."""
        return cls(
            settings.max_header_bytes,
            settings.header_s,
            settings.max_connections,
            settings.root_path,
            refused,
            stop,
        )
