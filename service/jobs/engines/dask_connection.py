"""The connection to a scheduler: made, watched, and made again whenever it was lost."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any, Final

from distributed import Client

from service.errors import EngineError
from service.jobs.engines.dask_ledger import Ledger
from service.jobs.engines.dask_pool import Pool
from service.jobs.engines.engine import PoolCensus
from service.jobs.engines.versions import VERSIONS

_log: Final = logging.getLogger(__name__)
_PROBE_EVERY_S: Final = 0.25
_CALL_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a pool may be unhealthy before it is replaced.

    Attributes
    ----------
    silent_s : float
        Seconds without an answer after which a scheduler counts as away.
    short_s : float
        Seconds with fewer workers than wanted after which the pool's own care has failed.
    starting_s : float
        The same for a pool that has not had all its workers yet.
    """

    silent_s: float = 10.0
    short_s: float = 180.0
    starting_s: float = 180.0


class Connection:
    """A client of the scheduler, another one after each loss, and a count of the workers.

    Parameters
    ----------
    open_pool : callable
        Starts or finds the scheduler; called once, in the thread that tends the connection.
    on_failure : callable, optional
        Told why the pool could not be opened, or that its workers do not come back.
    patience : Patience
        When to give up.
    on_lost : callable
        Told when what was asked of the client will not be answered any more; `client` is None by then.
    """

    def __init__(
        self,
        open_pool: Callable[[], Pool],
        on_failure: Callable[[Exception], None] | None,
        patience: Patience,
        on_lost: Callable[[], None],
    ) -> None:
        self._open_pool: Final = open_pool
        self._on_failure: Final = on_failure
        self._patience: Final = patience
        self._on_lost: Final = on_lost
        self.client: Client | None = None
        self.census = PoolCensus()
        self.wanted_workers: int | None = None
        self._pool: Pool | None = None
        self._closed: Final = Event()
        self._thread: Final = Thread(target=self._run, name="dask-connection", daemon=True)

    def start(self) -> None:
        """Connect, and stay connected."""
        self._thread.start()

    def close(self) -> None:
        """Disconnect, and stop an embedded pool; one that is still opening stops once it is open, and nobody waits."""
        self._closed.set()
        if self._pool is not None:
            self._thread.join(10.0)

    def ask(self, handler: str, **arguments: Any) -> Any:
        """Ask a handler of the ledger; None where no answer comes."""
        client = self.client
        if client is None:
            return None
        try:
            return _ask(client, handler, **arguments)
        except Exception:  # noqa: BLE001 - an unanswered question is answered by None
            return None

    def _run(self) -> None:
        try:
            self._pool = self._open_pool()
        except Exception as error:  # noqa: BLE001 - whatever it is, the process's owner must hear of it
            _log.exception("the pool of workers did not start")
            self._give_up(error)
            return
        self._tend(self._pool)
        self._disconnect()
        self._pool.close()

    def _tend(self, pool: Pool) -> None:
        heard = whole = time.monotonic()
        short_s = self._patience.starting_s
        while not self._closed.wait(_PROBE_EVERY_S if self.client else 0.05):
            if self.client is None:
                self._connect(pool)
                heard = time.monotonic()
                continue
            if self._probe(pool):
                heard = time.monotonic()
            elif self.client.status != "running" or time.monotonic() - heard > self._patience.silent_s:
                self._disconnect()
            if not self.census.short:
                whole, short_s = time.monotonic(), self._patience.short_s
            elif time.monotonic() - whole > short_s:
                self._end_as_too_small(short_s)
                whole = time.monotonic()

    def _probe(self, pool: Pool) -> bool:
        """Count the workers; tell whether the scheduler has answered."""
        assert self.client is not None  # noqa: S101 - only this thread sets it to None
        census = self.ask("minima_census") if self.client.status == "running" else None
        if census is None:
            return False
        self._note(pool, census)
        if self.wanted_workers:
            pool.resize(self.wanted_workers)
        return True

    def _note(self, pool: Pool, census: Mapping[str, Any]) -> None:
        self.census = PoolCensus(pool.wanted, int(census["workers"]), int(census["busy"]))

    def _end_as_too_small(self, seconds: float) -> None:
        """The pool's own care has not brought a worker back: a fresh process is the last resort."""
        _log.error("%d of %s workers for %.0f s", self.census.alive, self.census.wanted, seconds)
        self._give_up(RuntimeError("workers do not come back"))

    def _give_up(self, error: Exception) -> None:
        if self._on_failure is not None:
            self._on_failure(error)

    def _connect(self, pool: Pool) -> None:
        client: Client | None = None
        try:
            client = Client(  # type: ignore[no-untyped-call]  # distributed annotates only part of its constructor
                pool.address, security=pool.security, timeout=3, set_as_default=False
            )
            client.register_plugin(Ledger())
            # Workers are compared at each call: one that holds the interpreter's lock could not answer now.
            census = _ask(client, "minima_census")
            _compare_versions(census["versions"])
            self._note(pool, census)
        except Exception as error:  # noqa: BLE001 - tried again until it works
            _log.warning("no scheduler at %s yet: %s %s", pool.address, type(error).__name__, error)
            if client is not None:
                _close(client)
            self._closed.wait(0.2)
            return
        self.client = client

    def _disconnect(self) -> None:
        client, self.client = self.client, None
        self.census = PoolCensus(self.census.wanted)
        self._on_lost()
        if client is not None:
            _close(client)


def handler_of(client: Client, name: str) -> Any:
    """A handler of the ledger, for the client's own event loop."""
    return getattr(client.scheduler, name)


def release(future: Any) -> None:
    """Let the scheduler forget a call or arrays."""
    try:
        future.release()
    except Exception:  # noqa: BLE001 - the scheduler is away and has forgotten it already
        _log.debug("a call could not be released", exc_info=True)


def _compare_versions(found: str) -> None:
    if found != VERSIONS:
        raise EngineError(f"the scheduler runs {found}, this driver {VERSIONS}: install the same wheel and lock file")


def _ask(client: Client, name: str, **arguments: Any) -> Any:
    untyped: Any = client
    return untyped.sync(handler_of(client, name), **arguments, callback_timeout=_CALL_TIMEOUT_S)


def _close(client: Any) -> None:
    try:
        client.close(timeout=1)
    except Exception:  # noqa: BLE001 - it is being thrown away
        _log.debug("a connection did not close cleanly", exc_info=True)
