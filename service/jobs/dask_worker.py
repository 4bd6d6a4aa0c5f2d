"""What runs on workers and nannies.  The same wheel is installed there; nothing here is sent by value."""

import asyncio
import ctypes
import os
import signal
import sys
from typing import Any, Final

from distributed import Nanny, Worker, WorkerPlugin, get_worker
from distributed.utils import sync

from service.jobs.codec import decode
from service.jobs.engine import Call, Ending, Outcome
from service.jobs.execution import execute, load_table
from service.jobs.plans import Arrays
from service.jobs.values import Payload
from service.version import ENGINE_VERSION

_PR_SET_PDEATHSIG: Final = 1
_POLL_S: Final = 0.01
_POLLS: Final = 1000


class Prepare(WorkerPlugin):
    """Import the operations before the first chunk, and let the worker die with its nanny."""

    name = f"minima-prepare-{ENGINE_VERSION}"

    def __init__(self, table: str) -> None:
        self._table: Final = table

    def setup(self, worker: Worker) -> None:  # noqa: ARG002 - Dask's hook
        """Run in the worker's process when it starts."""
        load_table(self._table)
        if sys.platform == "linux":
            # A chunk that holds the GIL would otherwise outlive a nanny that was killed.
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def hold(body: bytes) -> Arrays:
    """Decode arrays; Dask keeps the result on the worker for every call that names it."""
    arrays: Arrays = decode(Payload("application/x-npz", body))
    return arrays


def run_call(version: str, table: str, key: str, call: Call, arrays: Arrays | None) -> Outcome:
    """Run one call in a worker, after the ledger knows of it."""
    if version != ENGINE_VERSION:
        detail = f"the worker runs engine {ENGINE_VERSION}, the driver {version}: install the same wheel"
        return Outcome(key, Ending.RAISED, error={"type": "VersionMismatch", "detail": detail, "place": "worker"})
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
