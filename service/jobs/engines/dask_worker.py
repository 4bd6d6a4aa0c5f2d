"""What runs on workers and nannies.  The same wheel is installed there; nothing here is sent by value."""

import asyncio
import contextlib
import os
import signal
from functools import cache
from typing import Any, Final

from distributed import Nanny, Worker, get_worker
from distributed.utils import sync

from service.jobs.codec import decode
from service.jobs.engines.engine import Call, CallOutcome, Ending
from service.jobs.engines.execution import describe, execute, load_table
from service.jobs.engines.versions import VERSIONS
from service.jobs.kind import KindTable
from service.jobs.one_thread import hold_one_thread
from service.jobs.reused_memory import reuse_memory
from service.jobs.values import Payload
from service.operations.plans.plan import Arrays

_BEGIN_S: Final = 30.0
_POLL_S: Final = 0.01
_POLLS: Final = 1000


@cache
def prepared_table(place: str) -> KindTable:
    """The table, once its libraries are imported and held to one thread."""
    table = load_table(place)
    hold_one_thread("worker")
    reuse_memory()
    return table


def hold(body: bytes) -> Arrays:
    """Decode arrays; Dask keeps the result on the worker for every call that names it."""
    arrays: Arrays = decode(Payload("application/x-npz", body))
    return arrays


def run_call(version: str, table: str, key: str, call: Call, arrays: Arrays | None) -> CallOutcome:
    """Run one call in a worker, after the ledger knows of it."""
    if version != VERSIONS:
        detail = f"the worker runs {VERSIONS}, the driver {version}: install the same wheel and lock file"
        return CallOutcome(key, Ending.RAISED, error={"type": "VersionMismatch", "detail": detail, "place": "worker"})
    worker = get_worker()
    try:
        if not _may_begin(worker, key):
            return CallOutcome(key, Ending.UNSTARTED)
        return execute(prepared_table(table), key, call, arrays or {})
    except Exception as error:  # noqa: BLE001 - the table cannot be imported here, and trying again would not help
        return CallOutcome(key, Ending.RAISED, error=describe(error))
    finally:
        worker.loop.add_callback(_tell_ended, worker, key)


def _may_begin(worker: Worker, key: str) -> bool:
    """Tell the ledger; where the way to it is broken, nothing has begun and nobody is to blame."""
    began = worker.scheduler.minima_began
    try:
        arguments: dict[str, Any] = {"key": key, "worker": worker.address, "pid": os.getpid()}
        return bool(sync(worker.loop, began, **arguments, callback_timeout=_BEGIN_S))
    except Exception:  # noqa: BLE001 - a closed connection, a time-out, a loop that ends: the library raises many
        return False


async def _tell_ended(worker: Worker, key: str) -> None:
    # A scheduler that is away has forgotten the call anyway; a worker that ends has closed its ways to it, which the
    # library says as a RuntimeError.
    with contextlib.suppress(OSError, RuntimeError):
        await worker.scheduler.minima_ended(key=key)


async def kill_process(pid: int, dask_worker: Any = None) -> bool:
    """Run in a nanny: kill its worker's process and see it gone.

    Nothing happens to a process that is not, or no longer, this nanny's worker.
    """
    nanny: Nanny = dask_worker
    if nanny.pid != pid:
        return True
    os.kill(pid, signal.SIGKILL)
    for _ in range(_POLLS):
        if not _alive(pid):
            return True
        await asyncio.sleep(_POLL_S)
    return False


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
