"""The process that workers are forks of: it has imported everything, so that they start several times faster.

It ends with the process that started it, and its forks end with it.  Its own test for the former cannot see the end
while a child that holds the interpreter's lock keeps the pipe between them open.  The kernel's signal for it would
come too early: it tells of the end of a thread, and a fork server that died is started again by the thread of the
library that happens to need it first.  So the fork server looks for its parent from time to time.

Workers give way to whatever answers at once, which has a niceness of at most 5.  Where the kernel compares only the
processes of one session with each other, and sessions by a niceness of their own (`sched(7)`, autogroups), the fork
server and its forks are a session that stands as far below that of the server.
"""

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Sequence
from functools import partial
from multiprocessing import forkserver
from pathlib import Path
from typing import Final

from service.jobs.one_thread import ask_for_one_thread

_PR_SET_PDEATHSIG: Final = 1
_PRELOAD: Final = (
    "service.jobs.engines.fork_server",
    "service.jobs.engines.dask_worker",
    "service.jobs.driver.process",
)
_LOOK_EVERY_S: Final = 0.25
NICENESS: Final = 10
"""Of workers: below the processes that compute answers at once."""
_OF_SESSION: Final = 5
_TRIES: Final = 5
_AUTOGROUP: Final = Path("/proc/self/autogroup")


def start_fork_server(preload: Sequence[str]) -> None:
    """Start the process, or do nothing if it runs."""
    ask_for_one_thread()
    multiprocessing.get_context("forkserver").set_forkserver_preload([*_PRELOAD, *preload])
    forkserver.ensure_running()


def kill_fork_servers() -> None:
    """Kill the children of this process, which is about to end: one that is stuck would not notice it."""
    for children in Path("/proc/self/task").glob("*/children"):
        # A thread, or a child, may end meanwhile.
        with contextlib.suppress(OSError):
            for pid in children.read_text(encoding="ascii").split():
                os.kill(int(pid), signal.SIGKILL)


def die_with(parent: int) -> None:
    """Let the kernel kill this process when the thread that forked it ends; a fork server has but one.

    The kernel does not report an end that came before the request: a fork server that was killed just after its fork
    left a worker without a nanny, which stayed at the scheduler and kept its folder.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)


def _end_with_parent() -> None:
    """Look for the parent from time to time; forks inherit neither the timer nor, in Dask's workers, this parent."""
    parent = os.getppid()

    def look(*_: object) -> None:
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, _LOOK_EVERY_S, _LOOK_EVERY_S)


def _give_way() -> None:
    """Lower this process, a fork of the fork server."""
    os.nice(NICENESS)


def _give_way_as_session() -> None:
    """Lower the fork server and its forks as a whole, where the kernel weighs sessions against each other."""
    with contextlib.suppress(OSError):  # no such kernel
        os.setsid()
        for _ in range(_TRIES):
            try:
                _AUTOGROUP.write_text(str(_OF_SESSION), encoding="ascii")
            except BlockingIOError:  # ten changes a second on the whole machine, unless root makes them
                time.sleep(0.1)
            else:
                return


# Only in the fork server itself, whose program is given on its command line.
if sys.argv[:1] == ["-c"] and "multiprocessing.forkserver" in " ".join(sys.orig_argv):
    _end_with_parent()
    _give_way_as_session()
    os.register_at_fork(after_in_child=_give_way)
    # A chunk that holds the interpreter's lock would outlive it: no thread of the worker could look.
    os.register_at_fork(after_in_child=partial(die_with, os.getpid()))
