"""The process that workers are forks of: it has imported everything, so that they start several times faster.

It dies with the process that started it.  Its own test for that cannot see the end while a child that holds the
interpreter's lock keeps the pipe between them open, so the kernel is asked.
"""

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Sequence
from multiprocessing import forkserver
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_PRELOAD: Final = (
    "service.jobs.engines.fork_server",
    "service.jobs.engines.dask_worker",
    "service.jobs.driver.process",
)
_ONE_THREAD: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def start_fork_server(preload: Sequence[str]) -> None:
    """Start the process, or do nothing if it runs.

    Call it from a thread that lives as long as the pool: the kernel ends the fork server with that thread.
    """
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    multiprocessing.get_context("forkserver").set_forkserver_preload([*_PRELOAD, *preload])
    forkserver.ensure_running()


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


# Only in the fork server itself, whose program is given on its command line.
if sys.argv[:1] == ["-c"] and "multiprocessing.forkserver" in " ".join(sys.orig_argv):
    die_with_parent()
