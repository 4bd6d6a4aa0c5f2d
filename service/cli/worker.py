"""``minima worker``: processes that join a scheduler and compute its chunks."""

import asyncio
from typing import Annotated

import typer

from service.cli.errors import CommandError
from service.errors import InputError
from service.settings import Settings


def worker(
    address: Annotated[
        str | None, typer.Argument(help="tcp://HOST:PORT or tls://HOST:PORT; default MINIMA_SCHEDULER_ADDRESS.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes of one thread each.")] = 1,
) -> None:
    """Compute chunks for a scheduler until interrupted; scheduler and worker may start in any order."""
    settings = Settings()
    address = address or settings.scheduler_address
    if address is None:
        raise CommandError("name a scheduler, or set MINIMA_SCHEDULER_ADDRESS")
    # Dask takes a second to import, which no other command should pay.
    from service.jobs.cluster import run_workers, settle  # noqa: PLC0415 - as said
    from service.jobs.config import refuse_insecure  # noqa: PLC0415 - as said
    from service.jobs.engines.dask_pool import TlsFiles, configure_dask, prepare_forks  # noqa: PLC0415 - as said

    refuse_insecure(address, allow_insecure=settings.allow_insecure_scheduler)
    files = (settings.tls_ca, settings.tls_certificate, settings.tls_key)
    if address.startswith("tls://") and None in files:
        raise InputError.at((), "tls:// needs MINIMA_TLS_CA, MINIMA_TLS_CERTIFICATE and MINIMA_TLS_KEY")
    tls = TlsFiles(*(file or "" for file in files)) if address.startswith("tls://") else None
    configure_dask()
    settle()
    prepare_forks([settings.job_table.partition(":")[0]])
    asyncio.run(run_workers(address, workers, settings.worker_memory_bytes, tls))
