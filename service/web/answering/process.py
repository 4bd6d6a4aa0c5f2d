"""A process beside the server, for work that would hold the interpreter lock or might end the process it runs in."""

import asyncio
import os
import signal
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from importlib import import_module
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from typing import ParamSpec, TypeVar

from service.errors import EngineError
from service.jobs.one_thread import ask_for_one_thread, hold_one_thread

P = ParamSpec("P")
T = TypeVar("T")


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
    """

    def __init__(self, capacity: int, folder: str = "", processes: int = 1) -> None:
        self._capacity = capacity
        self._folder = folder
        self._processes = processes
        self._pool: ProcessPoolExecutor | None = None
        self._running = 0

    async def run(self, limit_s: float, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of a function that can be imported, of arguments that can be sent.

        Raises
        ------
        TimeoutError
            If it takes longer than ``limit_s``.
        EngineError
            If too much work is waiting, or the process was ended from outside.
        """
        if self._running >= self._capacity:
            raise EngineError("too many large requests are waiting to be computed")
        if self._pool is None:
            ask_for_one_thread()
            context = get_context("spawn")
            self._pool = ProcessPoolExecutor(self._processes, context, initializer=_prepare, initargs=(self._folder,))
        self._running += 1
        try:
            future = asyncio.wrap_future(self._pool.submit(call, *args, **kwargs))
            return await asyncio.wait_for(future, limit_s)
        except BrokenProcessPool:
            self._pool = None
            raise EngineError("the process that computed this request was ended") from None
        finally:
            self._running -= 1

    def close(self) -> None:
        """Drop what waits; what runs ends by itself."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)


def _prepare(folder: str) -> None:
    """Set up the process: an interrupt from the terminal is for the server, which then ends this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Loads every library of linear algebra; a limit that is set before that has nothing to act on.
    import_module("scipy.linalg")
    hold_one_thread("process for large bodies and uploads")
    tempfile.tempdir = folder or None
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A killed server tells nobody, and this process would wait for its calls for ever."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
