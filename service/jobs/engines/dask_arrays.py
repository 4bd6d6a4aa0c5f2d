"""Arrays that many calls share: they travel once to each worker, by their hash."""

import uuid
from threading import Lock
from typing import Any, Final

from distributed import Client, Future

from service.jobs.engines.dask_connection import release
from service.jobs.engines.dask_worker import hold

_FAILED: Final = frozenset({"error", "lost", "cancelled"})


class SharedArrays:
    """What was given to share, and where the pool holds it."""

    def __init__(self) -> None:
        self._lock: Final = Lock()
        self._bodies: Final[dict[str, bytes]] = {}
        self._held: Final[dict[str, Future[Any]]] = {}

    def share(self, address: str, body: bytes) -> None:
        """Keep arrays for the calls to come."""
        with self._lock:
            self._bodies[address] = body

    def unshare(self, address: str) -> None:
        """Forget arrays here and on the workers."""
        with self._lock:
            self._bodies.pop(address, None)
            held = self._held.pop(address, None)
        if held is not None:
            release(held)

    def lost(self) -> None:
        """Note that the scheduler has gone, and with it what was held there."""
        with self._lock:
            self._held.clear()

    def on(self, client: Client, address: str | None) -> "Future[Any] | None":
        """The arrays as an argument of a call."""
        if address is None:
            return None
        with self._lock:
            held, body = self._held.get(address), self._bodies[address]
        if held is None or held.status in _FAILED:
            # A failed key stays failed while any driver wants it, so another try needs another key.
            suffix = "" if held is None else f"-{uuid.uuid4().hex}"
            held = client.submit(hold, body, key=f"minima-arrays-{address}{suffix}", pure=False)
            with self._lock:
                self._held[address] = held
        return held
