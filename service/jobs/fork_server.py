"""Imported by fork servers only, before anything else: a fork server dies with the process that started it.

Its own test for that cannot see the end while a child that holds the interpreter's lock keeps the pipe open.
"""

import ctypes
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "service.jobs.fork_server" and sys.argv[:1] == ["-c"]:
    die_with_parent()
