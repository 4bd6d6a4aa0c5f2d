"""Where a scheduler comes from: a cluster in this process's care, or an address."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import dask
from distributed import LocalCluster
from distributed.security import Security
from distributed.utils import get_mp_context

from service.jobs.config import refuse_insecure
from service.jobs.engines.fork_server import start_fork_server

_log: Final = logging.getLogger(__name__)
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
    """A scheduler in this process and worker processes of one thread and one BLAS thread each."""

    def __init__(self, workers: int, memory_limit: int | None = None, preload: Sequence[str] = ()) -> None:
        configure_dask()
        prepare_forks(preload)
        self._cluster: Final[Any] = LocalCluster(  # type: ignore[no-untyped-call]  # distributed leaves it unannotated
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",  # None would take the well-known port, if another cluster has not
            memory_limit=memory_limit or "auto",
            silence_logs=40,
        )
        self._workers = workers

    @property
    def address(self) -> str:
        """A port of the loopback interface."""
        return str(self._cluster.scheduler_address)

    @property
    def security(self) -> Security | None:
        """None: the loopback interface needs no keys."""
        return None

    def resize(self, workers: int) -> None:
        """Start or stop workers."""
        if workers != self._workers:
            self._workers = workers
            self._cluster.scale(workers)

    def close(self) -> None:
        """Stop scheduler and workers."""
        try:
            self._cluster.close(timeout=2)
        except TimeoutError:
            # A worker that is just starting answers late; it dies with this process.
            _log.info("the pool did not close in time")


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
