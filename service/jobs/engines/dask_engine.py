"""The pool on Dask: connects, reconnects, submits, gathers, and kills the one process that will not stop."""

import asyncio
import logging
import queue
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import CancelledError, ThreadPoolExecutor
from threading import Event, Lock, Thread
from typing import Any, Final

from distributed import Client, Future
from distributed.scheduler import KilledWorker

from service.errors import EngineError
from service.jobs.engines.dask_ledger import Ledger
from service.jobs.engines.dask_pool import Pool
from service.jobs.engines.dask_worker import hold, kill_process, run_call
from service.jobs.engines.engine import Call, Ending, Outcome, PoolCensus
from service.jobs.engines.execution import describe
from service.jobs.engines.versions import VERSIONS

_log: Final = logging.getLogger(__name__)
_PROBE_EVERY_S: Final = 0.25
_SILENT_AFTER_S: Final = 10.0
_SHORT_FOR_S: Final = 180.0
_CALL_TIMEOUT_S: Final = 5.0
_FAILED: Final = frozenset({"error", "lost", "cancelled"})


class DaskEngine:
    """An `Engine` over a Dask scheduler.

    Parameters
    ----------
    open_pool : callable
        Starts or finds the scheduler; called once, in the thread that tends the connection.
    table : str
        ``module:NAME`` of the table of operations, as workers import it.
    on_failure : callable
        Told why the pool could not be opened; there is no engine then.
    """

    def __init__(
        self, open_pool: Callable[[], Pool], table: str, on_failure: Callable[[Exception], None] | None = None
    ) -> None:
        self._on_failure: Final = on_failure
        self._open_pool: Final = open_pool
        self._table: Final = table
        self._lock: Final = Lock()
        self._ended: Final[queue.Queue[Outcome]] = queue.Queue()
        self._futures: Final[dict[str, Future[Any] | None]] = {}
        self._shared: Final[dict[str, bytes]] = {}
        self._held: Final[dict[str, Future[Any]]] = {}
        self._killing: Final[set[str]] = set()
        self._killers: Final = ThreadPoolExecutor(4, thread_name_prefix="kill")
        self._client: Client | None = None
        self._pool: Pool | None = None
        self._census = PoolCensus()
        self._wanted_workers: int | None = None
        self._closed: Final = Event()
        self._tender: Final = Thread(target=self._tend, name="dask-connection", daemon=True)
        self._tender.start()

    def workers(self) -> int:
        """Count the workers, zero while the scheduler is away."""
        return self._census.alive

    def census(self) -> PoolCensus:
        """Tell what was last seen of the workers."""
        return self._census

    def resize(self, workers: int) -> None:
        """Ask for a number of workers, where the pool is ours."""
        self._wanted_workers = workers

    def share(self, address: str, body: bytes) -> None:
        """Keep arrays for the calls to come; they travel with the first call on each worker."""
        with self._lock:
            self._shared[address] = body

    def unshare(self, address: str) -> None:
        """Forget arrays here and on the workers."""
        with self._lock:
            self._shared.pop(address, None)
            held = self._held.pop(address, None)
        if held is not None:
            _release(held)

    def submit(self, key: str, call: Call) -> None:
        """Queue a call, or report it as unstarted when the pool is away."""
        client = self._client
        future = None if client is None else self._send(client, key, call)
        with self._lock:
            self._futures[key] = future
            connected = client is not None and client is self._client
        if client is None or future is None or not connected or not self._followed(client, key, future):
            self._ended.put(Outcome(key, Ending.UNSTARTED))

    def _followed(self, client: Client, key: str, future: "Future[Any]") -> bool:
        try:
            _loop(client).add_callback(self._follow, client, key, future)
        except RuntimeError:
            _log.debug("the connection closed before a call could be followed", exc_info=True)
            return False
        return True

    def outcomes(self, timeout_s: float) -> list[Outcome]:
        """Return what has ended and was not dropped."""
        found: list[Outcome] = []
        try:
            found.append(self._ended.get(timeout=timeout_s))
            while True:
                found.append(self._ended.get_nowait())
        except queue.Empty:
            pass
        return [outcome for outcome in found if self._forget(outcome.key)]

    def drop(self, keys: Collection[str]) -> None:
        """Release calls; the ledger tells workers not to begin what nobody wants."""
        for key in keys:
            self._forget(key)

    def running(self, keys: Collection[str]) -> Mapping[str, float]:
        """Ask the ledger; a process that is being killed counts until its nanny has seen it gone."""
        if not keys:
            return {}
        found: dict[str, float] | None = self._ask("minima_running", keys=list(keys))
        dying = dict.fromkeys(self._killing.intersection(keys), 0.0)
        if found is None:
            # Without an answer nothing is known to have stopped, except when the scheduler itself is gone.
            return dying if self._client is None else dict.fromkeys(keys, 0.0)
        return dying | found

    def kill(self, keys: Collection[str]) -> None:
        """Kill the processes that compute these calls, in the background."""
        fresh = set(keys) - self._killing
        found = self._ask("minima_condemn", keys=list(fresh)) if fresh else None
        for key, (worker, pid) in (found or {}).items():
            self._killing.add(key)
            self._killers.submit(self._kill_one, key, worker, pid)

    def evict(self, prefix: str) -> Collection[str]:
        """Cancel what other clients left under a prefix."""
        return self._ask("minima_evict", prefix=prefix) or []

    def close(self) -> None:
        """Disconnect, and stop an embedded pool; one that is still opening stops once it is open, and nobody waits."""
        self._closed.set()
        if self._pool is not None:
            self._tender.join(10.0)
        self._killers.shutdown(wait=False, cancel_futures=True)

    def _send(self, client: Client, key: str, call: Call) -> "Future[Any] | None":
        try:
            arrays = self._arrays_on(client, call.arrays)
            arguments = (VERSIONS, self._table, key, call, arrays)
            return client.submit(run_call, *arguments, key=key, pure=False, priority=int(call.urgent))
        except Exception:  # noqa: BLE001 - whatever Dask raises here means that the pool is away
            _log.debug("a call could not be sent", exc_info=True)
            return None

    def _forget(self, key: str) -> bool:
        with self._lock:
            wanted = key in self._futures
            future = self._futures.pop(key, None)
        if future is not None:
            _release(future)
        return wanted

    def _arrays_on(self, client: Client, address: str | None) -> "Future[Any] | None":
        if address is None:
            return None
        with self._lock:
            held, body = self._held.get(address), self._shared[address]
        if held is None or held.status in _FAILED:
            # A failed key stays failed while any driver wants it, so another try needs another key.
            suffix = "" if held is None else f"-{uuid.uuid4().hex}"
            held = client.submit(hold, body, key=f"minima-arrays-{address}{suffix}", pure=False)
            with self._lock:
                self._held[address] = held
        return held

    async def _follow(self, client: Client, key: str, future: "Future[Any]") -> None:
        outcome = Outcome(key, Ending.UNSTARTED)
        try:
            outcome = await self._end_of(client, key, future)
        finally:
            # Whatever happens to this coroutine, the step must not wait for ever.
            self._ended.put(outcome)

    async def _end_of(self, client: Client, key: str, future: "Future[Any]") -> Outcome:
        """How a call ended; only what the chunk did itself is held against it."""
        try:
            outcome: Outcome = await future
        except KilledWorker:
            return Outcome(key, await self._fate(client, key))
        except (CancelledError, asyncio.CancelledError, OSError):
            # Among them a connection that closed, or was away, while the result was on its way.
            return Outcome(key, Ending.UNSTARTED)
        except Exception as error:  # noqa: BLE001 - what cannot be sent or read will not be next time either
            if client.status != "running":
                return Outcome(key, Ending.UNSTARTED)
            return Outcome(key, Ending.RAISED, error=describe(error))
        return outcome

    async def _fate(self, client: Client, key: str) -> Ending:
        try:
            blamed = await _handler(client, "minima_blame")(key=key)
        except Exception:  # noqa: BLE001 - a scheduler that does not answer blames nobody
            blamed = False
        return Ending.LOST if blamed else Ending.UNSTARTED

    def _kill_one(self, key: str, worker: str, pid: int) -> None:
        try:
            client = self._client
            if client is not None:
                answer = client.run(kill_process, pid, workers=[worker], nanny=True, on_error="return")
                _log.info("killed the worker of a call", extra={"call": key, "gone": str(answer)})
        except Exception:  # noqa: BLE001 - the driver asks again while the ledger still names the call
            _log.exception("could not kill the worker of a call", extra={"call": key})
        finally:
            self._killing.discard(key)

    def _ask(self, handler: str, **arguments: Any) -> Any:
        client = self._client
        if client is None:
            return None
        try:
            return _ask(client, handler, **arguments)
        except Exception:  # noqa: BLE001 - an unanswered question is answered by None
            return None

    def _tend(self) -> None:
        try:
            self._pool = self._open_pool()
        except Exception as error:  # noqa: BLE001 - whatever it is, the process's owner must hear of it
            _log.exception("the pool of workers did not start")
            if self._on_failure is not None:
                self._on_failure(error)
            return
        heard = whole = time.monotonic()
        while not self._closed.wait(_PROBE_EVERY_S if self._client else 0.05):
            if self._client is None:
                self._connect(self._pool)
                heard = time.monotonic()
                continue
            census = self._ask("minima_census") if self._client.status == "running" else None
            if census is not None:
                heard = time.monotonic()
                self._note(self._pool, census)
                self._pool.resize(self._wanted_workers) if self._wanted_workers else None
            elif self._client.status != "running" or time.monotonic() - heard > _SILENT_AFTER_S:
                self._disconnect()
            if not self._census.short:
                whole = time.monotonic()
            elif time.monotonic() - whole > _SHORT_FOR_S:
                self._end_as_too_small()
                whole = time.monotonic()
        self._disconnect()
        self._pool.close()

    def _note(self, pool: Pool, census: Mapping[str, Any]) -> None:
        self._census = PoolCensus(pool.wanted, int(census["workers"]), int(census["busy"]))

    def _end_as_too_small(self) -> None:
        """The pool's own care has not brought a worker back: a fresh process is the last resort."""
        _log.error("%d of %s workers for %.0f s", self._census.alive, self._census.wanted, _SHORT_FOR_S)
        if self._on_failure is not None:
            self._on_failure(RuntimeError("workers do not come back"))

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
        with self._lock:
            self._client = client

    def _disconnect(self) -> None:
        with self._lock:
            client, self._client = self._client, None
            self._census = PoolCensus(self._census.wanted)
            lost = list(self._futures)
            self._held.clear()
        for key in lost:
            self._ended.put(Outcome(key, Ending.UNSTARTED))
        if client is not None:
            _close(client)


def _compare_versions(found: str) -> None:
    if found != VERSIONS:
        raise EngineError(f"the scheduler runs {found}, this driver {VERSIONS}: install the same wheel and lock file")


def _handler(client: Client, name: str) -> Any:
    return getattr(client.scheduler, name)


def _ask(client: Client, name: str, **arguments: Any) -> Any:
    untyped: Any = client
    return untyped.sync(_handler(client, name), **arguments, callback_timeout=_CALL_TIMEOUT_S)


def _loop(client: Client) -> Any:
    return client.loop


def _release(future: Any) -> None:
    try:
        future.release()
    except Exception:  # noqa: BLE001 - the scheduler is away and has forgotten it already
        _log.debug("a call could not be released", exc_info=True)


def _close(client: Any) -> None:
    try:
        client.close(timeout=1)
    except Exception:  # noqa: BLE001 - it is being thrown away
        _log.debug("a connection did not close cleanly", exc_info=True)
