"""``python -m service.jobs.cluster scheduler|worker``: a pool of several machines, set up for bounded chunks."""

import argparse
import asyncio
from typing import Any

from distributed import Scheduler
from distributed.security import Security

from service.jobs.engines.dask_keeper import WorkerKeeper
from service.jobs.engines.dask_pool import TlsFiles, configure_dask, prepare_forks, security_of
from service.jobs.one_thread import ask_for_one_thread
from service.jobs.own_folder import OwnFolder, sweep


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
    keeper = WorkerKeeper(address, memory_limit or "auto", _security(tls))
    keeper.resize(count)
    try:
        await asyncio.Event().wait()
    finally:
        await keeper.close()


def settle() -> None:
    """Keep temporary files in a folder of this process, and remove those of processes that were killed."""
    sweep()
    folder = OwnFolder.make()
    if folder is not None:
        folder.settle()


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
    ask_for_one_thread()
    settle()
    if options.role == "scheduler":
        asyncio.run(run_scheduler(options.host, options.port, tls))
    else:
        prepare_forks(options.preload)
        asyncio.run(run_workers(options.address, options.workers, options.memory, tls))


if __name__ == "__main__":
    main()
