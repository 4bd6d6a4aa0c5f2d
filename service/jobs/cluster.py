"""``python -m service.jobs.cluster scheduler|worker``: a pool of several machines, set up for bounded chunks."""

import argparse
import asyncio
import contextlib
import logging
from typing import Any, Final

from distributed import Nanny, Scheduler
from distributed.security import Security

from service.jobs.engines.dask_pool import TlsFiles, configure_dask, prepare_forks, security_of

_log: Final = logging.getLogger(__name__)
_RETRY_S: Final = 0.5
_START_S: Final = 60.0


async def run_scheduler(host: str, port: int, tls: TlsFiles | None) -> None:
    """Schedule until the process ends."""
    untyped: Any = Scheduler
    protocol = "tcp" if tls is None else "tls"
    scheduler = untyped(
        host=host,
        port=port,
        protocol=protocol,
        security=_security(tls),
        dashboard=False,
        dashboard_address="127.0.0.1:0",
    )
    async with scheduler:
        await scheduler.finished()


async def run_workers(address: str, count: int, memory_limit: int, tls: TlsFiles | None) -> None:
    """Keep so many workers of one thread at a scheduler, whenever there is one."""
    await asyncio.gather(*(_keep_worker(address, memory_limit, tls) for _ in range(count)))


async def _keep_worker(address: str, memory_limit: int, tls: TlsFiles | None) -> None:
    untyped: Any = Nanny
    while True:
        # A nanny ends with its scheduler; the next one waits for the next scheduler.
        with contextlib.suppress(OSError, asyncio.TimeoutError, RuntimeError):
            nanny = untyped(
                address,
                nthreads=1,
                memory_limit=memory_limit or "auto",
                death_timeout=_START_S,
                security=_security(tls),
                dashboard=False,
            )
            async with nanny:
                _log.info("a worker has joined %s", address)
                await nanny.finished()
        await asyncio.sleep(_RETRY_S)


def _security(tls: TlsFiles | None) -> Security | None:
    return None if tls is None else security_of(tls)


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m service.jobs.cluster", description=__doc__)
    parser.add_argument("--tls-ca")
    parser.add_argument("--tls-certificate")
    parser.add_argument("--tls-key")
    roles = parser.add_subparsers(dest="role", required=True)
    scheduler = roles.add_parser("scheduler")
    scheduler.add_argument("--host", default="127.0.0.1")
    scheduler.add_argument("--port", type=int, default=8786)
    worker = roles.add_parser("worker")
    worker.add_argument("address")
    worker.add_argument("--workers", type=int, default=1)
    worker.add_argument("--memory", type=int, default=0, help="bytes after which a worker is stopped")
    worker.add_argument("--preload", action="append", default=[], help="modules to import before the first fork")
    options = parser.parse_args()
    tls = TlsFiles(options.tls_ca, options.tls_certificate, options.tls_key) if options.tls_ca else None
    configure_dask()
    if options.role == "scheduler":
        asyncio.run(run_scheduler(options.host, options.port, tls))
    else:
        prepare_forks(options.preload)
        asyncio.run(run_workers(options.address, options.workers, options.memory, tls))


if __name__ == "__main__":
    main()
