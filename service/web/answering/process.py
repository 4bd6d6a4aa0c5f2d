"""Processes beside the server, for work that would hold the interpreter lock or might end the process it runs in.

Each takes one call at a time.  A call that is over its time is ended with its process, and another process is there
for the next call: a server of forks, with the libraries loaded, makes one in some hundredths of a second.
"""

import asyncio
import os
import signal
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import cache
from importlib import import_module
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext
from multiprocessing.util import Finalize, get_temp_dir
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from service.errors import EngineError
from service.jobs.fork_sockets import forget_dead_fork_servers
from service.jobs.one_thread import ask_for_one_thread, hold_one_thread
from service.jobs.own_folder import OwnFolder
from service.jobs.reused_memory import reuse_memory
from service.web.garbage import leave_out_loaded

P = ParamSpec("P")
T = TypeVar("T")

PRELOADED: Final = "service.web.answering.preloaded"
"""What the calls need; loaded once, before the first fork."""
STARTING_S: Final = 60.0
"""How long a process may take to start, on a machine that is busy or has a slow disk."""
NICENESS: Final = 5
"""Below the event loop, which answers what is cheap, and above the workers of jobs."""


class OwnProcess:
    """One process or a few, started when first needed and replaced when one was ended.

    Parameters
    ----------
    capacity : int
        Calls that may run or wait.
    folder : str
        For temporary files of the calls; empty for the system's.
    processes : int
        At most; another is started only while none is idle.
    patience_s : float
        How long a call may wait for a process.
    """

    def __init__(self, capacity: int, folder: str = "", processes: int = 1, patience_s: float = 30.0) -> None:
        self._capacity = capacity
        self._folder = folder
        self._patience_s = patience_s
        self._turns = asyncio.Semaphore(processes)
        self._idle: list[_Process] = []
        self._busy: set[_Process] = set()
        self._running = 0

    async def run(self, limit_s: float, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of a function that can be imported, of arguments that can be sent.

        Raises
        ------
        TimeoutError
            If it takes longer than ``limit_s`` from its start.  Its process has been ended.
        EngineError
            If too much work is waiting, no process was free or started in time, the process was ended from outside, or
            it had no core to compute on.
        """
        self.check_capacity()
        self._running += 1
        try:
            await self._turn()
            try:
                return await self._run(limit_s, call, *args, **kwargs)
            finally:
                self._turns.release()
        finally:
            self._running -= 1

    def check_capacity(self) -> None:
        """Raise `EngineError` if too much work is waiting."""
        if self._running >= self._capacity:
            raise EngineError("too many requests are waiting to be computed")

    async def warm(self) -> None:
        """Start a process before it is needed; the first call raises what kept it from starting."""
        with suppress(EngineError, OSError):
            await self.run(STARTING_S, os.getpid)

    async def _turn(self) -> None:
        try:
            await asyncio.wait_for(self._turns.acquire(), self._patience_s)
        except TimeoutError:
            raise EngineError("every process that computes is taken") from None

    async def _run(self, limit_s: float, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        process = self._idle.pop() if self._idle else await _started(self._folder)
        self._busy.add(process)
        usable = True
        try:
            return await process.run(limit_s, call, *args, **kwargs)
        except BrokenProcessPool:
            usable = False
            raise EngineError("the process that computed this request was ended") from None
        except (TimeoutError, EngineError, asyncio.CancelledError):
            usable = process.is_idle()
            raise
        finally:
            self._busy.discard(process)
            if usable:
                self._idle.append(process)
            else:
                process.end()

    def close(self) -> None:
        """End every process: those who still wait for one have been given up, and this one could not end before it."""
        for process in self._idle:
            process.leave()
        for process in self._busy:
            process.end(wait=True)
        self._idle.clear()


class _Process:
    """A process and the call that it runs."""

    def __init__(self, pool: ProcessPoolExecutor, pid: int) -> None:
        self._pool = pool
        self.pid = pid
        self._call: Future[object] | None = None

    def is_idle(self) -> bool:
        """Whether nothing runs."""
        return self._call is None or self._call.done()

    async def run(self, limit_s: float, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        before = _seconds_of_core(self.pid)
        future = self._pool.submit(call, *args, **kwargs)
        self._call = future  # type: ignore[assignment]  # whatever it returns
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), limit_s)
        except TimeoutError:
            if before is not None and not future.done():
                used = (_seconds_of_core(self.pid) or before) - before
                if used < STARVED * limit_s:
                    raise EngineError("the machine is too busy to compute this request") from None
            raise

    def leave(self) -> None:
        """Let it end by itself, which an idle one does at once."""
        self._pool.shutdown(wait=True)

    def end(self, *, wait: bool = False) -> None:
        """Kill it, since nobody waits for what it computes; ``wait`` until nothing is left of it."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self._pool.shutdown(wait=wait, cancel_futures=True)


STARVED: Final = 0.25
"""Share of the time by the clock that a call must have had a core for to be called too long."""


async def _started(folder: str) -> _Process:
    """A process that is ready for its first call."""
    try:
        return await asyncio.wait_for(asyncio.to_thread(_start, folder), STARTING_S)
    except TimeoutError:
        raise EngineError("no process could be started in time") from None
    except BrokenProcessPool:
        raise EngineError("a process ended while it started") from None


def _start(folder: str) -> _Process:
    ask_for_one_thread()
    pool = ProcessPoolExecutor(1, _context(), initializer=_prepare, initargs=(folder,))
    process = _Process(pool, pool.submit(os.getpid).result(STARTING_S))
    # the server of forks may have died since the last start
    forget_dead_fork_servers()
    return process


@cache
def _context() -> ForkServerContext:
    context = get_context("forkserver")
    context.set_forkserver_preload([PRELOADED])
    folder = OwnFolder.make()
    if folder is not None:
        # the socket of the server of forks, which nobody would remove if this process was killed
        usual, tempfile.tempdir = tempfile.tempdir, str(folder.path)
        get_temp_dir()
        tempfile.tempdir = usual
        # after what the library removes itself
        Finalize(None, folder.remove, exitpriority=-200)
    return context


def _seconds_of_core(pid: int) -> float | None:
    """User and system time of a process; None where the system does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / float(os.sysconf("SC_CLK_TCK"))


def _prepare(folder: str) -> None:
    """Set up the process: an interrupt from the terminal is for the server, which then ends this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
    # Loads every library of linear algebra; a limit that is set before that has nothing to act on.
    import_module("scipy.linalg")
    hold_one_thread("process for large bodies and uploads")
    reuse_memory()
    tempfile.tempdir = folder or None
    leave_out_loaded()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End with the server: one that is killed says nothing, and this process would wait for its calls for ever."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
