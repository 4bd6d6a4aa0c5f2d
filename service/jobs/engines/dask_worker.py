"""What runs on workers and nannies.  The same wheel is installed there; nothing here is sent by value."""

import asyncio
import os
import signal
from functools import cache
from typing import Any, Final

from distributed import Nanny, Worker, get_worker
from distributed.utils import sync

from service.jobs.codec import decode
from service.jobs.engines.engine import Call, Ending, Outcome
from service.jobs.engines.execution import execute, load_table
from service.jobs.engines.fork_server import die_with_parent
from service.jobs.engines.versions import VERSIONS
from service.jobs.values import Payload
from service.operations.plans.plan import Arrays

_POLL_S: Final = 0.01
_POLLS: Final = 1000


@cache
def prepare() -> None:
    """Let this worker die with its parent, because a chunk that holds the interpreter's lock would outlive it."""
    die_with_parent()


def hold(body: bytes) -> Arrays:
    """Decode arrays; Dask keeps the result on the worker for every call that names it."""
    arrays: Arrays = decode(Payload("application/x-npz", body))
    return arrays


def run_call(version: str, table: str, key: str, call: Call, arrays: Arrays | None) -> Outcome:
    """Run one call in a worker, after the ledger knows of it."""
    if version != VERSIONS:
        detail = f"the worker runs {VERSIONS}, the driver {version}: install the same wheel and lock file"
        return Outcome(key, Ending.RAISED, error={"type": "VersionMismatch", "detail": detail, "place": "worker"})
    prepare()
    worker = get_worker()
    wanted = sync(worker.loop, worker.scheduler.minima_began, key=key, worker=worker.address, pid=os.getpid())
    if not wanted:
        return Outcome(key, Ending.UNSTARTED)
    try:
        return execute(load_table(table), key, call, arrays or {})
    finally:
        worker.loop.add_callback(_tell_ended, worker, key)


async def _tell_ended(worker: Worker, key: str) -> None:
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
