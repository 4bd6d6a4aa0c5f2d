"""Where a scheduler comes from: a cluster in this process's care, or an address."""

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Thread
from typing import Any, Final, Protocol

import dask
from distributed import Scheduler
from distributed.security import Security
from distributed.system import MEMORY_LIMIT
from distributed.utils import get_mp_context

from service.jobs.config import refuse_insecure
from service.jobs.engines.dask_keeper import WorkerKeeper
from service.jobs.engines.fork_server import start_fork_server

_START_S: Final = 60.0
_CLOSE_S: Final = 4.0
_SETTINGS: Final = {
    # Deaths are counted in the store, so Dask never retries by itself.
    "distributed.scheduler.allowed-failures": 0,
    # Idle processes stay idle, and chunks do not pay for a sampling profiler.
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.interval": "2s",
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.tick.limit": "30s",
    # Chunks are bounded: no spilling to disk and no pausing, only an end at the limit of memory.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": 0.95,
    "distributed.comm.timeouts.connect": "5s",
    "distributed.worker.multiprocessing-method": "forkserver",
    "distributed.admin.large-graph-warning-threshold": "1GB",
}


class Pool(Protocol):
    """A scheduler that clients can connect to."""

    @property
    def address(self) -> str:
        """Where it listens."""
        ...

    @property
    def security(self) -> Security | None:
        """The keys for ``tls://``."""
        ...

    @property
    def wanted(self) -> int | None:
        """Workers that there should be; None where others decide."""
        ...

    def resize(self, workers: int) -> None:
        """Ask for a number of workers, where that is ours to decide."""
        ...

    def close(self) -> None:
        """Stop what was started here."""
        ...


def configure_dask() -> None:
    """Set Dask up for bounded chunks; call it before a scheduler, worker or client starts in this process."""
    dask.config.set(_SETTINGS)


def prepare_forks(preload: Sequence[str]) -> None:
    """Let Dask start workers as forks of one prepared process; see `fork_server` for the thread to call it from."""
    # Dask chooses what to import the first time that it is asked; our choice must come after that.
    get_mp_context()  # type: ignore[no-untyped-call]  # distributed leaves it unannotated
    start_fork_server(preload)


class EmbeddedPool:
    """A scheduler in a thread of this process, and worker processes of one thread and one BLAS thread each.

    Raises
    ------
    RuntimeError
        If the scheduler does not start.
    """

    def __init__(self, workers: int, memory_limit: int | None = None, preload: Sequence[str] = ()) -> None:
        configure_dask()
        prepare_forks(preload)
        logging.getLogger("distributed").setLevel(logging.ERROR)
        self._workers = workers
        self._memory_limit: Final = memory_limit or int(MEMORY_LIMIT / max(1, workers))
        self._started: Final[Future[tuple[str, WorkerKeeper]]] = Future()
        self._loop: Final = asyncio.new_event_loop()
        self._ended: Final = asyncio.Event()
        self._thread: Final = Thread(target=self._run, name="dask-pool", daemon=True)
        self._thread.start()
        self._address, self._keeper = self._started.result(_START_S)

    @property
    def address(self) -> str:
        """A port of the loopback interface."""
        return self._address

    @property
    def security(self) -> Security | None:
        """None: the loopback interface needs no keys."""
        return None

    @property
    def wanted(self) -> int | None:
        """Workers that there should be."""
        return self._workers

    def resize(self, workers: int) -> None:
        """Start or stop workers."""
        if workers != self._workers:
            self._workers = workers
            self._loop.call_soon_threadsafe(self._keeper.resize, workers)

    def close(self) -> None:
        """Stop scheduler and workers; a worker that is just starting may answer late, and dies with this process."""
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(_CLOSE_S)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except Exception as error:
            if self._started.done():
                raise
            self._started.set_exception(error)

    async def _serve(self) -> None:
        untyped: Any = Scheduler
        scheduler = untyped(
            host="127.0.0.1",
            port=0,
            protocol="tcp",
            dashboard=False,
            dashboard_address="127.0.0.1:0",  # None would take the well-known port
        )
        async with scheduler:
            keeper = WorkerKeeper(scheduler.address, self._memory_limit, None, scheduler)
            keeper.resize(self._workers)
            self._started.set_result((scheduler.address, keeper))
            await self._ended.wait()
            await keeper.close()


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Paths of the certificate authority, the certificate and its key."""

    ca: str
    certificate: str
    key: str


class RemotePool:
    """A scheduler that others run.

    Raises
    ------
    EngineError
        If it is neither on this machine nor behind TLS: an open Dask port is remote code execution.
    """

    def __init__(self, address: str, tls: TlsFiles | None = None, *, allow_insecure: bool = False) -> None:
        configure_dask()
        refuse_insecure(address, allow_insecure=allow_insecure)
        self._address: Final = address
        self._security: Final = None if tls is None else security_of(tls)

    @property
    def address(self) -> str:
        """As configured."""
        return self._address

    @property
    def security(self) -> Security | None:
        """As configured."""
        return self._security

    @property
    def wanted(self) -> int | None:
        """None: the operator of the cluster decides."""
        return None

    def resize(self, workers: int) -> None:
        """Do nothing: the operator of the cluster decides."""

    def close(self) -> None:
        """Do nothing: others run it."""


def security_of(tls: TlsFiles) -> Security:
    """Build Dask's view of the keys."""
    return Security(  # type: ignore[no-untyped-call]  # distributed leaves it unannotated
        require_encryption=True,
        tls_ca_file=tls.ca,
        tls_client_cert=tls.certificate,
        tls_client_key=tls.key,
        tls_scheduler_cert=tls.certificate,
        tls_scheduler_key=tls.key,
        tls_worker_cert=tls.certificate,
        tls_worker_key=tls.key,
    )
