"""Keeps workers at a scheduler: one nanny each, and another nanny where one does not bring its worker back.

A nanny starts its process again when that dies, but gives up for good, without a word, when the start itself fails: the
fork server died with the worker, or the scheduler was away for a moment.  Dask's own clusters do not notice it, and
close a nanny that takes longer than `distributed.deploy.lost-worker-timeout`.  Nor do they notice a worker that was
stopped by a signal: it holds its connections, and what is sent to it waits.
"""

import asyncio
import contextlib
import logging
import time
from pathlib import Path
from typing import Any, Final

from distributed import Nanny, Scheduler, Status
from distributed.security import Security

from service.jobs.fork_sockets import forget_dead_fork_servers

_log: Final = logging.getLogger(__name__)
_LOOK_EVERY_S: Final = 0.25
_DOWN_S: Final = 3.0
_STOPPED_S: Final = 10.0
_STARTING_S: Final = 20.0
_STARTING_AT_MOST_S: Final = 120.0
_DEATH_S: Final = 60.0
_CLOSE_S: Final = 3.0
_RETRY_S: Final = 0.5
_QUIET: Final = logging.ERROR


class WorkerKeeper:
    """Keeps a number of workers of one thread, whatever happens to them.

    Parameters
    ----------
    address : str
        The scheduler's.
    memory_limit : int or str
        Bytes after which a worker is stopped, or ``auto``.
    security : Security, optional
        The keys for ``tls://``.
    scheduler : Scheduler, optional
        Where it runs in this process: a worker that it does not know counts as missing.
    """

    def __init__(
        self, address: str, memory_limit: int | str, security: Security | None, scheduler: Scheduler | None = None
    ) -> None:
        self._address: Final = address
        self._memory_limit: Final = memory_limit
        self._security: Final = security
        self._scheduler: Final = scheduler
        self._tasks: Final[list[asyncio.Task[None]]] = []

    def resize(self, workers: int) -> None:
        """Keep so many workers from now on; call it in the event loop."""
        while len(self._tasks) < workers:
            self._tasks.append(asyncio.create_task(self._keep()))
        while len(self._tasks) > workers:
            self._tasks.pop().cancel()

    async def close(self) -> None:
        """Stop every worker."""
        tasks = list(self._tasks)
        self.resize(0)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self) -> None:
        untyped: Any = Nanny
        starting_s = _STARTING_S
        while True:
            nanny = untyped(
                self._address,
                nthreads=1,
                memory_limit=self._memory_limit,
                death_timeout=_DEATH_S,
                security=self._security,
                dashboard=False,
                silence_logs=_QUIET,
                host="127.0.0.1" if self._scheduler is not None else None,
            )
            try:
                await nanny
                _log.info("a worker has joined %s", self._address)
                await self._watch(nanny, starting_s)
                _log.warning("a worker did not come back; starting another")
                # On a machine that is very busy, starting anew each time would never end.
                starting_s = min(2.0 * starting_s, _STARTING_AT_MOST_S)
            except Exception as error:  # noqa: BLE001 - whatever it is, another nanny may have more luck
                _log.info("a worker did not start: %s", type(error).__name__)
            finally:
                await _discard(nanny)
            await asyncio.sleep(_RETRY_S)

    async def _watch(self, nanny: Any, starting_s: float) -> None:
        """Return when a nanny has ended, or its worker has been missing for too long."""
        well, pid = time.monotonic(), None
        while nanny.status not in {Status.closed, Status.failed}:
            patience_s = self._patience_s(nanny, starting_s)
            if patience_s is None:
                well = time.monotonic()
                if nanny.pid != pid:
                    pid = nanny.pid
                    forget_dead_fork_servers()
            elif time.monotonic() - well > patience_s:
                return
            await asyncio.sleep(_LOOK_EVERY_S)

    def _patience_s(self, nanny: Any, starting_s: float) -> float | None:
        """How long a worker in this state may be missing; None for one that works."""
        if nanny.status is not Status.running or nanny.process is None:
            return _DOWN_S
        if _is_stopped(nanny.pid):
            return _STOPPED_S
        if nanny.process.status is Status.running and self._is_known(nanny.worker_address):
            return None
        return starting_s if nanny.process.status in {Status.starting, Status.running} else _DOWN_S

    def _is_known(self, worker: str) -> bool:
        return self._scheduler is None or worker in self._scheduler.workers


def _is_stopped(pid: int | None) -> bool:
    """Whether a signal has stopped a process, where the system says it."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return False
    return fields[0] == "T"


async def _discard(nanny: Any) -> None:
    """Close a nanny, and see to it that its process does not outlive it."""
    process: Any = None if nanny.process is None else nanny.process.process
    with contextlib.suppress(Exception):  # what is thrown away may be in any state
        await asyncio.wait_for(nanny.close(timeout=_CLOSE_S), 3.0 * _CLOSE_S)
    with contextlib.suppress(Exception):  # it has ended, or never began
        await asyncio.wait_for(process.kill(), _CLOSE_S)
