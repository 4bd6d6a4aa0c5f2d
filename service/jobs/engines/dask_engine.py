"""The pool on Dask: submits calls, reports how they ended, and kills the one process that will not stop."""

import asyncio
import logging
import queue
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import CancelledError, ThreadPoolExecutor
from threading import Lock
from typing import Any, Final

from distributed import Client, Future
from distributed.scheduler import KilledWorker

from service.jobs.engines.dask_arrays import SharedArrays
from service.jobs.engines.dask_connection import Connection, Patience, handler_of, release
from service.jobs.engines.dask_pool import Pool
from service.jobs.engines.dask_worker import kill_process, run_call
from service.jobs.engines.engine import Call, CallOutcome, Ending, PoolCensus
from service.jobs.engines.execution import describe
from service.jobs.engines.versions import VERSIONS

_log: Final = logging.getLogger(__name__)


class DaskEngine:
    """An `Engine` over a Dask scheduler.

    Parameters
    ----------
    open_pool : callable
        Starts or finds the scheduler; called once, in the thread that tends the connection.
    table : str
        ``module:NAME`` of the table of operations, as workers import it.
    patience : Patience
        When a scheduler counts as away, and a pool as past help.
    on_failure : callable, optional
        Told why the pool could not be opened, or that its workers do not come back; the process should end then.
    """

    def __init__(
        self,
        open_pool: Callable[[], Pool],
        table: str,
        patience: Patience,
        on_failure: Callable[[Exception], None] | None = None,
    ) -> None:
        self._table: Final = table
        self._lock: Final = Lock()
        self._ended: Final[queue.Queue[CallOutcome]] = queue.Queue()
        self._futures: Final[dict[str, Future[Any] | None]] = {}
        self._arrays: Final = SharedArrays()
        self._killing: Final[set[str]] = set()
        self._killers: Final = ThreadPoolExecutor(4, thread_name_prefix="kill")
        self._connection: Final = Connection(open_pool, on_failure, patience, self._lose_all)
        self._connection.start()

    def workers(self) -> int:
        """Count the workers, zero while the scheduler is away."""
        return self._connection.census.alive

    def census(self) -> PoolCensus:
        """Tell what was last seen of the workers."""
        return self._connection.census

    def resize(self, workers: int) -> None:
        """Ask for a number of workers, where the pool is ours."""
        self._connection.wanted_workers = workers

    def share(self, address: str, body: bytes) -> None:
        """Keep arrays for the calls to come; they travel with the first call on each worker."""
        self._arrays.share(address, body)

    def unshare(self, address: str) -> None:
        """Forget arrays here and on the workers."""
        self._arrays.unshare(address)

    def submit(self, key: str, call: Call) -> None:
        """Queue a call, or report it as unstarted when the pool is away."""
        client = self._connection.client
        future = None if client is None else self._send(client, key, call)
        with self._lock:
            self._futures[key] = future
        # Lost after this look, the call is among those that `_lose_all` reports.
        connected = client is not None and client is self._connection.client
        if client is None or future is None or not connected or not self._followed(client, key, future):
            self._ended.put(CallOutcome(key, Ending.UNSTARTED))

    def _followed(self, client: Client, key: str, future: "Future[Any]") -> bool:
        try:
            _loop(client).add_callback(self._follow, client, key, future)
        except RuntimeError:
            _log.debug("the connection closed before a call could be followed", exc_info=True)
            return False
        return True

    def outcomes(self, timeout_s: float) -> list[CallOutcome]:
        """Return what has ended and was not dropped."""
        found: list[CallOutcome] = []
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
        found: dict[str, float] | None = self._connection.ask("minima_running", keys=list(keys))
        dying = dict.fromkeys(self._killing.intersection(keys), 0.0)
        if found is None:
            # Without an answer nothing is known to have stopped, except when the scheduler itself is gone.
            return dying if self._connection.client is None else dict.fromkeys(keys, 0.0)
        return dying | found

    def kill(self, keys: Collection[str]) -> None:
        """Kill the processes that compute these calls, in the background."""
        fresh = set(keys) - self._killing
        found = self._connection.ask("minima_condemn", keys=list(fresh)) if fresh else None
        for key, (worker, pid) in (found or {}).items():
            self._killing.add(key)
            self._killers.submit(self._kill_one, key, worker, pid)

    def evict(self, prefix: str) -> Collection[str]:
        """Cancel what other clients left under a prefix."""
        return self._connection.ask("minima_evict", prefix=prefix) or []

    def close(self) -> None:
        """Disconnect, and stop an embedded pool."""
        self._connection.close()
        self._killers.shutdown(wait=False, cancel_futures=True)

    def _send(self, client: Client, key: str, call: Call) -> "Future[Any] | None":
        try:
            arrays = self._arrays.on(client, call.arrays)
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
            release(future)
        return wanted

    async def _follow(self, client: Client, key: str, future: "Future[Any]") -> None:
        outcome = CallOutcome(key, Ending.UNSTARTED)
        try:
            outcome = await self._end_of(client, key, future)
        finally:
            # Whatever happens to this coroutine, the step must not wait for ever.
            self._ended.put(outcome)

    async def _end_of(self, client: Client, key: str, future: "Future[Any]") -> CallOutcome:
        """How a call ended; only what the chunk did itself is held against it."""
        try:
            outcome: CallOutcome = await future
        except KilledWorker:
            return CallOutcome(key, await self._fate(client, key))
        except (CancelledError, asyncio.CancelledError, OSError):
            # Among them a connection that closed, or was away, while the result was on its way.
            return CallOutcome(key, Ending.UNSTARTED)
        except Exception as error:  # noqa: BLE001 - what cannot be sent or read will not be next time either
            if client.status != "running":
                return CallOutcome(key, Ending.UNSTARTED)
            return CallOutcome(key, Ending.RAISED, error=describe(error))
        return outcome

    async def _fate(self, client: Client, key: str) -> Ending:
        try:
            blamed = await handler_of(client, "minima_blame")(key=key)
        except Exception:  # noqa: BLE001 - a scheduler that does not answer blames nobody
            blamed = False
        return Ending.LOST if blamed else Ending.UNSTARTED

    def _kill_one(self, key: str, worker: str, pid: int) -> None:
        try:
            client = self._connection.client
            if client is not None:
                answer = client.run(kill_process, pid, workers=[worker], nanny=True, on_error="return")
                _log.info("killed the worker of a call", extra={"call": key, "gone": str(answer)})
        except Exception:  # noqa: BLE001 - the driver asks again while the ledger still names the call
            _log.exception("could not kill the worker of a call", extra={"call": key})
        finally:
            self._killing.discard(key)

    def _lose_all(self) -> None:
        """Report every call as lost: only the scheduler, which is gone, knew what became of it."""
        with self._lock:
            lost = list(self._futures)
        self._arrays.lost()
        for key in lost:
            self._ended.put(CallOutcome(key, Ending.UNSTARTED))


def _loop(client: Client) -> Any:
    return client.loop
